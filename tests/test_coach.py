"""What the coach says of the runs that `benchmarks.results` keeps, and where it says it."""

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

import mnistdata
from benchmarks.coach import story
from benchmarks.results import EPOCH
from benchmarks.variants import MISTAKES
from tests.screen import ROOT, RunningLesson
from tests.test_drawing import a_scene
from tests.test_running import final
from visu.coach import RULES, Coach, Curves, curves_of, diagnose
from visu.history import History
from visu.layout import FOOT
from visu.measurement import Digits, Measurement, Score
from visu.painting import Painter
from visu.panels import Panels
from visu.runs import read

RECORDED = ROOT / "benchmarks" / "runs"
SAID = {
    "1.0": ["Underfitting"],
    "2.0": ["Slow start", "Noisy"],
    "2.1": ["Learnt by heart", "Overfitting"],
    "2.2": [],
    "3.0": ["Learnt by heart", "Overfitting"],
    "3.1": ["Learnt by heart"],
    "4.0": ["Slow start"],
    "4.1": ["Learnt by heart"],
    "4.2": ["Learnt by heart"],
    "5.0": [],
}
# A run that a rule applies to in the end, and one that is much like it, but not in that.
EXAMPLES = {
    "NaN": ("log0", "1.0"),
    "Stuck": ("zeros", "2.1"),
    "Diverging": ("far", "1.0"),
    "Underfitting": ("1.0", "2.2"),
    "Overfitting": ("2.1", "2.2"),
    "Learnt by heart": ("3.1", "2.2"),
    "Noisy": ("2.0", "2.1"),
    "Slow start": ("2.0", "2.1"),
}


def recorded(name, seed=0):
    return read(RECORDED / f"{name}-seed{seed}.csv")


def curves(name, seed=0, **others):
    run = recorded(name, seed)
    return Curves(run.training, run.test, {}, classes=10, epoch=EPOCH, **others)


@pytest.mark.parametrize(("lesson", "seed"), [(n, seed) for n in SAID for seed in range(5)])
def test_each_lesson_hears_what_it_should_once_and_in_order(lesson, seed):
    said = story(recorded(lesson, seed))
    # This run overfits, which matters more, before it has learnt everything by heart.
    expected = ["Overfitting"] if (lesson, seed) == ("3.0", 3) else SAID[lesson]
    assert [diagnosis.name for _, diagnosis in said] == expected


@pytest.mark.parametrize("lesson", SAID)
def test_clothes_are_not_judged_as_if_they_were_digits(lesson):
    """The best lesson reads fewer clothes right than the worst reads digits."""
    said = [diagnosis.name for _, diagnosis in story(recorded(f"{lesson}-fashion"), digits=False)]
    assert set(said) <= {"Learnt by heart", "Overfitting"}


def test_a_loss_that_is_no_number_is_noticed_without_tests():
    whole = recorded("log0")
    told = Curves(whole.training, whole.test[-1:], {}, 10, EPOCH, test_once=True)
    first = whole.training[np.isnan(whole.training[:, 2]), 0].min()
    coach = Coach()
    assert coach.hear(told.until(first - 1)) is None
    assert coach.hear(told).since == first


@pytest.mark.parametrize(("classes", "accuracy"), [(2, 0.72), (3, 0.45), (10, 0.2)])
def test_better_than_guessing_is_not_stuck(classes, accuracy):
    iterations = np.arange(0, 2000, 100.0)
    for right, names in ((accuracy, []), (1 / classes, ["Stuck"])):
        rows = np.column_stack([iterations, np.full((20, 2), [right, 0.9 * np.log(classes)])])
        found = diagnose(Curves(rows, rows, {}, classes, EPOCH, digits=False))
        assert ([found.name] if found else []) == names


def test_a_loss_of_nothing_does_not_rise():
    iterations = np.arange(0, 3000, 100.0)
    training = np.column_stack([iterations, np.ones(30), np.zeros(30)])
    for last in (0.0, 0.0005):
        test = np.column_stack([iterations, np.ones(30), np.linspace(0, last, 30)])
        found = diagnose(Curves(training, test, {}, 2, EPOCH, digits=False))
        assert found is None or found.name != "Overfitting"


def test_fewer_test_digits_make_tests_less_certain_not_learning():
    rule = next(r for r in RULES if r.name == "Noisy")
    calm = curves("2.2")
    # Of 10,000 digits, some four change sides between tests; of 500 of these, 4 / sqrt(20).
    test = calm.test.copy()
    change = np.random.default_rng(0).normal(0, 4 / np.sqrt(20), len(test))
    test[:, 1] = np.round(500 * test[:, 1] + change) / 500
    sampled = calm._replace(test=test)
    assert rule.finds(sampled, rule.threshold)
    assert not rule.finds(sampled._replace(tested=500), rule.threshold)


@pytest.mark.parametrize("rule", EXAMPLES)
def test_each_rule_has_a_run_that_it_applies_to_and_one_that_it_does_not(rule):
    (finds, threshold) = next((r.finds, r.threshold) for r in RULES if r.name == rule)
    guilty, innocent = EXAMPLES[rule]
    assert finds(curves(guilty), threshold)
    assert not finds(curves(innocent), threshold)


def test_every_rule_has_examples():
    assert {rule.name for rule in RULES} == {*EXAMPLES, "Drifting"}  # which takes more than a log


def test_the_evidence_is_what_the_curves_show():
    losses = recorded("2.1").test[:, [0, 2]]
    diagnosis = diagnose(curves("2.1"))
    turn = losses[losses[:, 1].argmin(), 0]
    assert abs(diagnosis.since - turn) <= 600
    assert f"since iteration {diagnosis.since:,} the test loss rose by " in diagnosis.evidence
    assert "lessons 2.2 and 3.1" in diagnosis.cure
    nan = diagnose(curves("log0"))
    first = recorded("log0").training
    assert nan.since == first[np.isnan(first[:, 2]), 0].min()


def test_the_same_is_said_however_often_one_listens():
    whole = curves("2.1", seed=3)
    at_once, step_by_step = Coach(), Coach()
    for iteration in whole.training[::7, 0]:
        step_by_step.hear(whole.until(iteration))
    assert step_by_step.hear(whole) == at_once.hear(whole)


def test_only_variables_drift():
    """A logit may well be large; of a run that shows logits, their spread says nothing."""
    for are_variables, names in (((True, True), ["Drifting"]), ((False, True), [])):
        scene = a_scene(mnistdata.read_data_sets().test)._replace(are_variables=are_variables)
        history = History(scene)
        for iteration in range(0, 400, 20):
            score = Score(0.9, 0.3)
            spreads = (np.linspace(-500, 500, 8), np.linspace(-1, 1, 8))
            history.add(Measurement(iteration, 1, score, None, score, None, spreads))
        diagnosis = diagnose(curves_of(scene, history))
        assert ([diagnosis.name] if diagnosis else []) == names


def test_nothing_is_said_of_nothing():
    empty = np.empty((0, 3))
    assert Coach().hear(Curves(empty, empty, {}, 10, EPOCH)) is None


def test_the_terminal_says_it_too_and_knows_how_weights_ended(tmp_path):
    script = MISTAKES["far"].write(tmp_path)
    flags = ("--no-window", "--iterations", 400)
    with RunningLesson(script, *flags, folder=tmp_path) as lesson:
        code, output, error = lesson.wait()
    assert (code, error) == (0, "")
    *_, advice, _ = output.splitlines()
    assert advice.startswith("Drifting: weights have reached ")
    assert final(output)


def test_nothing_drifts_without_that_mistake(run):
    code, output, error = run("1.0", "--iterations", 400)
    assert (code, error) == (0, "")
    assert "Drifting" not in output


def panels_of(name, inches):
    """The panels after a recorded run, and the canvas on which a painter has drawn them."""
    test_set = mnistdata.read_data_sets().test
    scene = a_scene(test_set)._replace(iterations=10_000)
    figure = Figure(inches, dpi=100)
    canvas = FigureCanvasAgg(figure)
    canvas.blit = lambda *_: None  # there is no screen
    panels, painter, history = Panels(figure, scene), None, History(scene)
    painter = Painter(panels)
    canvas.draw()
    painter.adopt()
    run = recorded(name)
    tests = {row[0]: Score(*row[1:]) for row in run.test}
    batch = Digits(test_set.pixels[:100], test_set.classes[:100], test_set.classes[:100])
    for iteration, *score in run.training:
        test = tests.get(iteration)
        spreads = (np.linspace(-1, 1, 8), np.linspace(-0.5, 0.5, 8))
        computed = None if test is None else test_set.classes
        history.add(Measurement(iteration, 1, Score(*score), batch, test, computed, spreads))
    painter.paint(panels.update(history))
    return panels, np.asarray(canvas.buffer_rgba())[..., :3]


@pytest.mark.parametrize(
    ("inches", "shown"),
    [
        ((12.8, 7.2), "Overfitting: since iteration "),
        ((6.4, 4.8), "Overfitting. Dropout answers that: lessons 2.2 and 3.1."),
        ((2.4, 3.0), "Overfitting"),
    ],
)
def test_the_view_says_as_much_as_there_is_room_for(inches, shown):
    panels, pixels = panels_of("2.1", inches)
    assert panels.advice.get_text().startswith(shown)
    foot = pixels[-round(FOOT * 100) :]
    assert (foot < 100).any()
    assert (foot[:, -10:] == 255).all()  # nothing is cut


def test_the_turn_of_the_loss_is_marked_in_its_panel():
    with_mark, _ = panels_of("2.1", (12.8, 7.2))
    without, _ = panels_of("2.2", (12.8, 7.2))
    assert not without.advice.get_text()
    marks = [
        [
            line.get_xdata()[0]
            for line in panels[2].axes.lines
            if line.get_linestyle() == "--" and line.get_visible()
        ]
        for panels in (with_mark, without)
    ]
    assert marks == [[diagnose(curves("2.1")).since], []]
