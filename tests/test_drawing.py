"""What is drawn, as pure functions: percentiles, mosaics, ranges, layout, schedule."""

import matplotlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import mnistdata
from visu.channels import CHANNELS, ChannelsView
from visu.closer import CLOSER, CloserLook
from visu.history import History
from visu.layout import (
    ALL,
    ROOM_TO_LOOK,
    ROOM_TO_LOOK_UPRIGHT,
    UPRIGHT,
    VIEWS,
    axes_rectangle,
    cells,
    wanted,
)
from visu.measurement import Digits, Measurement, Scene, Score, percentiles
from visu.messages import Answer
from visu.mosaics import GLYPHS, misread_first, mosaic
from visu.painting import Painter
from visu.panels import LONGEST_STATE, ROUNDED, WHOLE, Panels
from visu.picture import save
from visu.ranges import (
    ACCURACY_FLOORS,
    accuracy_floor,
    iteration_limit,
    loss_ceiling,
    spread_limits,
)
from visu.schedule import Schedule
from visu.style import LIGHT, STYLES, bytes_of, use_our_own
from visu.tiles import Tiles, scale
from visu.training import thinned

FLOATS = st.floats(-1e6, 1e6, width=32)


@given(arrays.arrays(np.float32, arrays.array_shapes(max_dims=3, max_side=9), elements=FLOATS))
def test_percentiles_stand_between_the_values_in_order(values):
    ordered = np.sort(values, axis=None)
    expected = np.interp(np.linspace(0, len(ordered) - 1, 8), np.arange(len(ordered)), ordered)
    assert np.allclose(percentiles(values), expected, rtol=1e-5, atol=1e-3)


def test_percentiles_take_several_arrays_together():
    weights = [np.arange(10.0).reshape(5, 2), np.arange(10.0, 15.0)]
    assert np.allclose(percentiles(weights), np.arange(8) * 2)


@pytest.mark.filterwarnings("error")  # which a learner would read in the terminal
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_percentiles_of_anything_that_is_not_finite_are_nan(value):
    assert np.isnan(percentiles(np.array([1.0, value, 3.0, 4.0]))).all()


def test_misread_digits_come_first_in_their_order():
    digits = Digits(np.zeros((6, 28, 28, 1)), np.arange(6), np.array([0, 9, 2, 9, 9, 5]))
    assert misread_first(digits, 5).tolist() == [1, 3, 4, 0, 2]


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_a_mosaic_pixel_by_pixel(style):
    test = mnistdata.read_data_sets().test
    ink, labels = test.pixels[:3, :, :, 0], test.classes[:3]  # 7, 2, 1
    computed = np.array([7, 5, 1])
    painted = mosaic(ink, labels, computed, rows=2, columns=2, style=style)
    paper, pen, wrong, gap = map(bytes_of, (style.paper, style.pen, style.wrong, style.gap))

    def written_on(ground, number):
        share = ink[number][..., None].astype(int)
        return (np.array(ground) * (255 - share) + np.array(pen) * share) // 255

    assert painted.shape == (56, 56, 4)
    assert (painted[..., 3] == 255).all()
    colours = painted[..., :3].astype(int)
    # Read correctly: the ink on paper, as the file has it.
    assert (colours[:28, :28] == written_on(paper, 0)).all()
    assert (colours[28:, :28] == written_on(paper, 2)).all()
    # Nothing there.
    assert (colours[28:, 28:] == gap).all()
    # Misread: the same ink on red, but for the two little digits at the lower edge, and a contour.
    red = colours[:28, 28:]
    stamped = np.zeros((28, 28), bool)
    stamped[20:27, 1:5], stamped[20:27, 23:27] = GLYPHS[2], GLYPHS[5]
    near = np.zeros((28, 28), bool)
    for y, x in np.argwhere(stamped):
        near[y - 1 : y + 2, x - 1 : x + 2] = True
    assert (red[~near] == written_on(wrong, 1)[~near]).all()
    assert (red[near & ~stamped] == wrong).all()
    assert (red[20:27, 1:5][GLYPHS[2]] == pen).all()
    assert (red[20:27, 23:27][GLYPHS[5]] == paper).all()


def contrast(one, other):
    """Of two colours, 1 to 21, as the Web Content Accessibility Guidelines define it."""

    def luminance(colour):
        share = np.array(bytes_of(colour)) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        return linear @ (0.2126, 0.7152, 0.0722)

    darker, brighter = sorted(map(luminance, (one, other)))
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_what_is_to_be_read_stands_out(style):
    """4.5 is what those guidelines ask for of texts, 3 of larger ones and of other marks."""
    assert contrast(style.ink, style.paper) > 7
    assert contrast(style.faint, style.paper) > 4.5
    for mark in (style.training, style.test, style.wrong_mat):
        assert contrast(mark, style.paper) > 3
    assert contrast(style.pen, style.wrong) > 4.5
    assert contrast(style.paper, style.wrong) > 2.5  # the digits on them differ too
    for bands in zip(style.bands, style.bands[1:], strict=False):
        assert contrast(*bands) > 1.3


def test_scaling_keeps_shape_and_ink():
    pixels = mnistdata.read_data_sets().test.pixels[:40]
    for side in (10, 16, 28, 61):
        scaled = scale(pixels, side)
        assert scaled.shape == (40, side, side)
        assert abs(scaled.mean() - pixels.mean()) < 2
        # Each digit stays where it is: its centre of ink does not move by a tenth of its width.
        for before, after in zip(pixels[..., 0].astype(float), scaled.astype(float), strict=True):
            for axis in (0, 1):
                centres = [
                    (a.sum(axis=axis) * (np.arange(len(a)) + 0.5)).sum() / a.sum() / len(a)
                    for a in (before, after)
                ]
                assert abs(centres[0] - centres[1]) < 0.1


def test_scaling_is_pillows_and_the_same_for_some_as_for_all():
    pixels = mnistdata.read_data_sets().test.pixels[:40]
    for side in (13, 61):
        scaled = scale(pixels, side)
        lazily = Tiles(pixels, side)
        assert (lazily.pick(np.array([7, 3]), np.array([True, False])) == scaled[[7, 3]]).all()
        assert (lazily.pick(np.arange(40), np.zeros(40, bool)) == scaled).all()
        for image, result in zip(pixels[..., 0], scaled, strict=True):
            theirs = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
            # They also round and cut off in between.
            assert np.abs(np.asarray(theirs).astype(int) - result).mean() < 0.5


def curve(*accuracies):
    return np.array([(20 * i, a, 1 - a) for i, a in enumerate(accuracies)], float)


def test_the_accuracy_axis_follows_the_curves():
    assert accuracy_floor(curve(0.1), curve(0.1)) == 0
    rising = curve(0.1, 0.8, *[0.93] * 20)
    assert accuracy_floor(rising, curve(0.1, *[0.94] * 20)) == 0.9
    assert accuracy_floor(rising, curve(0.1, *[0.94] * 20, 0.6)) == 0.5
    assert accuracy_floor(curve(*[0.99] * 20), curve(*[np.nan] * 20)) == 0.95


def test_the_loss_axis_follows_the_curves():
    assert loss_ceiling(curve(0.1), curve(0.1)) == 2.5
    falling = curve(0.1, 0.8, *[0.93] * 20)
    assert loss_ceiling(falling, falling) == 0.1
    assert loss_ceiling(falling, curve(*[-2.0] * 20)) == 5
    assert loss_ceiling(curve(*[np.nan] * 20), curve(*[np.nan] * 20)) == 2.5
    assert loss_ceiling(curve(*[-1e6] * 20), curve(0.1)) > 1e6
    # The axis of a loss that goes up and up does not move with each measurement.
    rising = (curve(*-np.linspace(100, 1e4, 20 * n)) for n in range(1, 99))
    assert len({loss_ceiling(some, some) for some in rising}) <= 3


def test_the_iterations_axis_doubles_until_the_end():
    limits = [iteration_limit(i, 2000) for i in (0, 250, 251, 500, 501, 1000, 1001, 2000)]
    assert limits == [250, 250, 500, 500, 1000, 1000, 2000, 2000]


@pytest.mark.parametrize("floor", [0, *ACCURACY_FLOORS])
def test_an_accuracy_of_1_has_its_line(floor):
    room = (1 - floor) * 0.015
    ticks = ROUNDED.tick_values(floor - room, 1 + room)
    shown = [tick for tick in ticks if floor - room <= tick <= 1 + room]
    assert shown[0] == pytest.approx(floor)
    assert shown[-1] == pytest.approx(1)
    assert 4 <= len(shown) <= 7


@pytest.mark.parametrize("limit", [10_000 / 2**n for n in range(4)] + [300, 2000, 12_000])
def test_iterations_are_round(limit):
    ticks = [tick for tick in WHOLE.tick_values(0, limit) if tick <= limit]
    assert 3 <= len(ticks) <= 5
    assert all(float(f"{tick:.2g}") == tick for tick in ticks)


@pytest.mark.parametrize("height", [1, 30, 45, 60, 75, 90])
@pytest.mark.parametrize("width", [1, 30, 1280])
def test_a_window_without_room_draws_what_it_can(width, height):
    test_set = mnistdata.read_data_sets().test
    figure = Figure((width / 100, height / 100), dpi=100)
    canvas = FigureCanvasAgg(figure)
    canvas.blit = lambda *_: None  # there is no screen
    painter = Painter(panels := Panels(figure, a_scene(test_set)))
    for until in (100, 200):
        canvas.draw()
        painter.adopt()
        painter.paint(panels.update(a_history(test_set, 777, until)))


def test_the_spread_axis_has_room_for_all():
    assert spread_limits(np.array([[-0.3, 0.64]])) == pytest.approx((-0.7, 0.7))
    assert spread_limits(np.full((2, 8), np.nan)) == pytest.approx((-0.1, 0.1))
    assert spread_limits(np.array([[-1e30]]))[0] <= -1e30
    # One bias just below 0 does not cost the others half of the panel.
    assert spread_limits(np.array([[-0.01, 0.24]])) == pytest.approx((-0.1, 0.3))
    lower, upper = spread_limits(np.array([[0, 0.64]]))  # activations are never negative
    assert -0.05 < lower < 0
    assert upper == pytest.approx(0.7)


@pytest.mark.parametrize("key", VIEWS)
@pytest.mark.parametrize("size", [(1280, 720), (1920, 1080), (901, 633), (320, 200), (390, 700)])
def test_panels_fill_the_figure_without_overlap(key, size):
    found = cells(VIEWS[key], *size, dpi=100)
    covered = np.zeros(size, int)
    for left, bottom, width, height in found.values():
        assert width > 0
        assert height > 0
        covered[left : left + width, bottom : bottom + height] += 1
    assert (covered[:, 30 : size[1] - 40] == 1).all()
    assert (covered[:, size[1] - 40 :] == 0).all()


@pytest.mark.parametrize("grid", [None, (10, 10), (25, 40)])
def test_axes_stay_in_their_cell_and_tiles_are_whole_pixels(grid):
    cell = (640, 340, 700, 345)
    x, y, width, height = axes_rectangle(cell, 100, grid)
    assert x >= 640 + 62
    assert x + width <= 640 + 700 - 24
    assert y >= 340 + 27
    assert y + height <= 340 + 345 - 36
    if grid:
        assert width // grid[1] == height // grid[0]
        assert (width % grid[1], height % grid[0]) == (0, 0)


def measured(schedule):
    found, iteration = [0], 0
    while iteration < schedule.iterations:
        iteration = schedule.next_measured(iteration)
        found.append(iteration)
    return found


def test_the_schedule_of_the_first_lesson():
    schedule = Schedule(2000, 10, 50, rarer_tests=False)
    assert measured(schedule) == list(range(0, 2001, 10))
    assert [i for i in measured(schedule) if schedule.is_tested(i)] == list(range(0, 2001, 50))


def test_the_schedule_of_the_later_lessons():
    schedule = Schedule(10_000, 20, 100, rarer_tests=True)
    tested = [i for i in measured(schedule) if schedule.is_tested(i)]
    assert tested == [*range(0, 2000, 100), *range(2000, 10_001, 200)]
    assert sum(map(schedule.is_spread, measured(schedule))) <= 101


def test_an_odd_number_of_iterations_ends_with_a_test():
    schedule = Schedule(137, 20, 100, rarer_tests=True)
    assert measured(schedule) == [0, 20, 40, 60, 80, 100, 120, 137]
    assert schedule.is_tested(137)
    assert schedule.is_spread(137)


def test_a_test_set_for_the_end_is_left_alone_until_then():
    schedule = Schedule(10_000, 20, None, rarer_tests=True)
    assert [i for i in measured(schedule) if schedule.is_tested(i)] == [10_000]


def a_scene(test_set, class_names=tuple("0123456789")):
    return Scene(
        name="lesson",
        title="Lesson",
        iterations=1000,
        epoch=600,
        spreads=("Weights", "Biases"),
        class_names=class_names,
        test_images=test_set.pixels,
        test_labels=test_set.classes,
    )


def test_an_epoch_ends_with_its_last_iteration():
    scene = a_scene(mnistdata.read_data_sets().test)
    assert [scene.epoch_at(i) for i in (0, 1, 600, 601, 12_000)] == [1, 1, 1, 2, 20]
    small = scene._replace(epoch=0.07)  # seven images, a hundred at a time
    assert small.epoch_at(7) == 100


def a_history(test_set, misread, until=1000):
    history = History(a_scene(test_set))
    for iteration in range(0, until + 1, 20):
        computed = test_set.classes.copy()
        computed[:misread] = (computed[:misread] + 1) % 10
        batch = Digits(test_set.pixels[:100], test_set.classes[:100], computed[:100])
        score = Score(1 - misread / len(computed), 0.1)
        spreads = (np.linspace(-1, 1, 8), np.linspace(-0.5, 0.5, 8))
        history.add(Measurement(iteration, 1, score, batch, score, computed, spreads))
    return history


def test_a_picture_that_grew_is_the_picture_drawn_at_once():
    """Step by step, the painter adds to the pixels that it kept; whole, matplotlib draws all."""
    test_set = mnistdata.read_data_sets().test
    pictures = []
    for steps in ([1000], [*range(20, 1000, 60), 1000]):
        figure = Figure((12.8, 7.2), dpi=100)
        canvas = FigureCanvasAgg(figure)
        canvas.blit = lambda *_: None  # there is no screen
        panels = Panels(figure, a_scene(test_set))
        painter = Painter(panels)
        canvas.draw()
        painter.adopt()
        for until in steps:
            painter.paint(panels.update(a_history(test_set, 777, until)))
        pictures.append(np.asarray(canvas.buffer_rgba()).astype(int))
    # Where two pieces of a line meet, their smoothed ends are drawn twice.
    assert np.abs(pictures[0] - pictures[1]).max() < 150
    assert (np.abs(pictures[0] - pictures[1]).max(axis=2) > 8).mean() < 0.001


def test_a_digit_looks_the_same_whatever_was_looked_at_before():
    test_set = mnistdata.read_data_sets().test
    history = a_history(test_set, 3)
    pictures = []
    for opened in ((1,), (0, 1)):  # a 7 and a 2
        figure = Figure((12.8, 7.2), dpi=100)
        canvas = FigureCanvasAgg(figure)
        panels = Panels(figure, a_scene(test_set))
        closer = CloserLook(figure.add_axes((0, 0, 1, 1), label="closer"), a_scene(test_set))
        panels.add(CLOSER, closer)
        panels.show((CLOSER,))
        for index in opened:
            closer.open_digit("test", history.test_digits, index, history)
            closer.take(Answer(closer.question.number, 1000, np.eye(10)[4], None, (), 0))
            closer.paint()
            canvas.draw()
            closer.axes.draw(canvas.get_renderer())
            for artist in closer.artists:
                artist.draw(canvas.get_renderer())
        pictures.append(np.asarray(canvas.buffer_rgba()).copy())
    assert (pictures[0] == pictures[1]).all()


def test_the_history_gives_back_what_was_added():
    history = a_history(mnistdata.read_data_sets().test, 777, until=4000)
    assert history.training.shape == history.test.shape == (201, 3)
    assert (history.training[:, 0] == np.arange(0, 4001, 20)).all()
    assert history.test[-1].tolist() == [4000, pytest.approx(0.9223), pytest.approx(0.1)]
    assert history.spread(1).shape == (201, 9)
    assert (history.spread(1)[100] == [2000, *np.linspace(-0.5, 0.5, 8)]).all()
    assert history.best_test_accuracy == pytest.approx(0.9223)
    assert (history.test_digits.labels != history.test_digits.computed).sum() == 777


@pytest.mark.parametrize("misread", [0, 250, 777, 3000])
def test_the_red_digits_end_where_the_scale_says(misread):
    """100 % is the upper edge, 90 % the lower one; below 90 %, all is red."""
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    panels = Panels(figure, a_scene(test_set))
    panels.update(a_history(test_set, misread))
    for artist in panels[6].artists:
        artist.set_animated(False)
    canvas.draw()
    box = panels[6].axes.bbox
    pixels = np.asarray(canvas.buffer_rgba())[::-1].astype(int)
    first_column = pixels[round(box.y0) + 2 : round(box.y1) - 2, round(box.x0) + 2 :][:, :7]
    red = (first_column == (*bytes_of(LIGHT.wrong), 255)).all(axis=2).any(axis=1)
    expected = min(misread / 10_000 / 0.1, 1.0)
    # Whole rows of digits: the last red one may reach 0.4 % further than the accuracy.
    lowest = (len(red) - np.flatnonzero(red).min()) / len(red) if red.any() else 0.0
    assert expected - 0.01 <= lowest <= expected + 0.05
    assert not red.any() or red[-1]  # from the top


def test_all_six_panels_have_their_titles_and_values():
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    FigureCanvasAgg(figure)
    names = ("shirt", *"123456789")
    panels = Panels(figure, a_scene(test_set, names)._replace(digits=False))
    assert panels.update(a_history(test_set, 777)) == set(ALL)
    texts = " | ".join(text.get_text() for number in ALL for text in panels[number].axes.texts)
    for expected in (
        "Accuracy",
        "Cross-entropy loss",
        "Training images",
        "Weights",
        "Biases",
        "Test images",
        "training 0.9223",
        "test 0.1000",
        "777 of 10,000 misread",
        "0 shirt",
    ):
        assert expected in texts
    assert panels.update(a_history(test_set, 777)) == {3, 6}  # the same curves, other digits


@pytest.mark.parametrize("view", [ALL, (1, 2), (2,)])
@pytest.mark.parametrize("size", [(9.0, 5.6), (12.8, 7.2), (19.2, 10.8)])
def test_losses_stay_below_their_legend(size, view):
    test_set = mnistdata.read_data_sets().test
    figure = Figure(size, dpi=100)
    FigureCanvasAgg(figure)
    panels = Panels(figure, a_scene(test_set))
    panels.update(a_history(test_set, 777))  # losses of 0.1, the highest that this axis is for
    panels.show(view)
    figure.canvas.draw()
    axes = panels[2].axes
    highest = axes.transData.transform((0, 0.1))[1]
    legend = [text for text in axes.texts if text.get_text().startswith("— ")]
    assert len(legend) == 2
    assert highest < min(text.get_window_extent().y0 for text in legend)
    # Back to older limits, as the toolbar goes: the next measurement makes them right again.
    shown = axes.get_ylim()
    panels.show((2,))
    panels.show(view)
    axes.set_ylim(*panels[2]._followed[-2][1])
    panels.update(a_history(test_set, 777, until=980))
    assert axes.get_ylim() == shown


def test_a_picture_of_the_window_has_all_that_the_window_has(tmp_path):
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    panels = Panels(figure, a_scene(test_set))
    panels.update(a_history(test_set, 777))
    pictures = {}
    for said in ("", "a state in words"):
        panels.write_status(1000, said)
        figure.savefig(tmp_path / "panels.png")
        with Image.open(tmp_path / "panels.png") as picture:
            pictures[said] = np.asarray(picture.convert("L")).astype(int)
    canvas.draw()
    shown = np.asarray(canvas.buffer_rgba())[:40, 640:]
    assert (shown == shown[0, 0]).all()  # on the screen, the painter writes it
    first, second = pictures.values()
    assert (first[:40, 640:] < 128).any()
    assert (first != second)[:40, 640:].any()
    assert (first == second)[40:].all()


def test_zoomed_digits_stay_in_their_place_when_one_comes_back_to_them():
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    panels = Panels(figure, a_scene(test_set))
    panels.update(a_history(test_set, 777))
    panels.show((6,))
    axes = panels[6].axes
    axes.set_xlim(0, 4)
    axes.set_ylim(10, 0)
    canvas.draw()
    places = [axes.bbox.bounds]
    for view in ((2,), (6,)):
        panels.show(view)  # the painter has kept the pixels of 6: nothing is drawn again
        places.append(axes.bbox.bounds)
    assert places[2] == pytest.approx(places[0])


def test_the_picture_of_a_run_does_not_depend_on_the_users_settings(tmp_path):
    history = a_history(mnistdata.read_data_sets().test, 777)
    pictures = []
    theirs = {"savefig.dpi": 300, "savefig.facecolor": "red", "savefig.bbox": "tight"}
    for settings in ({}, theirs | {"font.family": ["serif"], "lines.marker": "x"}):
        with matplotlib.rc_context(settings):
            save(a_scene(mnistdata.read_data_sets().test), history, tmp_path / "panels.png")
        with Image.open(tmp_path / "panels.png") as picture:
            pictures.append(np.asarray(picture))
    assert np.array_equal(*pictures)


def test_in_our_processes_only_the_keys_are_the_users():
    theirs = {"font.family": ["serif"], "savefig.dpi": 300, "keymap.pan": ["z"]}
    with matplotlib.rc_context(theirs):
        use_our_own()
        found = {name: matplotlib.rcParams[name] for name in theirs}
    ours = {name: matplotlib.rcParamsDefault[name] for name in theirs}
    assert found == ours | {"keymap.pan": ["z"]}


def test_who_tests_once_has_no_labels_to_explain_until_then():
    scene = a_scene(mnistdata.read_data_sets().test)._replace(test_once=True)
    figure = Figure((12.8, 7.2), dpi=100)
    FigureCanvasAgg(figure)
    panels = Panels(figure, scene)
    panels.show((6,))

    def told():
        return [t for t in panels[6].axes.texts if t.get_visible() and "misread." in t.get_text()]

    assert not told()
    panels.update(a_history(mnistdata.read_data_sets().test, 777))
    assert len(told()) == 1


def test_bands_and_curves_show_the_same_iterations():
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    FigureCanvasAgg(figure)
    panels, history = Panels(figure, a_scene(test_set)), a_history(test_set, 777, until=500)
    panels.update(history)
    history.add(history.last._replace(iteration=520, spreads=()))
    panels.update(history)
    assert [panels[number].axes.get_xlim() for number in (1, 2, 4, 5)] == [(0, 1000)] * 4


@pytest.mark.parametrize("key", ["0", "3", "6", "9"])
@pytest.mark.parametrize("size", [(12.8, 7.2), (19.2, 10.8)])
def test_who_sees_labels_of_misread_digits_is_told_once_what_they_are(size, key):
    test_set = mnistdata.read_data_sets().test
    figure = Figure(size, dpi=100)
    FigureCanvasAgg(figure)
    panels = Panels(figure, a_scene(test_set))
    panels.update(a_history(test_set, 777))
    panels.show(VIEWS[key])
    texts = [text for axes in figure.axes if axes.get_visible() for text in axes.texts]
    told = [t for t in texts if t.get_visible() and t.get_text().startswith("On red: misread.")]
    assert len(told) == 1


@pytest.mark.parametrize("size", [None, (6.4, 4.0), (9.0, 5.6), (12.8, 7.2), (19.2, 10.8)])
@pytest.mark.parametrize("key", VIEWS)
def test_no_text_covers_another_or_reaches_beyond_the_figure(size, key):
    if size is None:  # upright, and as small as it may be
        width, height = wanted(VIEWS[key], 9, 16)
        size = width, max(height, UPRIGHT * width + 0.1)
    test_set = mnistdata.read_data_sets().test
    figure = Figure(size, dpi=100)
    canvas = FigureCanvasAgg(figure)
    scene = a_scene(test_set)._replace(title="Lesson 2.2: five layers, ReLU, decay, dropout")
    panels = Panels(figure, scene)
    panels.update(a_history(test_set, 777))
    panels.show(VIEWS[key])
    panels.write_status(1000, LONGEST_STATE)
    canvas.draw()
    stand_apart(panels)


def stand_apart(panels):
    """Check that no text on the figure covers another or reaches beyond the edge."""
    figure, canvas = panels.figure, panels.figure.canvas
    texts = [panels.heading, panels.status, panels.advice]
    texts += [text for number in panels.cells for text in panels[number].axes.texts]
    boxes = [
        (text.get_text(), text.get_window_extent(canvas.get_renderer()))
        for text in texts
        if text.get_text() and text.get_visible()
    ]
    assert len(boxes) > 1
    for number, (text, box) in enumerate(boxes):
        assert box.x0 >= 0, text
        assert box.x1 <= figure.bbox.width, text
        for other, other_box in boxes[:number]:
            assert not box.shrunk(0.98, 0.7).overlaps(other_box), (text, other)


@pytest.mark.parametrize("size", [(12.8, 7.2), ROOM_TO_LOOK, ROOM_TO_LOOK_UPRIGHT])
@pytest.mark.parametrize("name", ["", "T-shirt, top", "Ankle boot"])
def test_no_text_of_a_closer_look_covers_another(size, name):
    test_set = mnistdata.read_data_sets().test
    figure = Figure(size, dpi=100)
    canvas = FigureCanvasAgg(figure)
    scene = a_scene(test_set)
    if name:
        scene = scene._replace(class_names=(name,) * 10)
    panels, history = Panels(figure, scene), a_history(test_set, 777)
    closer = CloserLook(figure.add_axes((0, 0, 1, 1), label="closer"), scene)
    inside = ChannelsView(figure.add_axes((0, 0, 1, 1), label="channels"), scene, closer)
    panels.add(CLOSER, closer)
    panels.add(CHANNELS, inside)
    panels.write_status(1000, LONGEST_STATE)
    layers = tuple(np.ones((side, side, side)) for side in (6, 12, 24))
    for open_it in (
        closer.open_pad,
        lambda: closer.open_digit("test", history.test_digits, 0, history),
    ):
        open_it()
        for patches, seen in ((np.ones((28, 28, 10)), ()), (np.ones((6, 6, 6)), layers)):
            count = patches.shape[2]
            answer = Answer(closer.question.number, 1000, np.eye(10)[4], patches, seen, count)
            closer.take(answer)
            inside.take(answer)
            for view in (CHANNELS, CLOSER):
                panels.show((view,))
                panels[view].paint()
                canvas.draw()
                stand_apart(panels)
                assert panels[view]._heading.get_text()
                if view == CHANNELS and size[0] > 10:
                    assert inside._rows[1][1].get_text().endswith("white takes away")


@pytest.mark.parametrize("ending", ["svg", "pdf"])
def test_a_closer_look_is_saved_without_what_it_hides(tmp_path, ending):
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    FigureCanvasAgg(figure)
    scene = a_scene(test_set)
    panels, history = Panels(figure, scene), a_history(test_set, 777)
    closer = CloserLook(figure.add_axes((0, 0, 1, 1), label="closer"), scene)
    inside = ChannelsView(figure.add_axes((0, 0, 1, 1), label="channels"), scene, closer)
    panels.add(CLOSER, closer)
    panels.add(CHANNELS, inside)
    closer.open_digit("test", history.test_digits, 0, history)
    answer = Answer(closer.question.number, 1000, np.eye(10)[4], np.ones((28, 28, 10)), (), 10)
    for panel in (closer, inside):
        panel.take(answer)
    for view, shown in ((CLOSER, 1), (CHANNELS, 2)):
        panels.show((view,))
        panels[view].paint()
        file = tmp_path / f"look.{ending}"
        figure.savefig(file)
        if ending == "svg":
            assert file.read_text("utf-8").count("<image") == shown


def test_the_status_follows_when_a_figure_gets_narrower():
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    FigureCanvasAgg(figure)
    panels = Panels(figure, a_scene(test_set))
    panels.write_status(1000, "paused · Space goes on, n a step")
    done = "iteration 1,000 of 1,000"
    for width, said in (
        (12.8, f"{done} · paused · Space goes on, n a step"),
        (4.0, f"{done} · paused"),
        (2.5, done),
        (12.8, f"{done} · paused · Space goes on, n a step"),
    ):
        figure.set_size_inches(width, 7.2)
        panels.arrange()
        assert panels.status.get_text() == said


def test_narrow_axes_leave_out_the_best_value_and_a_title_gets_all_that_the_status_leaves():
    test_set = mnistdata.read_data_sets().test
    title = "Lesson 2.1: five layers, ReLU, a decaying learning rate"
    for width, best, whole in ((12.8, True, True), (11.2, False, True), (6.4, False, False)):
        figure = Figure((width, 5.7), dpi=100)
        FigureCanvasAgg(figure)
        panels = Panels(figure, a_scene(test_set)._replace(title=title))
        panels.update(a_history(test_set, 777))
        legend = [text.get_text() for text in panels[1].axes.texts]
        assert any("best" in text for text in legend) == best
        assert any("0.9223" in text for text in legend)
        assert (panels.heading.get_text() == title) == whole
    figure.set_size_inches(5.5, 5.7)  # a panel's title ends with its cell
    panels.arrange()
    loss = panels[2]
    title, *_ = (text for text in loss.axes.texts if text.get_weight() == "bold")
    assert title.get_text().startswith("Cross-")
    assert title.get_text().endswith("…")
    left, _, width, _ = panels.cells[2]
    assert loss.axes.bbox.x0 + title.pixels_wide() < left + width


@pytest.mark.parametrize("number", [1, 2])
def test_the_dot_of_a_single_test_is_drawn_whole(number):
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=100)
    canvas = FigureCanvasAgg(figure)
    panels = Panels(figure, a_scene(test_set)._replace(test_once=True))
    history = a_history(test_set, 777)
    panels.update(history)
    canvas.draw()
    axes = panels[number].axes
    for artist in panels[number].artists + panels[number].ink(None)[0]:
        axes.draw_artist(artist)
    x, y = axes.transData.transform(history.test[-1, [0, number]])
    row = np.asarray(canvas.buffer_rgba())[-round(y) - 1, :, :3]
    coloured = np.flatnonzero((row == bytes_of(LIGHT.test)).all(axis=1))
    assert coloured[-1] > x + 2  # 6 points are 8 pixels


def test_a_large_tensor_is_thinned_from_all_over_it():
    values = np.arange(10 * 28 * 28 * 24, dtype=np.float32).reshape(10, 28, 28, 24)
    some = thinned(values, 5000)
    assert 3000 < len(some) <= 5000
    # Every channel, row, column and image has its share.
    for shape, axis in ((24, 1), (28, 24), (28, 24 * 28), (10, 24 * 28 * 28)):
        counts = np.bincount((some // axis % shape).astype(int), minlength=shape)
        assert counts.min() > 0.8 * counts.max()
    assert np.allclose(percentiles(some), percentiles(values), rtol=0.01, atol=200)
    assert (thinned(values, values.size) == values.ravel()).all()
