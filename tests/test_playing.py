"""Playing with the digits and with time: clicks, the pad, --digit, single steps, the pace."""

import importlib.util
import time

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis.extra import numpy as arrays
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import mnistdata
import tensorflowvisu
from tests.screen import VirtualScreen, lesson_file, measured
from tests.test_drawing import a_history, a_scene
from tests.test_own_network import IN_THE_PROJECT
from tests.test_running import final
from tests.test_window import DPI, has, look, open_lesson, settled
from visu.channels import as_ink, as_signed, side_by_side
from visu.closer import CLOSER, CloserLook
from visu.control import Control
from visu.errors import UsageError
from visu.handwriting import PAD, as_mnist, draw, read_picture
from visu.layout import VIEWS, axes_rectangle, cells
from visu.messages import Answer, Question
from visu.panels import Panels
from visu.schedule import Schedule
from visu.style import LIGHT
from visu.training import PATCHES, Training

SEVEN = [[(60, 60), (220, 60), (130, 240)]]
ONE = [[(140, 40), (140, 240)]]


def test_digits_of_mnist_are_made_as_mnists_are():
    """Enlarged and moved aside, they come back as they were, but for the blur of enlarging."""
    test, alikes = mnistdata.read_data_sets().test, []
    for image in test.pixels[:50, :, :, 0]:
        large = np.asarray(Image.fromarray(image).resize((112, 112), Image.Resampling.BICUBIC))
        moved = np.pad(np.where(large < 60, 0, large), ((0, 80), (150, 0)))
        again = as_mnist(moved, 28)[..., 0]
        alike = max(
            np.corrcoef(np.roll(again, (down, right), (0, 1)).ravel(), image.ravel())[0, 1]
            for down in (-1, 0, 1)
            for right in (-1, 0, 1)
        )
        alikes.append(alike)
    assert min(alikes) > 0.75
    assert np.mean(alikes) > 0.95


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=60)))
def test_any_ink_is_fitted_and_centred(ink):
    image = as_mnist(ink, 28)
    assert image.shape == (28, 28, 1)
    assert image.dtype == np.uint8
    if ink.max() > 100:
        rows, columns = np.nonzero(image[..., 0])
        assert max(np.ptp(rows), np.ptp(columns)) < 21
    if not ink.any():
        assert not image.any()


def test_strokes_leave_round_ink():
    ink = draw([[(100, 100)]])
    assert ink.shape == (PAD, PAD)
    assert ink[100, 100] == 255
    assert 350 < (ink > 0).sum() < 550  # a dot, as wide as the pen
    assert not draw([]).any()


@pytest.mark.parametrize("dark_on_light", [True, False])
@pytest.mark.parametrize("ending", ["png", "jpg"])
def test_pictures_dark_on_light_or_light_on_dark_hold_the_same_ink(tmp_path, dark_on_light, ending):
    ink = draw(SEVEN)
    grey = np.where(ink > 0, 40, 215) if dark_on_light else np.where(ink > 0, 215, 40)
    path = tmp_path / f"seven.{ending}"
    Image.fromarray(grey.astype(np.uint8)).save(path)
    assert ((read_picture(path) > 127) == (ink > 127)).mean() > 0.995


@pytest.mark.parametrize("size", [(300, 400), (900, 400), (1200, 900)])
def test_shadows_on_a_photograph_are_no_ink(tmp_path, size):
    ink = np.zeros(size, np.uint8)
    top, left = (side - PAD // 2 for side in (size[0] // 2, size[1] // 2))
    ink[top : top + PAD, left : left + PAD] = draw(SEVEN)
    y, x = np.mgrid[: size[0], : size[1]] / np.reshape([[size[0]], [size[1]]], (2, 1, 1))
    across, corner = 0.4 + 0.6 * (x + y) / 2, 1 - 0.75 * np.clip((x + y - 1.4) / 0.6, 0, 1)
    noise = np.random.default_rng(0).normal(0, 3, size)
    for light in (across, corner):
        grey = np.where(ink > 127, 40, 220) * light + noise
        path = tmp_path / "seven.png"
        Image.fromarray(np.clip(grey, 0, 255).astype(np.uint8)).save(path)
        found, expected = as_mnist(read_picture(path), 28), as_mnist(ink, 28)
        assert np.abs(found.astype(int) - expected).mean() < 12


def test_a_transparent_picture_lies_on_white_paper(tmp_path):
    ink = draw(ONE)
    pixels = np.zeros((PAD, PAD, 4), np.uint8)
    pixels[..., 3] = ink
    Image.fromarray(pixels).save(tmp_path / "one.png")
    assert ((read_picture(tmp_path / "one.png") > 127) == (ink > 127)).all()


@pytest.mark.parametrize("kind", [np.uint16, np.int32, np.float32])
def test_scans_of_more_than_eight_bits_hold_the_same_ink(tmp_path, kind):
    ink = draw(SEVEN)
    paper, pen = (0.9, 0.1) if kind == np.float32 else (60_000, 10_000)
    path = tmp_path / ("seven.png" if kind == np.uint16 else "seven.tiff")
    Image.fromarray(np.where(ink > 0, pen, paper).astype(kind)).save(path)
    assert ((read_picture(path) > 127) == (ink > 127)).mean() > 0.995
    Image.fromarray(np.full((50, 50), paper, kind)).save(path)
    with pytest.raises(UsageError, match="found an empty page"):
        read_picture(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "No such file"),
        (b"<html>not found</html>", "found none"),
        (b"", "found none"),
        ("blank", "found an empty page"),
        ("cut", "can't be read"),
    ],
)
def test_a_picture_that_is_none_is_refused_in_one_line(run, tmp_path, content, said):
    path = tmp_path / "digit.png"
    if content == "blank":
        Image.new("L", (50, 50), 200).save(path)
    elif content == "cut":
        Image.fromarray(np.random.default_rng(0).integers(0, 255, (90, 90), np.uint8)).save(path)
        path.write_bytes(path.read_bytes()[:2000])
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(UsageError, match=said):
        read_picture(path)
    if content == "blank":
        code, output, error = run("1.0", "--digit", path)
        assert (code, output) == (2, "")
        assert said in error.splitlines()[-1]
        assert "Traceback" not in error


def test_the_terminal_says_what_is_read_in_a_picture(run, tmp_path):
    seven = Image.fromarray(255 - mnistdata.read_data_sets().test.pixels[0, :, :, 0])
    seven.resize((300, 300)).save(tmp_path / "seven.png")
    flags = ("--iterations", 300, "--digit", "seven.png")
    code, output, error = run("1.0", *flags)
    assert (code, error) == (0, "")
    assert "\nyour digit: 7 (9" in output
    assert final(output)[4] == "300"

    # The question changes nothing but that line.
    def results(text):
        return [line for line in text.splitlines() if "it/s" in line]

    plain = run("1.0", "--iterations", 300)[1]
    for asked, unasked in zip(results(output), results(plain), strict=True):
        assert asked.split(" · ")[:4] == unasked.split(" · ")[:4]


def test_an_answer_of_nan_reads_nothing(run, tmp_path):
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "stroke.png")
    text = lesson_file("1.0").read_text("utf-8").replace("return 0.5", "return 1e8")
    (tmp_path / "far.py").write_text(text, "utf-8")
    flags = ("--iterations", 60, "--digit", "stroke.png")
    code, output, error = run(tmp_path / "far.py", *flags, environment=IN_THE_PROJECT)
    assert (code, error) == (0, "")
    assert "\nyour digit: not read, for the network answers NaN\n" in output

    canvas, panels, closer, history = a_closer_look()
    panels.show((CLOSER,))
    closer.open_digit("test", history.test_digits, 500, history)
    nothing = np.full(10, np.nan, np.float32)
    closer.take(Answer(closer.question.number, 60, nothing, None, (), 0))
    closer.paint()
    assert heading(canvas, closer) == f"Test digit 500: a {history.test_digits.labels[500]}"


def a_closer_look(misread=777):
    test_set = mnistdata.read_data_sets().test
    figure = Figure((12.8, 7.2), dpi=DPI)
    canvas = FigureCanvasAgg(figure)
    scene = a_scene(test_set)
    panels, closer = Panels(figure, scene), CloserLook(figure.add_axes((0, 0, 1, 1)), scene)
    panels.add(CLOSER, closer)
    history = a_history(test_set, misread)
    panels.update(history)
    return canvas, panels, closer, history


def heading(canvas, closer):
    canvas.draw()
    return closer._heading.get_text()


def test_a_click_finds_the_digit_that_is_drawn_there():
    canvas, panels, _, history = a_closer_look(misread=3)
    canvas.draw()
    box = panels[6].axes.bbox
    tile = box.width / 40
    digits, index = panels[6].at(box.x0 + 2.5 * tile, box.y1 - tile / 2)
    assert (digits, index) == (history.test_digits, 2)
    assert panels[6].at(box.x0 + 3.5 * tile, box.y1 - tile / 2)[1] == 3
    assert panels[6].at(box.x0 - 5, box.y1) is None
    assert panels[3].at(panels[3].axes.bbox.x0 + 1, panels[3].axes.bbox.y1 - 1)[1] == 0
    over = panels[6].axes.transData.inverted().transform((box.x0 + tile / 2, box.y1 - tile / 2))
    assert panels[6].axes.format_coord(*over) == "test digit 0: a 7, read as 8"


def test_the_arrows_walk_through_the_misread_digits_and_around():
    canvas, panels, closer, history = a_closer_look(misread=3)
    panels.show((CLOSER,))
    closer.open_digit("test", history.test_digits, 500, history)
    labels = history.test_digits.labels
    assert heading(canvas, closer) == f"Test digit 500: a {labels[500]}"
    for step, index in ((1, 0), (1, 1), (-1, 0), (-1, 2), (1, 0)):
        closer.walk(step)
        assert heading(canvas, closer) == f"Test digit {index}: a {labels[index]}"
    probabilities = np.full(10, 0.01)
    probabilities[labels[0]] = 0.91
    closer.take(Answer(closer.question.number, 1000, probabilities, None, (), 0))
    read = f"Test digit 0: a {labels[0]}, read as {labels[0]} (91 %)"
    assert heading(canvas, closer) == read


def test_the_arrows_stay_with_the_images_that_a_large_batch_keeps():
    canvas, panels, closer, history = a_closer_look(misread=300)
    batch = history.test_digits._replace(images=history.test_digits.images[:100])
    panels.show((CLOSER,))
    closer.open_digit("training", batch, 99, history)
    closer.walk(1)
    assert heading(canvas, closer).startswith("Training digit 0:")


def test_what_is_under_the_mouse_is_what_the_curves_say():
    _, panels, _, _ = a_closer_look()
    assert panels[1].axes.format_coord(333, 0.5) == "iteration 340: training 0.9223, test 0.9223"
    assert panels[2].axes.format_coord(0, 0.5) == "iteration 0: training 0.1000, test 0.1000"
    between = "iteration 500: 1/7 of the values between -0.143 and 0.143"
    assert panels[4].axes.format_coord(499, 0.01) == between
    assert panels[5].axes.format_coord(20, 7) == "iteration 20: all values between -0.5 and 0.5"


def place_of(panel, pixels, grid):
    """A pixel in the upper left tile of a mosaic, from the upper left of the window."""
    height, width = pixels.shape[:2]
    x, y, w, h = axes_rectangle(cells(VIEWS["0"], width, height, DPI)[panel], DPI, grid)
    return x + w // grid[1] // 2, height - y - h + h // grid[0] // 2


@pytest.fixture(scope="module")
def convolutional():
    """The window of a convolutional lesson that has finished, for tests that leave it so."""
    with VirtualScreen() as screen, open_lesson(screen, "3.0", "--iterations", 60) as lesson:
        yield lesson
        lesson.close_window()
        assert lesson.wait()[0] == 0


def test_a_clicked_digit_opens_large_and_escape_goes_back(convolutional):
    lesson, screen = convolutional, convolutional.screen
    everything = settled(screen, lesson)
    seen = []
    for panel, grid in ((6, (25, 40)), (3, (10, 10))):
        screen.xdotool("mousemove", *place_of(panel, everything, grid), "click", 1)
        lesson.wait_for(lambda: has(look(screen, lesson), LIGHT.right_bar, 100, within=3))
        seen.append(settled(screen, lesson))
        lesson.key("Right")
        lesson.wait_for(lambda: (look(screen, lesson) != seen[-1]).any())
        lesson.key("Escape")
        lesson.wait_for(lambda: (look(screen, lesson) == everything).all())
    assert (seen[0] != seen[1]).any()


def test_what_the_toolbar_says_of_the_mouse_goes_with_its_view(convolutional):
    lesson, screen = convolutional, convolutional.screen
    width, height = screen.size_of(lesson.id)

    def is_said():  # in black, at the toolbar's right end
        strip = np.asarray(screen.picture((width // 2, height - 40, width, height)), np.int16)
        return has(strip, "#000000", 20, within=60)

    x, y = place_of(3, settled(screen, lesson), (10, 10))
    screen.xdotool("mousemove", x + 2, y)
    screen.xdotool("mousemove", x, y)
    lesson.wait_for(is_said)
    lesson.key("4")
    lesson.wait_for(lambda: not is_said())
    lesson.key("Escape")


def test_rows_of_pictures_hold_them_enlarged():
    pictures = np.arange(18, dtype=np.uint8).reshape(3, 3, 2)
    row = side_by_side(pictures, side=6, gap=4)
    assert row.shape == (8, 2 * 8 + 4)
    assert (row[1:-1:2, 1:7:2] == pictures[..., 0]).all()
    assert (row[2:-1:2, 14:20:2] == pictures[..., 1]).all()
    assert (row[:, 8:12] == 0).all()


def test_weights_are_grey_around_zero_and_outputs_are_ink():
    signed = as_signed(np.array([-2.0, 0.0, 1.0, 2.0]))
    assert signed.tolist() == [0, 128, 191, 255]
    assert as_ink(np.array([0.0, 1.0, 4.0])).tolist() == [0, 64, 255]
    assert as_ink(np.zeros(3)).tolist() == [0] * 3


@pytest.mark.filterwarnings("error")  # which a learner would read in the terminal
def test_what_is_no_number_any_more_is_drawn_as_0():
    spoiled = np.array([np.nan, np.inf, -np.inf, 0.0, 2.0], np.float32)
    assert as_signed(spoiled).tolist() == [128, 128, 128, 128, 255]
    assert as_ink(spoiled).tolist() == [0, 0, 0, 0, 255]


def trained(number):
    """A lesson's answer about a test digit: its module, and the `Answer`."""
    spec = importlib.util.spec_from_file_location("lesson_under_test", lesson_file(number))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    answers, control = [], Control()
    Training(
        module.mnist,
        module.train,
        module.test,
        [module.weights, module.biases],
        Schedule(100, 20, 100, rarer_tests=False),
        control,
        answer=answers.append,
        weights=tensorflowvisu._variables(module.test, module.mnist, 1)[0],
        layers=lambda: module.lesson._layers,
    )
    control.ask(Question(7, module.mnist.test.pixels[0]))
    control.attend(0)
    return module, answers[0]


def test_an_answer_shows_the_layers_of_a_convolutional_lesson():
    module, answer = trained("3.1")
    image = module.mnist.test.images[:1]
    Y, _ = module.test(image, module.mnist.test.labels[:1])
    assert np.allclose(answer.probabilities, Y[0], atol=1e-5)
    assert (answer.number, answer.iteration) == (7, 0)
    assert [layer.shape for layer in answer.layers] == [(28, 28, 6), (14, 14, 12), (7, 7, 24)]
    convolved = tf.nn.conv2d(image, module.W1, strides=1, padding="SAME") + module.B1
    assert np.allclose(answer.layers[0], tf.nn.relu(convolved)[0], atol=1e-5)
    assert (answer.patches == module.W1.numpy()[:, :, 0]).all()


def test_dense_weights_are_pictures_too():
    module, answer = trained("2.1")
    assert answer.layers == ()
    assert answer.patches.shape == (28, 28, PATCHES)
    assert answer.patches_in_all == 200
    assert (answer.patches[3, 5, 7]) == module.W1.numpy()[3 * 28 + 5, 7]


def test_w_turns_from_the_bars_to_the_channels_and_back(convolutional):
    lesson, screen = convolutional, convolutional.screen
    everything = settled(screen, lesson)
    lesson.key("w")
    lesson.wait_for(lambda: has(look(screen, lesson), (128, 128, 128), 200, within=30))
    channels = settled(screen, lesson)
    lesson.key("w")
    lesson.wait_for(lambda: (look(screen, lesson) != channels).any())
    bars = settled(screen, lesson)
    lesson.key("w")
    lesson.wait_for(lambda: (look(screen, lesson) == channels).all())
    lesson.key("Right")
    lesson.wait_for(lambda: (look(screen, lesson) != channels).any())
    lesson.key("Escape")
    lesson.wait_for(lambda: (look(screen, lesson) == everything).all())
    assert (bars != everything).any()


def stroke(screen, points):
    screen.xdotool("mousemove", *points[0], "mousedown", 1)
    for point in points[1:]:
        screen.xdotool("mousemove", *point)
    screen.xdotool("mouseup", 1)


def test_a_drawn_digit_is_read_while_training_in_a_pause_and_after_the_end(screen, tmp_path):
    # As long as nobody presses a key for more speed, it takes half a minute.
    flags = ("--iterations", 10_000)
    with open_lesson(screen, "1.0", *flags, folder=tmp_path, finished=False) as lesson:
        lesson.wait_for(lambda: lesson.iteration() >= 2)
        lesson.key("d")

        def bar():
            """How many pixels of the bars are green: whoever is read has a long one."""
            return (np.abs(look(screen, lesson) - (0, 120, 90)).max(axis=2) < 4).sum()

        lesson.wait_for(lambda: bar() < 100)  # an empty sheet
        stroke(screen, [(250, 200), (250, 300), (252, 500)])
        lesson.wait_for(lambda: bar() > 500)
        lesson.key("space")
        lesson.wait_for(lambda: "paused" in lesson.title())
        lesson.key("d")
        lesson.wait_for(lambda: bar() < 100)
        stroke(screen, [(250, 200), (250, 300), (252, 500)])
        lesson.wait_for(lambda: bar() > 500)
        assert "paused" in lesson.title()
        lesson.key("plus", "space")
        lesson.wait_for(lambda: "finished" in lesson.title())
        lesson.key("d")
        lesson.wait_for(lambda: bar() < 100)
        stroke(screen, [(150, 210), (400, 210), (300, 510)])
        lesson.wait_for(lambda: bar() > 500)
        lesson.close_window()
        assert lesson.wait()[0] == 0


def test_digit_opens_in_the_window(screen, tmp_path):
    Image.fromarray(255 - draw(ONE)).save(tmp_path / "one.png")
    flags = ("--iterations", 300, "--digit", "one.png")
    with open_lesson(screen, "1.0", *flags, folder=tmp_path) as lesson:
        assert has(settled(screen, lesson), LIGHT.right_bar, 500, within=3)
        lesson.key("Escape")
        lesson.wait_for(lambda: not has(look(screen, lesson), LIGHT.right_bar, 5000, within=3))
        lesson.close_window()
        assert "your digit: 1 (" in lesson.wait()[1]


def test_a_fresh_sheet_amid_a_stroke_is_empty_and_all_goes_on(screen, tmp_path):
    with open_lesson(screen, "1.0", "--iterations", 100, folder=tmp_path) as lesson:
        lesson.key("d")
        empty = settled(screen, lesson)
        screen.xdotool("mousemove", 250, 300, "mousedown", 1, "mousemove", 260, 330)
        lesson.wait_for(lambda: (look(screen, lesson) != empty).any())
        screen.xdotool("key", "d")
        lesson.wait_for(lambda: (look(screen, lesson) == empty).all())
        screen.xdotool("mousemove", 270, 360, "mousemove", 280, 390)
        assert (settled(screen, lesson) == empty).all()
        screen.xdotool("mouseup", 1)
        stroke(screen, [(250, 200), (250, 300), (252, 500)])
        lesson.wait_for(lambda: (look(screen, lesson) != empty).any())
        lesson.close_window()
        code, _, error = lesson.wait()
    assert (code, error) == (0, "")


@pytest.mark.parametrize("key", ["w", "Escape", "1"])
def test_another_view_amid_a_stroke_lifts_the_pen(convolutional, key):
    lesson, screen = convolutional, convolutional.screen
    everything = settled(screen, lesson)
    lesson.key("d")
    lesson.wait_for(lambda: (look(screen, lesson) != everything).any())
    settled(screen, lesson)
    screen.xdotool("mousemove", 250, 300, "mousedown", 1, "mousemove", 260, 330)
    lesson.wait_for(lambda: has(look(screen, lesson)[250:380, 200:300], (0, 0, 0), 20, within=80))
    screen.xdotool("key", key)
    after = settled(screen, lesson)
    screen.xdotool("mousemove", 270, 360, "mousemove", 280, 390)
    assert (settled(screen, lesson) == after).all()  # neither lines nor channels go on
    screen.xdotool("mouseup", 1)
    lesson.key("Escape")
    lesson.key("0")
    lesson.wait_for(lambda: (look(screen, lesson) == everything).all())


def test_single_steps_and_another_pace(screen, tmp_path):
    flags = ("--iterations", 100_000, "--log", "run.csv")
    with open_lesson(screen, "1.0", *flags, folder=tmp_path, finished=False) as lesson:
        log = tmp_path / "run.csv"

        lesson.wait_for(lambda: measured(log) > 6)
        lesson.key("space")
        lesson.wait_for(lambda: "paused" in lesson.title())
        settled(screen, lesson)
        before = measured(log)
        for steps in range(1, 4):
            lesson.key("n")
            lesson.wait_for(lambda steps=steps: measured(log) == before + steps)
        settled(screen, lesson)
        assert measured(log) == before + 3  # each step has measured once
        lesson.key("space")

        def a_second():
            before, began = measured(log), time.monotonic()
            time.sleep(2)
            return (measured(log) - before) / (time.monotonic() - began)

        lesson.wait_for(lambda: measured(log) > 20)
        lesson.key("minus", "minus", "minus")
        lesson.wait_for(lambda: 1 <= a_second() <= 2.5)  # two
        lesson.key("plus", "plus", "plus", "plus")
        lesson.wait_for(lambda: a_second() > 10)
        lesson.close_window()
        assert lesson.wait()[0] == 0


def test_a_question_does_not_end_a_pause():
    control, heard = Control(), []
    control.on_question = lambda: heard.append(control.question)
    control.ask("first")
    control.checkpoint()
    control.ask("second")
    control.attend(0)
    assert heard == ["first", "second"]
    control.pause()
    control.step()
    assert not control.paused
    control.step_done()
    assert control.paused
    control.stop()
    control.checkpoint()  # returns
