"""Somebody else's images and network: from arrays and a Keras model to the live view."""

import re

import numpy as np
import pytest
import tensorflow as tf

from mnistdata import DataError, from_arrays
from tests.screen import ROOT, RunningLesson
from tests.test_running import final, rows
from tests.test_window import DPI, has, look, settled
from visu import keras_model
from visu.control import Control
from visu.errors import UsageError
from visu.layout import VIEWS, axes_rectangle, cells
from visu.schedule import Schedule
from visu.style import LIGHT, bytes_of
from visu.training import Training, batches_at_once, evaluated_at_once

IN_THE_PROJECT = {"PYTHONPATH": str(ROOT)}


def some(count, shape=(12, 12, 3), classes=4, seed=0):
    random = np.random.default_rng(seed)
    labels = np.arange(count) % classes
    images = random.integers(0, 100, (count, *shape), np.uint8)
    # The class is told by how red an image is, or how light.
    images.reshape(count, shape[0], shape[1], -1)[..., 0] += np.uint8(
        labels[:, None, None] * (150 // classes)
    )
    return images, labels


def a_model(shape=(12, 12, 3), classes=4, loss="sparse_categorical_crossentropy", last="softmax"):
    layers = [
        tf.keras.Input(shape),
        tf.keras.layers.Conv2D(6, 3, activation="relu", padding="same", strides=2),
        tf.keras.layers.BatchNormalization(momentum=0.8),
        tf.keras.layers.Dropout(0.1),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(classes, activation=last),
    ]
    model = tf.keras.Sequential(layers)
    model.compile("adam", loss)
    return model


# The arrays.


@pytest.mark.parametrize("channels", [(), (1,), (3,)])
@pytest.mark.parametrize("form", ["numbers", "column", "one-hot", "floats", "booleans"])
def test_the_usual_forms_of_arrays_serve(channels, form):
    images, labels = some(30, (7, 9, *channels), classes=2 if form == "booleans" else 4)
    expected = images.reshape(30, 7, 9, -1)
    given = {
        "numbers": labels,
        "column": labels[:, None],
        "one-hot": np.eye(4)[labels % 4],
        "floats": labels.astype(float),
        "booleans": labels.astype(bool),
    }[form]
    for kind in (np.uint8, np.float32, np.float64):
        scaled = images if kind is np.uint8 else images.astype(kind) / 255
        data = from_arrays((scaled, given), (scaled[:5], given[:5]))
        assert (data.train.pixels == expected).all()
        assert (data.train.classes == labels).all()
        assert len(data.test) == 5
        assert data.class_names == tuple(map(str, range(data.train.class_count)))
        assert np.allclose(data.train.images, expected / 255)
        assert (data.train.labels.argmax(axis=1) == labels).all()
        images_block, labels_block = data.train.next_block(2, 10)
        assert images_block.shape == (2, 10, *expected.shape[1:])
        assert labels_block.shape == (2, 10, data.train.class_count)


def test_keras_own_data_sets_fit():
    """`load_data` returns ((images, labels), (test images, test labels)), labels [n, 1]."""
    train, test = some(20), some(10)
    loaded = ((train[0], train[1][:, None]), (test[0], test[1][:, None]))
    data = from_arrays(*loaded, ["a", "b", "c", "d"], seed=3)
    assert data.class_names == ("a", "b", "c", "d")


def test_a_whole_set_comes_in_order():
    data = from_arrays(some(30), some(23)).test
    parts = list(data.in_order(10))
    assert [len(images) for images, _ in parts] == [10, 10, 3]
    assert (np.concatenate([images for images, _ in parts]) == data.images).all()
    assert (np.concatenate([labels for _, labels in parts]) == data.labels).all()


def test_a_thousand_classes():
    images = np.zeros((1000, 5, 5), np.uint8)
    data = from_arrays((images, np.arange(1000)), (images, np.arange(1000)[::-1]))
    assert len(data.class_names) == 1000
    assert data.train.labels.shape == (1000, 1000)
    assert data.test.next_batch(1000)[1].sum() == 1000


def test_ink_is_told_from_photographs():
    drawn = np.zeros((10, 8, 8), np.uint8)
    drawn[:, 2:5, 2:5] = 255
    labels = np.arange(10) % 2
    for images, ink in ((drawn, True), (255 - drawn, False), (np.stack([drawn] * 3, -1), False)):
        assert from_arrays((images, labels), (images, labels)).test.ink is ink


def changed(**changes):
    """Arguments for `from_arrays`, all right but for these parts."""
    images, labels = some(30)
    parts = {"images": images, "labels": labels, "test_images": images, "test_labels": labels}
    parts.update(changes)
    pairs = (parts["images"], parts["labels"]), (parts["test_images"], parts["test_labels"])
    return *pairs, parts.get("names")


IMAGES, LABELS = some(30)
NOT_A_NUMBER = IMAGES / 255
NOT_A_NUMBER[17, 3, 3, 0] = np.nan
BAD_ARRAYS = {
    "floats to 255": ({"images": IMAGES.astype(float)}, r"training images.*divide them by 255"),
    "negative": ({"test_images": IMAGES / 127.5 - 1}, "test images.*floats from -1 to .*scale"),
    "NaN": ({"images": NOT_A_NUMBER}, "found NaN, first in image 17"),
    "infinite": ({"images": np.full(IMAGES.shape, np.inf)}, "from inf to inf"),
    "integers": ({"images": IMAGES.astype(int)}, r"found int64.*astype\(np.uint8\)"),
    "texts": ({"images": np.full(IMAGES.shape, "x")}, "found <U1"),
    "channels first": ({"images": np.moveaxis(IMAGES, 3, 1)}, r"\[30, 3, 12, 12\].*moveaxis"),
    "transparent": ({"images": np.zeros((30, 8, 8, 4), np.uint8)}, "fourth channel out"),
    "flat": ({"images": IMAGES.reshape(30, -1)}, r"found \[30, 432\]"),
    "large": ({"images": np.zeros((30, 65, 8), np.uint8)}, "at most 64 x 64 pixels, found 65 x 8"),
    "none": ({"images": IMAGES[:0], "labels": LABELS[:0]}, "at least one image"),
    "of two sizes": ({"test_images": IMAGES[:, :8]}, "12 x 12 x 3, found 8 x 12 x 3"),
    "ragged": ({"images": [[[0, 1]], [[0]]]}, "unequal parts"),
    "fewer labels": ({"labels": LABELS[:-1]}, "30 images and 29 labels"),
    "label too large": ({"names": ["a", "b", "c"]}, "0 to 2.*found 3 at index 3"),
    "label negative": ({"labels": LABELS - 1}, "found -1 at index 0"),
    "label a fraction": ({"labels": LABELS / 2}, "found 0.5 at index 1"),
    "label NaN": ({"test_labels": np.full(30, np.nan)}, "test labels.*found nan at index 0"),
    "label a text": ({"labels": np.array(["cat"] * 30)}, r"found \['cat'\]"),
    "label huge": ({"labels": LABELS * 1000}, "0 to 999 at the most, found 1000"),
    "labels in a cube": ({"labels": LABELS.reshape(30, 1, 1)}, r"found \[30, 1, 1\]"),
    "not one-hot": ({"labels": np.eye(4)[LABELS] * 0.9}, "something else in row 0"),
    "one-hot for others": ({"test_labels": np.eye(7)[LABELS], "names": list("abcd")}, "for 7"),
    "one class": ({"labels": LABELS * 0, "test_labels": LABELS * 0}, "2 to 1,000, found 1"),
    "names a text": ({"names": "abcd"}, "found the text 'abcd'"),
}


@pytest.mark.parametrize("case", BAD_ARRAYS)
def test_arrays_that_are_no_such_data_get_one_clear_message(case):
    changes, message = BAD_ARRAYS[case]
    with pytest.raises(DataError, match=message) as caught:
        from_arrays(*changed(**changes))
    assert "\n" not in str(caught.value)
    assert "expected" in str(caught.value)


def test_labels_without_images_are_refused():
    with pytest.raises(DataError, match=r"test set: expected a pair.*found an array of shape"):
        from_arrays(some(30), some(30)[0])


# The model.


def trained(model, data, iterations=300, batch=20):
    """The measurements of a run without a window."""
    train, test, spreads = keras_model.parts_of(model, data)
    schedule = Schedule(iterations, 50, 50, rarer_tests=False)
    spreads = list(spreads.values())
    return list(Training(data, train, test, spreads, schedule, Control(), batch).measurements())


@pytest.mark.parametrize("loss", ["sparse_categorical_crossentropy", "categorical_crossentropy"])
@pytest.mark.parametrize("last", ["softmax", None])
def test_a_keras_model_learns(loss, last):
    tf.keras.utils.set_random_seed(0)
    losses = tf.keras.losses
    kinds = {"s": losses.SparseCategoricalCrossentropy, "c": losses.CategoricalCrossentropy}
    compiled = loss if last else kinds[loss[0]](from_logits=True)
    model = a_model(loss=compiled, last=last)
    data = from_arrays(some(203), some(57, seed=1))
    first, *_, end = trained(model, data)
    assert first.test.accuracy < 0.6
    assert end.test.accuracy > 0.9
    assert end.test.loss < first.test.loss
    # As Keras itself counts.
    computed = model.predict(data.test.images, verbose=0)
    assert (computed.argmax(axis=1) == end.test_computed).all()
    truth = data.test.classes if loss[0] == "s" else data.test.labels
    keras_loss = model.evaluate(data.test.images, truth, verbose=0)
    assert end.test.loss == pytest.approx(keras_loss, rel=1e-3)
    assert end.training_digits.images.shape == (20, 12, 12, 3)
    # What a closer look at an image shows are probabilities, also of a model that ends in logits.
    _, test, _ = keras_model.parts_of(model, data)
    Y, _ = test(data.test.images, data.test.labels)
    assert np.allclose(np.sum(Y, axis=1), 1, atol=1e-5)


def test_a_loss_that_is_a_sum_is_shown_as_a_mean():
    losses = tf.keras.losses
    model = a_model(loss=losses.SparseCategoricalCrossentropy(reduction="sum"))
    data = from_arrays(some(20), some(57, seed=1))
    Y, shown = keras_model.parts_of(model, data)[1](data.test.images, data.test.labels)
    each = losses.sparse_categorical_crossentropy(data.test.classes, Y)
    assert float(shown) == pytest.approx(float(tf.reduce_mean(each)), rel=1e-5)


def test_kernels_are_weights_and_the_rest_biases():
    model, data = a_model(), from_arrays(some(20), some(20))
    _, _, spreads = keras_model.parts_of(model, data)
    assert [tuple(v.shape) for v in spreads["weights"]] == [(3, 3, 3, 6), (216, 4)]
    assert [tuple(v.shape) for v in spreads["biases"]] == [(6,), (6,), (6,), (4,)]


def test_batch_normalisation_and_weight_decay_take_part():
    regularizer = tf.keras.regularizers.L2(1.0)
    layers = [
        tf.keras.Input((12, 12, 3)),
        tf.keras.layers.BatchNormalization(),
        tf.keras.layers.Flatten(),
        tf.keras.layers.Dense(4, "softmax", kernel_regularizer=regularizer, use_bias=False),
    ]
    model = tf.keras.Sequential(layers)
    model.compile(tf.keras.optimizers.SGD(0.1), "categorical_crossentropy")
    before = np.abs(model.layers[-1].kernel.numpy()).mean()
    trained(model, from_arrays(some(100), some(20)))
    assert np.abs(model.layers[-1].kernel.numpy()).mean() < before / 2
    assert (model.layers[0].moving_mean.numpy() > 0.01).all()


class Subclassed(tf.keras.Model):
    """Without an argument that tells it whether it is training."""

    def __init__(self):
        super().__init__()
        self.dense = tf.keras.layers.Dense(4, "softmax")

    def call(self, X):
        return self.dense(tf.reshape(X, [-1, 432]))


def test_a_subclassed_model_serves_once_it_is_built():
    data = from_arrays(some(100), some(20))
    model = Subclassed()
    model.compile("adam", "sparse_categorical_crossentropy")
    with pytest.raises(UsageError, match=r"expected a model that is built.*\(12, 12, 3\)"):
        keras_model.parts_of(model, data)
    model(data.test.images)
    assert trained(model, data, iterations=50)[-1].test.accuracy > 0.25


def unbuilt():
    model = tf.keras.Sequential([tf.keras.layers.Flatten(), tf.keras.layers.Dense(4)])
    model.compile("adam", "categorical_crossentropy")
    return model


def not_compiled():
    dense = tf.keras.layers.Dense(4, "softmax")
    return tf.keras.Sequential([tf.keras.Input((12, 12, 3)), tf.keras.layers.Flatten(), dense])


def not_flattened():
    """Forgot to flatten: an output for each pixel."""
    model = tf.keras.Sequential([tf.keras.Input((12, 12, 3)), tf.keras.layers.Dense(4, "softmax")])
    model.compile("adam", "categorical_crossentropy")
    return model


def frozen():
    dense = tf.keras.layers.Dense(4, trainable=False)
    model = tf.keras.Sequential([tf.keras.Input((12, 12, 3)), tf.keras.layers.Flatten(), dense])
    model.compile("adam", "categorical_crossentropy")
    return model


BAD_MODELS = {
    "a function": (lambda: print, "expected a Keras model on TensorFlow, found builtin_function"),
    "not built": (unbuilt, r"is built.*tf.keras.Input\(\(12, 12, 3\)\)"),
    "not compiled": (not_compiled, "found .* not compiled"),
    "three classes": (lambda: a_model(classes=3), r"each of the 4 classes.*\['n', 3\].*Dense\(4\)"),
    "other images": (lambda: a_model((28, 28, 1)), r"images of \[12, 12, 3\].*Input\(\(12, 12, 3"),
    "an output a pixel": (not_flattened, r"found \['n', 12, 12, 4\]"),
    "another loss": (lambda: a_model(loss="mse"), "found the loss .*squared"),
    "no such loss": (lambda: a_model(loss="crossentroppy"), "found the loss 'crossentroppy'"),
    "logits taken for probabilities": (lambda: a_model(last=None), "from_logits=True, found"),
    "frozen": (frozen, "no trainable variables"),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_a_model_that_does_not_fit_gets_one_clear_message(case):
    make, message = BAD_MODELS[case]
    with pytest.raises(UsageError, match=message) as caught:
        keras_model.parts_of(make(), from_arrays(some(30), some(30)))
    assert "\n" not in str(caught.value)


def test_large_images_go_in_smaller_blocks():
    images = np.zeros((300, 64, 64, 3), np.uint8)
    data = from_arrays((images, LABELS.repeat(10)), (images, LABELS.repeat(10)))
    block = batches_at_once(data.train, 100)
    assert 1 <= block * 100 * 64 * 64 * 3 * 4 <= 2**25
    assert evaluated_at_once(data.test) * 64 * 64 * 3 <= 2000 * 784
    assert batches_at_once(data.train, 10**6) == 1
    small = images[:, :28, :28, 0], LABELS.repeat(10)
    assert batches_at_once(from_arrays(small, small).train, 100) == 100


# The whole.


def test_the_readme_example_trains_live_in_colour(screen, tmp_path):
    """The program in the README, as printed, and what its window shows."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (program,) = re.findall(r"<!-- own network -->\n```python\n(.*?)```", readme, re.DOTALL)
    script = tmp_path / "shapes.py"
    script.write_text(program, "utf-8")
    flags = ("--fast", "--iterations", 400, "--log", "run.csv", "--save", "run.png")
    settings = {"environment": IN_THE_PROJECT, "folder": tmp_path, "screen": screen}
    with RunningLesson(script, *flags, **settings) as lesson:
        lesson.window()
        lesson.wait_for(lambda: "finished" in lesson.title())
        assert lesson.title().startswith("shapes · finished, test accuracy 0.")
        pixels = settled(screen, lesson)
        lesson.key("3")
        lesson.wait_for(lambda: (look(screen, lesson) != pixels).any())
        training = settled(screen, lesson)
        # A closer look at one of the images, and none at a sheet to draw a picture on.
        lesson.key("d")
        height, width = pixels.shape[:2]
        x, y, w, h = axes_rectangle(cells(VIEWS["3"], width, height, DPI)[3], DPI, (10, 10))
        screen.xdotool("mousemove", x + w // 20, height - y - h + h // 20, "click", 1)
        lesson.wait_for(lambda: has(look(screen, lesson), LIGHT.right_bar, 50))
        closer = settled(screen, lesson)
        lesson.close_window()
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert output.startswith("shapes: Discs, squares and diamonds, told apart by a Keras model · ")
    accuracy, _, misread, of, iterations = final(output)
    assert (of, iterations) == ("1000", "400")
    assert float(accuracy) > 0.75  # by chance, 0.33
    assert len(rows(tmp_path / "run.csv")) == 21
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.csv", "run.png", "shapes.py"]

    found = cells(VIEWS["0"], width, height, DPI)

    def part(panel, grid=None):
        x, y, w, h = axes_rectangle(found[panel], DPI, grid)
        return pixels[height - y - h : height - y, x : x + w]

    for panel in (1, 2):
        assert has(part(panel), LIGHT.training)
        assert has(part(panel), LIGHT.test)
    for panel in (4, 5):
        for code in LIGHT.all_bands[:4]:
            assert has(part(panel), code, 100, within=3), (panel, code)
    alone = training[height - y - h : height - y, x : x + w]
    for image in (part(3, (10, 10)), part(6, (25, 40)), alone):
        # Colours from all around the wheel, which grey digits don't have.
        strongest = image.max(axis=-1) - image.min(axis=-1) > 80
        for channel in range(3):
            assert (strongest & (image.argmax(axis=-1) == channel)).mean() > 0.05
    # The closer look shows the same colours as the tile.
    tile = alone[: h // 10, : w // 10]
    inner = tile[h // 40 : -h // 40, w // 40 : -w // 40].reshape(-1, 3).mean(axis=0)
    large = closer[height // 3 : height * 2 // 3, width // 6 : width // 3]
    assert np.abs(large.reshape(-1, 3).mean(axis=0) - inner).max() < 60
    # The misread ones come first, each on a red mat; the others on a white one, which is finer.
    tests = part(6, (25, 40))
    side = tests.shape[1] // 40
    on_red = (tests[side // 2 :: side, 1::side] == bytes_of(LIGHT.wrong_mat)).all(axis=-1)
    assert on_red.sum() == int(misread)
    assert on_red.reshape(-1)[: int(misread)].all()
    edges = tests[side // 2 :: side, side::side]  # the axes' frame covers the first
    assert (edges[~on_red[:, 1:]] == bytes_of(LIGHT.paper)).all()


SCRIPT = '''
"""A very small set."""
import tensorflowvisu
import mnistdata
import numpy as np
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, {text}, iterations={iterations})
random = np.random.default_rng(0)
shape = 9, 11, {channels}
def some(count):
    return random.integers(0, 256, (count, *shape), np.uint8), np.arange(count) % {classes}
data = mnistdata.from_arrays(some({train}), some({test}), seed=lesson.seed)
dense = tf.keras.layers.Dense({outputs}, "softmax")
model = tf.keras.Sequential([tf.keras.Input(shape), tf.keras.layers.Flatten(), dense])
model.compile("adam", "categorical_crossentropy")
lesson.watch(model, data{batch})
'''


@pytest.mark.parametrize(
    "sizes",
    [
        {"train": 7, "test": 10, "text": "None"},
        {"train": 1013, "test": 77, "channels": 1, "classes": 12, "batch": ", batch=33"},
    ],
)
def test_small_and_odd_sets_train_and_are_shown(screen, tmp_path, sizes):
    script = write_script(tmp_path, **sizes)
    settings = {"environment": IN_THE_PROJECT, "folder": tmp_path, "screen": screen}
    with RunningLesson(script, "--fast", "--save", "run.pdf", **settings) as lesson:
        lesson.window()
        lesson.wait_for(lambda: "finished" in lesson.title())
        lesson.key("6")
        lesson.wait_for(lambda: len(np.unique(look(screen, lesson).reshape(-1, 3), axis=0)) > 99)
        lesson.close_window()
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    assert final(output)[3] == str(sizes["test"])
    assert (tmp_path / "run.pdf").exists()


def write_script(folder, **sizes):
    usual = {"text": "__doc__", "iterations": 60, "channels": 3, "classes": 3, "batch": ""}
    values = {**usual, **sizes}
    values.setdefault("outputs", values["classes"])
    script = folder / "mine.py"
    script.write_text(SCRIPT.format(**values))
    return script


@pytest.mark.parametrize(
    ("sizes", "flags", "message"),
    [
        ({}, ("--data", "."), "--data .: mine has data of its own"),
        ({"batch": ", batch=0"}, (), "batch: expected a whole number from 1, found 0"),
    ],
)
def test_a_script_says_in_one_line_what_is_wrong(run, tmp_path, sizes, flags, message):
    script = write_script(tmp_path, train=30, test=30, **sizes)
    code, output, error = run(script, *flags, environment=IN_THE_PROJECT)
    assert (code, output) == (2, "")
    assert error.startswith("error: ")
    assert message in error
    assert error.count("\n") == 1


PLAIN = """
import tensorflowvisu
import mnistdata
import numpy as np
import tensorflow as tf

lesson = tensorflowvisu.Lesson(__name__, "Plain variables", iterations=200)
random = np.random.default_rng(0)
labels = random.integers(0, 3, 500)
images = random.uniform(0, 0.5, (500, 8, 8, 3)) + 0.5 * np.eye(3)[labels][:, None, None]
data = mnistdata.from_arrays((images, labels), (images, labels), seed=lesson.seed)
W, B = tf.Variable(tf.zeros([192, {outputs}])), tf.Variable(tf.zeros([{outputs}]))

def loss_of(Ylogits, Y_):
    return tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(Y_, Ylogits[:, :3]))

@tf.function(jit_compile=True)
def train(images, labels, step, stop):
    while step < stop:
        X, Y_ = images[step % len(images)], labels[step % len(images)]
        with tf.GradientTape() as tape:
            loss = loss_of(tf.reshape(X, [-1, 192]) @ W + B, Y_)
        for variable, gradient in zip([W, B], tape.gradient(loss, [W, B])):
            variable.assign_sub(0.1 * gradient)
        step += 1

{compiled}
def test(X, Y_):
    Ylogits = tf.reshape(X, [-1, 192]) @ W + B
    return tf.nn.softmax(Ylogits), loss_of(Ylogits, Y_)

lesson.run(data, train, test, batch=50, {spreads})
"""


def plain_script(folder, outputs=3, compiled="@tf.function", spreads="weights=[W], biases=[B]"):
    script = folder / "plain.py"
    script.write_text(PLAIN.format(outputs=outputs, compiled=compiled, spreads=spreads))
    return script


@pytest.mark.parametrize("compiled", ["@tf.function", ""])
def test_plain_variables_and_functions_serve_too(run, tmp_path, compiled):
    script = plain_script(tmp_path, compiled=compiled)
    code, output, error = run(script, environment=IN_THE_PROJECT)
    assert (code, error) == (0, "")
    assert float(final(output)[0]) > 0.95


@pytest.mark.parametrize(
    ("spreads", "found"),
    [("", "none"), ("weights=[W]", "weights"), ("a=[W], b=[B], c=[]", "a, b, c")],
)
def test_panels_4_and_5_want_two_names(run, tmp_path, spreads, found):
    script = plain_script(tmp_path, spreads=spreads)
    code, output, error = run(script, environment=IN_THE_PROJECT)
    assert (code, output) == (2, "")
    assert error.startswith("error: run: expected two keywords, for panels 4 and 5")
    assert f", found {found}; " in error
    assert error.count("\n") == 1


def test_functions_with_other_outputs_than_classes_are_refused(run, tmp_path):
    code, output, error = run(plain_script(tmp_path, outputs=5), environment=IN_THE_PROJECT)
    assert (code, output) == (2, "")
    assert "error: test: expected a probability for each class" in error


@pytest.mark.parametrize("flags", [(), ("--save", "film.gif")])
def test_a_lesson_whose_run_could_not_begin_may_run(run, tmp_path, flags):
    script = plain_script(tmp_path)
    again = "lesson.run(data, train, {}, batch=50, weights=[W], biases=[B])"
    text = script.read_text()
    assert text.count(again.format("test")) == 1
    tried = (
        f"try:\n    {again.format('lambda X, Y_: nothing')}\nexcept NameError as error:\n"
        f"    print(error)\n{again.format('test')}"
    )
    script.write_text(text.replace(again.format("test"), tried))
    code, output, error = run(script, *flags, environment=IN_THE_PROJECT)
    assert (code, error) == (0, "")
    assert "name 'nothing' is not defined" in output
    assert all((tmp_path / name).exists() for name in flags[1:])
    assert final(output)


def test_who_stops_a_lesson_at_once_keeps_its_earlier_run(run, tmp_path):
    script = plain_script(tmp_path)
    signature = "def test(X, Y_):\n"
    once = "    if not asked:\n        asked.append(os.kill(os.getpid(), 2))  # Ctrl-C\n"
    text = script.read_text().replace(signature, f"{signature}{once}")
    script.write_text(f"import os\nasked = []\n{text}")
    kept = tmp_path / "runs" / f"{script.stem}.csv"
    kept.parent.mkdir()
    kept.write_text("an earlier run")
    environment = {**IN_THE_PROJECT, "TENSORFLOWVISU_RUNS": str(kept.parent)}
    code, output, error = run(script, environment=environment)
    assert (code, error) == (130, "")
    assert final(output)[4] == "0"
    assert kept.read_text() == "an earlier run"


def test_a_lesson_runs_once(run, tmp_path):
    script = plain_script(tmp_path)
    script.write_text(script.read_text() + "lesson.run(data, train, test, weights=[W], biases=[B])")
    code, output, error = run(script, environment=IN_THE_PROJECT)
    assert code == 2
    assert final(output)
    assert error.startswith("error: run: this lesson has run already")
    assert error.count("\n") == 1
