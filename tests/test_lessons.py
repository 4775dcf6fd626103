"""The lessons: their form, their learning, their repeatability."""

import ast
import difflib
import io
import re
import tokenize
from functools import lru_cache

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from benchmarks.results import row as row_of_results
from benchmarks.results import seconds
from benchmarks.speed import load
from tests.screen import ROOT, lesson_file
from tests.test_window import has
from visu.control import Control
from visu.layout import ALL, cells
from visu.runs import read
from visu.schedule import Schedule
from visu.style import LIGHT
from visu.training import Training

NORMALISED = ["4.0", "4.1", "4.2", "5.0"]
LARGE = ["4.2", "5.0"]
LESSONS = ["1.0", "2.0", "2.1", "2.2", "3.0", "3.1", *NORMALISED]
# Changed lines between neighbours, and the same without docstring, comments and blank lines.
CEILINGS = {
    ("1.0", "2.0"): (60, 34),
    ("2.0", "2.1"): (40, 22),
    ("2.1", "2.2"): (30, 14),
    ("2.2", "3.0"): (65, 36),
    ("3.0", "3.1"): (50, 25),
    ("2.0", "4.0"): (65, 30),
    ("4.0", "4.1"): (30, 22),
    ("2.1", "4.1"): (60, 26),
    ("3.1", "4.2"): (80, 48),
    ("4.2", "5.0"): (130, 85),
}
LENGTHS = {"5.0": 130}  # lines, where it is not a hundred
PARAMETERS = {
    "1.0": 7_850,
    "2.0": 784 * 200 + 200 * 100 + 100 * 60 + 60 * 30 + 30 * 10 + 400,
    "3.0": 25 * 4 + 16 * 4 * 8 + 16 * 8 * 12 + 588 * 200 + 200 * 10 + 4 + 8 + 12 + 200 + 10,
    "3.1": 36 * 6 + 25 * 6 * 12 + 16 * 12 * 24 + 1176 * 200 + 200 * 10 + 6 + 12 + 24 + 200 + 10,
}
PARAMETERS |= dict.fromkeys(("2.1", "2.2", "4.0", "4.1"), PARAMETERS["2.0"])
PARAMETERS["5.0"] = 9 * (16 + 16 * 32 + 32 * 48 + 48 * 64 + 64 * 96 + 96 * 128) + 1280 + 394
PARAMETERS["4.2"] = 36 * 24 + 25 * 24 * 48 + 16 * 48 * 64 + 3136 * 200 + 200 * 10 + 346


def source(number):
    return lesson_file(number).read_text("utf-8")


def each_on_one_worker(numbers):
    """For tests that have a lesson in common: its compilation takes much longer than they do."""
    return [pytest.param(n, marks=pytest.mark.xdist_group(f"lesson {n}")) for n in numbers]


@lru_cache(1)  # a lesson holds 100 MB of digits
def compiled(number):
    """A lesson that can train, and a block of batches, images and labels."""
    lesson = load(number)
    return lesson, *lesson.mnist.train.next_block(20, 100)


def stripped(text):
    """The lines of code: without docstring, comments, blank lines and trailing white space."""
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    kept = [t for t in tokens if t.type != tokenize.COMMENT]
    code = tokenize.untokenize(kept)
    docstring = ast.parse(text).body[0]
    lines = code.splitlines()[docstring.end_lineno :]
    return [line.rstrip() for line in lines if line.strip()]


def changed(before, after):
    lines = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    return sum(line[0] in "+-" for line in lines)


@pytest.mark.parametrize("pair", CEILINGS)
def test_a_diff_shows_the_idea_and_nothing_else(pair):
    whole, code = CEILINGS[pair]
    before, after = map(source, pair)
    assert changed(before.splitlines(), after.splitlines()) <= whole
    assert changed(stripped(before), stripped(after)) <= code


@pytest.mark.parametrize("number", LESSONS)
def test_a_lesson_fits_on_a_screen_and_a_half(number):
    lines = source(number).splitlines()
    assert len(lines) <= LENGTHS.get(number, 100)
    assert max(map(len, lines)) <= 100


@pytest.mark.parametrize("number", LESSONS)
def test_the_header_says_what_is_new_and_what_to_expect(number):
    text = source(number)
    assert text.startswith(f'r"""Lesson {number}: ')
    header = ast.get_docstring(ast.parse(text))
    assert "New here: " in header
    assert "Expect: final test accuracy " in header
    assert number == "1.0" or "Same as " in header


@pytest.mark.parametrize("number", LESSONS)
def test_the_picture_shows_the_shape_of_every_variable(number):
    header = ast.get_docstring(ast.parse(source(number)))
    lesson = load(number)
    for name, value in vars(lesson).items():
        if isinstance(value, tf.Variable):
            assert f"{name} {value.shape.as_list()}" in header


@pytest.mark.parametrize("number", LESSONS)
def test_lessons_stay_at_the_matrix_level(number):
    tree = ast.parse(source(number))
    names = {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    keras = {name for name in names if name.startswith("tf.keras")}
    optimizers = {f"tf.keras.optimizers.{name}" for name in ("Adam", "AdamW")}
    assert keras <= {"tf.keras", "tf.keras.optimizers"} | optimizers
    assert {"tf.Variable", "tf.GradientTape", "tf.function"} <= names
    assert ("tf.math.log" in names) == (number == "1.0")
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    assert imported == {"tensorflowvisu", "mnistdata", "tensorflow"}


def test_nobody_but_the_lessons_knows_the_lessons():
    """Imports point one way: lessons -> tensorflowvisu, mnistdata; and these on their own."""
    theirs = {path.stem for path in (ROOT / "mlengine").glob("*")} - {"README"}
    for path in [ROOT / "mnistdata.py", ROOT / "tensorflowvisu.py", *(ROOT / "visu").rglob("*.py")]:
        forbidden = {"mlengine", "tests", "benchmarks", "mnistdata"} | theirs
        if path.parent != ROOT:
            forbidden.add("tensorflowvisu")
        assert not imports_of(path) & forbidden, path


def test_the_trainer_knows_the_loader_alone():
    for path in (ROOT / "mlengine").rglob("*.py"):
        assert not imports_of(path) & {"tensorflowvisu", "visu", "tests", "benchmarks"}, path
    assert "mnistdata" in imports_of(ROOT / "mlengine" / "trainer" / "data.py")


def imports_of(path):
    """The packages and modules that a file imports, without what is below them."""
    tree = ast.parse(path.read_text("utf-8"))
    imported = {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    imported |= {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    return {name.split(".")[0] for name in imported}


@pytest.mark.parametrize("number", LESSONS)
def test_an_import_trains_nothing_and_leaves_the_functions_usable(number, capfd):
    lesson = load(number)
    assert capfd.readouterr() == ("", "")
    variables = [v for v in vars(lesson).values() if isinstance(v, tf.Variable)]
    assert sum(int(tf.size(v)) for v in variables if v.trainable) == PARAMETERS[number]
    X, Y_ = lesson.mnist.test.images[:50], lesson.mnist.test.labels[:50]
    Y, loss = lesson.test(tf.constant(X), tf.constant(Y_))
    assert Y.shape == (50, 10)
    assert np.allclose(np.sum(Y, axis=1), 1, atol=1e-5)
    # Cross-entropy by its definition.
    expected = -np.mean(np.sum(Y_ * np.log(Y.numpy().astype(float)), axis=1))
    assert float(loss) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("number", each_on_one_worker(LESSONS))
def test_nothing_is_compiled_twice(number):
    lesson, images, labels = compiled(number)

    def train(step, stop):
        lesson.train(images, labels, tf.constant(step), tf.constant(stop))

    before = [v.numpy() for v in vars(lesson).values() if isinstance(v, tf.Variable)]
    train(0, 1)
    for step, stop in ((1, 2), (2, 9), (9, 20), (20, 40), (41, 41)):
        train(step, stop)
    assert lesson.train.experimental_get_tracing_count() == 1
    after = [v.numpy() for v in vars(lesson).values() if isinstance(v, tf.Variable)]
    assert all((a != b).any() for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("number", ["2.1", "3.1"])
def test_it_does_not_matter_how_a_block_is_divided(number):
    def trained(*stops):
        lesson = load(number)
        images, labels = lesson.mnist.train.next_block(20, 100)
        for step, stop in zip((0, *stops), stops, strict=False):
            lesson.train(images, labels, tf.constant(step), tf.constant(stop))
        return [v.numpy() for v in vars(lesson).values() if isinstance(v, tf.Variable)]

    whole, divided = trained(20), trained(1, 3, 11, 20)
    assert all((a == b).all() for a, b in zip(whole, divided, strict=True))


def test_gradient_descent_follows_the_formula():
    """One step of lesson 1.0, written out in NumPy: dL/dlogits = (Y - Y_) / n."""
    lesson = load("1.0")
    images, labels = lesson.mnist.train.next_block(1, 100)
    lesson.train(images, labels, tf.constant(0), tf.constant(1))
    XX, Y_ = images[0].numpy().reshape(100, 784), labels[0].numpy()
    Y = np.full((100, 10), 0.1)  # all weights are zero
    assert np.allclose(lesson.W, -0.5 * XX.T @ (Y - Y_) / 100, atol=1e-6)
    assert np.allclose(lesson.B, -0.5 * (Y - Y_).mean(axis=0), atol=1e-6)


@pytest.mark.parametrize("number", ["2.2", "3.1"])
def test_dropout_is_for_training_only(number):
    lesson = load(number)
    X = tf.constant(lesson.mnist.test.images[:100])
    kept = [lesson.model(X, pkeep=1).numpy() for _ in range(2)]
    dropped = [lesson.model(X, lesson.PKEEP).numpy() for _ in range(2)]
    assert (kept[0] == kept[1]).all()
    assert (dropped[0] != dropped[1]).any()


@pytest.mark.parametrize("number", ["2.1", "2.2", "3.0", "3.1", "4.0", "4.1"])
def test_the_learning_rate_decays(number):
    lesson = load(number)
    rates = [float(lesson.learning_rate(tf.constant(step))) for step in (0, 2000, 10**6)]
    assert rates == pytest.approx([0.0031, 0.0001 + 0.003 / np.e, 0.0001])


@pytest.mark.parametrize(("number", "shape"), [("4.1", [100, 200]), ("4.2", [100, 7, 7, 200])])
def test_batch_normalisation_follows_its_formula(number, shape):
    """In training the batch's own mean and variance, and a step of the averages towards them."""
    lesson = load(number)
    random = np.random.default_rng(0)
    Z, B = random.normal(3, 5, shape).astype("f"), random.normal(size=200).astype("f")
    A = tf.Variable(random.uniform(1, 2, [2, 200]).astype("f"))
    axes = tuple(range(len(shape) - 1))
    mean, variance, before = Z.mean(axes), Z.var(axes), A.numpy()
    trained = lesson.normalise(tf.constant(Z), A, B, training=True)
    assert np.allclose(trained, (Z - mean) / np.sqrt(variance + 1e-5) + B, atol=1e-4)
    assert np.allclose(A, 0.97 * before + 0.03 * np.array([mean, variance]), rtol=1e-4)
    after = A.numpy()
    tested = lesson.normalise(tf.constant(Z), A, B, training=False)
    assert np.allclose(tested, (Z - after[0]) / np.sqrt(after[1] + 1e-5) + B, atol=1e-4)
    assert (A.numpy() == after).all()


def test_one_cycle_of_the_learning_rate_fits_the_run():
    lesson = load("5.0")
    whole = lesson.lesson.iterations
    rates = [float(lesson.learning_rate(tf.constant(int(part * whole)))) for part in (0, 0.25, 1)]
    assert rates[0] == pytest.approx(rates[1] / 10)
    assert rates[1] == pytest.approx(max(rates), rel=1e-3) == pytest.approx(0.01, rel=1e-3)
    assert rates[2] == 0


def test_digits_are_augmented_as_the_formula_says():
    lesson = load("5.0")
    X = lesson.mnist.test.images[:100]
    augmented, again, otherwise = (
        lesson.augment(tf.constant(X), tf.constant(step)).numpy() for step in (7, 7, 8)
    )
    assert (again == augmented).all()
    assert abs(otherwise - augmented).mean() > 0.01
    chance = tf.random.stateless_uniform([6, 100], [lesson.lesson.seed, 7], -1, 1).numpy()
    for number, (turn, slant, wide, high, right, down) in enumerate(chance.T[:10]):
        turn *= 0.22
        turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
        matrix = np.diag([1 + 0.13 * wide, 1 + 0.13 * high]) @ turned @ [[1, 0.13 * slant], [0, 1]]
        rows, columns = np.mgrid[:28, :28] - 13.5
        x, y = np.einsum("ij,jrc->irc", matrix, [columns, rows]) + 13.5
        x, y = x + 2.6 * right, y + 2.6 * down
        left, top = np.floor(x).astype(int), np.floor(y).astype(int)
        paper = np.pad(X[number, :, :, 0], 20)
        expected = sum(
            paper[top + v + 20, left + u + 20] * (1 - abs(x - left - u)) * (1 - abs(y - top - v))
            for u in (0, 1)
            for v in (0, 1)
        )
        assert np.allclose(augmented[number, :, :, 0], expected, atol=1e-3)


def test_the_layers_that_are_shown_are_those_of_the_digit_as_it_is():
    lesson = load("5.0")
    X, Y_ = (tf.constant(of[:1]) for of in (lesson.mnist.test.images, lesson.mnist.test.labels))
    lesson.test.python_function(X, Y_)
    shown = lesson.lesson._layers
    lesson.model(X)
    assert len(shown) == 4
    assert all(map(np.allclose, shown, lesson.lesson._layers))


def test_what_is_shown_is_what_was_trained_on():
    lesson = load("5.0")
    data = lesson.mnist._replace(test=lesson.mnist.test.part(None, 200))
    schedule = Schedule(40, 20, None, rarer_tests=False)
    training = Training(
        data, lesson.train, lesson.test, [], schedule, Control(), augment=lesson.augment
    )
    images = training._images
    for measurement in training.measurements():
        step = max(measurement.iteration - 1, 0)
        X = lesson.augment(images[step], tf.constant(step))
        shown = measurement.training_digits.images
        assert (shown == tf.cast(tf.round(255 * X), tf.uint8)).numpy().all()
        assert (measurement.test is not None) == (measurement.iteration == 40)


@pytest.mark.parametrize("number", each_on_one_worker(NORMALISED))
def test_an_answer_does_not_depend_on_the_other_images(number):
    lesson, images, labels = compiled(number)
    lesson.train(images, labels, tf.constant(0), tf.constant(3))
    X, Y_ = lesson.mnist.test.images[:50], lesson.mnist.test.labels[:50]
    together, _ = lesson.test(tf.constant(X), tf.constant(Y_))
    alone, _ = lesson.test(tf.constant(X[:1]), tf.constant(Y_[:1]))
    assert np.allclose(together[0], alone[0], atol=1e-5)


@pytest.mark.parametrize(
    ("number", "iterations", "floor"),
    [
        ("1.0", 300, 0.895),
        ("2.0", 600, 0.90),
        ("2.1", 600, 0.94),
        ("2.2", 600, 0.93),
        ("3.0", 300, 0.95),
        ("3.1", 300, 0.96),
        ("4.0", 300, 0.88),
        ("4.1", 300, 0.94),
        ("4.2", 40, 0.85),
        ("5.0", 150, 0.93),
    ],
)
def test_a_few_hundred_iterations_learn_to_read(
    run, tmp_path, few_digits, number, iterations, floor
):
    data = ("--data", few_digits) if number in LARGE else ()
    code, output, error = run(number, "--iterations", iterations, *data, "--save", "run.png")
    assert (code, error) == (0, "")
    *_, before, last = output.splitlines()
    assert float(last.split()[3].rstrip(",")) >= floor
    # Of a run without fault the coach says nothing.
    assert before.startswith("Slow start: " if number == "2.0" else f"{iterations}/{iterations} ·")
    # Panels 4 and 5 show the spread of something, whether variables or what becomes of a batch.
    pixels = np.asarray(Image.open(tmp_path / "run.png").convert("RGB"), int)
    height, width = pixels.shape[:2]
    for left, bottom, w, h in (cells(ALL, width, height, 150)[panel] for panel in (4, 5)):
        part = pixels[height - bottom - h : height - bottom, left : left + w]
        assert all(has(part, colour, 100) for colour in LIGHT.bands[:3])


@pytest.mark.parametrize("number", LESSONS)
def test_header_readme_and_results_say_what_was_measured(number):
    header = ast.get_docstring(ast.parse(source(number)))
    ((expected, n),) = re.findall(
        r"Expect: final test accuracy (0\.\d{4} ± 0\.\d{4}) \(mean ± sd, n = (\d+) seeds\)", header
    )
    readme = (ROOT / "README.md").read_text("utf-8")
    (row,) = re.findall(rf"\| `{lesson_file(number).name}` \|.*\|", readme)
    assert f"| {expected} |" in row
    results = (ROOT / "RESULTS.md").read_text("utf-8")
    assert re.search(rf"^\| {number} \| {n} \| {expected} \|", results, re.MULTILINE)
    folder = ROOT / "benchmarks" / "runs"
    runs = [read(folder / f"{number}-seed{seed}.csv") for seed in range(int(n))]
    assert results.count(row_of_results(number, runs, seconds(number, folder))) == 1
