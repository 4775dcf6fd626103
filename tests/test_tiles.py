"""Pictures as tiles, and mosaics of them; labels with several digits; names. Pure functions."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from visu.captions import confusions, cut, decimals, names
from visu.history import History
from visu.measurement import Digits, Measurement, Scene, Score
from visu.mosaics import GLYPHS, label_size, mosaic
from visu.panels import Panels
from visu.panels import test_grid as grid_of_test_images
from visu.panels import training_grid as grid_of_training_images
from visu.style import LIGHT, STYLES, bytes_of
from visu.swift import SwiftScale
from visu.tiles import Tiles, margin, mount, resample, scale, side_around

PICTURES = arrays.arrays(
    np.uint8,
    st.tuples(st.integers(0, 4), st.integers(1, 64), st.integers(1, 64), st.sampled_from([1, 3])),
)
SIDES = st.integers(1, 80)
# The first examples fill caches; on a busy machine, any may be late.
UNHURRIED = settings(deadline=None)


def colours(pixels):
    """The channels of uint32 pixels, uint8 [..., 4]."""
    return np.ascontiguousarray(pixels)[..., None].view(np.uint8)


def columns(picture, side):
    return [picture[:, i : i + side] for i in range(0, picture.shape[1], side)]


@UNHURRIED
@given(PICTURES, SIDES, st.integers(1, 12))
def test_a_mounted_picture_is_opaque_and_centred_with_its_mat_around(images, side, rim):
    mounted = mount(images, side, rim)
    assert mounted.shape == (len(images), side, side)
    seen = mounted != 0
    assert (colours(mounted)[seen][:, 3] == 255).all()
    for picture in seen:
        height, width = picture.any(axis=1).sum(), picture.any(axis=0).sum()
        assert picture.sum() == height * width  # a rectangle
        inner = side - 2 * rim
        if inner < 1:
            assert not picture.any()
            continue
        assert max(height, width) == inner
        # It keeps its shape, to the pixel.
        h, w = images.shape[1:3]
        assert abs(height - h * inner / max(h, w)) < 1
        assert abs(width - w * inner / max(h, w)) < 1
        for axis in (0, 1):
            (places,) = np.nonzero(picture.any(axis=axis))
            assert 0 <= side - 1 - places[-1] - places[0] <= 1


@UNHURRIED
@given(arrays.arrays(np.uint8, (3, 3)), st.integers(1, 64), st.integers(1, 64), SIDES)
def test_a_plain_colour_stays_what_it_is(plain, height, width, side):
    images = np.broadcast_to(plain[:, None, None], (3, height, width, 3))
    assert (resample(images, side, side) == plain[:, None, None]).all()


@UNHURRIED
@given(PICTURES, SIDES)
def test_channels_are_resampled_each_for_itself(images, side):
    whole = resample(images, side, side)
    for channel in range(images.shape[3]):
        alone = resample(images[..., channel : channel + 1], side, side)[..., 0]
        assert np.abs(alone.astype(int) - whole[..., channel]).max(initial=0) <= 1  # rounding


def test_resampling_in_colour_is_pillows():
    random = np.random.default_rng(0)
    small = random.integers(0, 256, (5, 8, 8, 3), np.uint8)
    smooth = [np.asarray(Image.fromarray(image).resize((48, 48), 3)) for image in small]
    for side in (10, 27, 45, 97):
        for image, resampled in zip(smooth, resample(np.array(smooth), side, side), strict=True):
            theirs = Image.fromarray(image).resize((side, side), Image.Resampling.BICUBIC)
            assert np.abs(np.asarray(theirs).astype(int) - resampled).mean() < 0.5


@UNHURRIED
@given(st.integers(1, 64), st.integers(1, 64), SIDES)
def test_ink_keeps_its_shape_on_paper(height, width, side):
    scaled = scale(np.full((1, height, width, 1), 255, np.uint8), side)
    assert scaled.shape == (1, side, side)
    rows, across = (scaled[0].any(axis=axis).sum() for axis in (1, 0))
    assert max(rows, across) == side
    assert abs(rows * max(height, width) - height * side) <= max(height, width)
    assert abs(across * max(height, width) - width * side) <= max(height, width)


@st.composite
def mosaics(draw):
    rows, across, side = draw(st.integers(1, 3)), draw(st.integers(1, 4)), draw(st.integers(1, 60))
    count, classes = draw(st.integers(0, rows * across)), draw(st.integers(2, 1000))
    random = np.random.default_rng(draw(st.integers(0, 99)))
    size = (*random.integers(1, 65, 2), random.choice([1, 3]))
    images = random.integers(0, 256, (count, *size), np.uint8)
    labels = random.integers(0, classes, count)
    computed = np.where(random.random(count) < 0.5, labels, random.integers(0, classes, count))
    return images, labels, computed, rows, across, side, classes


@UNHURRIED
@given(mosaics(), st.sampled_from(list(STYLES.values())))
def test_a_mosaic_of_pictures_pixel_by_pixel(drawn, style):
    images, labels, computed, rows, across, side, classes = drawn
    paper, pen, gap, wrong_mat = map(bytes_of, (style.paper, style.pen, style.gap, style.wrong_mat))
    wrong = labels != computed
    tiles = Tiles(images, side, ink=False).pick(np.arange(len(images)), wrong)
    painted = mosaic(tiles, labels, computed, rows, across, classes, style)
    assert painted.shape == (rows * side, across * side, 4)
    assert (painted[..., 3] == 255).all()
    found = [tile for row in range(rows) for tile in columns(painted[row * side :][:side], side)]
    enlarged = label_size(side, classes, is_ink=False)
    for number, tile in enumerate(found):
        colour = tile[..., :3]
        if number >= len(images):
            assert (colour == gap).all()
            continue
        mat = tiles[number] == 0
        unlabelled = np.ones((side, side), bool)
        if wrong[number] and enlarged:
            unlabelled[side - 8 * enlarged - 1 :] = False
        picture = colours(tiles[number])[..., :3]
        assert (colour[~mat & unlabelled] == picture[~mat & unlabelled]).all()
        assert (colour[mat & unlabelled] == (wrong_mat if wrong[number] else paper)).all()
        if wrong[number] and enlarged:
            assert carries(tile, labels[number], enlarged, pen, paper, True)
            assert carries(tile, computed[number], enlarged, paper, wrong_mat, False)


def carries(tile, number, enlarged, ink, ground, from_left):
    """Whether a tile has this label in its lower corner, digit by digit."""
    digits, side = str(number), len(tile)
    for place, digit in enumerate(digits):
        glyph = GLYPHS[int(digit)].repeat(enlarged, axis=0).repeat(enlarged, axis=1)
        steps = 1 + 5 * place if from_left else -5 * (len(digits) - place)
        x = steps * enlarged % side
        part = tile[side - 1 - 7 * enlarged : side - 1, x : x + 4 * enlarged, :3]
        if (part != np.where(glyph[..., None], ink, ground)).any():
            return False
    return True


@pytest.mark.parametrize("side", range(5, 100))
def test_a_misread_picture_strikes_even_on_red(side):
    """Its mat is broad, whatever colour the picture has; a right one has a fine white line."""
    assert 1 - (1 - 2 * margin(side, wrong=True) / side) ** 2 > 0.3
    assert 1 - (1 - 2 * margin(side, wrong=False) / side) ** 2 < 0.65
    assert margin(side, wrong=False) < margin(side, wrong=True)


@UNHURRIED
@given(st.integers(1, 64))
def test_pictures_can_be_shown_in_their_own_pixels(longest):
    side = side_around(longest)
    images = np.random.default_rng(0).integers(0, 256, (1, longest, longest, 3), np.uint8)
    mounted = mount(images, side, (side - longest) // 2)
    start = (side - longest) // 2
    inner = colours(mounted)[0, start : start + longest, start : start + longest, :3]
    assert side - 2 * margin(side, wrong=True) >= longest
    assert (side - longest) % 2 or (inner == images[0]).all()


@UNHURRIED
@given(st.integers(2, 1000), st.integers(1, 120), st.booleans())
def test_labels_are_left_out_where_they_would_not_be_legible(classes, side, is_ink):
    enlarged = label_size(side, classes, is_ink)
    digits = len(str(classes - 1))
    assert enlarged <= max((side + 20) // 28, 1)
    if side < 20 or 10 * digits > side:
        assert enlarged == 0
    if side >= 12 * digits + 20:
        assert enlarged >= 1


def test_labels_grow_with_their_tiles():
    assert [label_size(side, 10) for side in (8, 16, 20, 35, 36, 63, 64)] == [0, 0, 1, 1, 2, 2, 3]


@pytest.mark.parametrize(
    ("value", "written", "shorter"),
    [
        (0, "0.0000", "0.000"),
        (2.30259, "2.3026", "2.303"),
        (0.001, "0.0010", "0.0010"),
        (0.000999, "0.0010", "0.0010"),
        (0.00041, "0.00041", "0.00041"),
        (9.96e-5, "0.00010", "0.00010"),
        (1.2e-9, "1.2e-09", "1.2e-09"),
        (float("nan"), "nan", "nan"),
        (float("inf"), "inf", "inf"),
    ],
)
def test_small_numbers_are_written_with_two_digits(value, written, shorter):
    assert (decimals(value), decimals(value, 3)) == (written, shorter)


@UNHURRIED
@given(st.integers(1, 100_000))
def test_a_test_set_of_any_size_has_its_rows(count):
    rows, across = grid_of_test_images(count)
    assert across == min(count, 40)
    assert rows <= 25
    assert rows * across >= min(count, 1000)
    assert (rows - 1) * across < count


@UNHURRIED
@given(st.integers(1, 10_000))
def test_a_batch_of_any_size_has_its_place(batch):
    rows, across = grid_of_training_images(batch)
    assert rows <= across <= 10
    assert rows * across >= min(batch, 100)
    assert (rows - 1) * across < batch


@pytest.mark.parametrize("count", [10, 39, 77, 333, 1000, 1500, 50_000])
@pytest.mark.parametrize("size", [(12.8, 7.2), (6, 4)])
def test_the_red_mats_end_where_the_scale_says(count, size):
    images = np.random.default_rng(0).integers(0, 200, (count, 9, 9, 3), np.uint8)
    labels = np.arange(count) % 3
    computed = np.where(np.arange(count) % 10 < 3, (labels + 1) % 3, labels)
    scene = Scene(
        name="own",
        title="Own",
        iterations=100,
        epoch=1.0,
        spreads=("Weights", "Biases"),
        class_names=("a", "b", "c"),
        test_images=images,
        test_labels=labels,
        ink=False,
    )
    history, score = History(scene), Score(0.7, 0.5)
    batch = Digits(images[:100], labels[:100], computed[:100])
    history.add(Measurement(0, 0.0, score, batch, score, computed, ()))
    figure = Figure(size, dpi=100)
    canvas = FigureCanvasAgg(figure)
    panel = Panels(figure, scene)[6]
    panel.update(history)
    for artist in panel.artists:
        artist.set_animated(False)
    canvas.draw()
    box = panel.axes.bbox
    pixels = np.asarray(canvas.buffer_rgba())[::-1]
    area = pixels[round(box.y0) : round(box.y1), round(box.x0) : round(box.x1)]
    red = (area == (*bytes_of(LIGHT.wrong_mat), 255)).all(axis=2).any(axis=1)
    red_rows = (len(red) - np.flatnonzero(red).min()) / (box.height / panel.grid[0])
    (scale_beside,) = (a for a in panel.axes.artists if isinstance(a, SwiftScale))
    ticks = scale_beside._ticks()
    accuracies = [float(scale_beside._label(tick, 1).split()[0]) / 100 for tick in ticks]
    assert accuracies[0] == 1
    # At 70 % the red ends, to the row; or at the lower edge, if the scale ends above.
    accurate = np.interp(0.7, accuracies[::-1], ticks[::-1], left=panel.grid[0])
    assert accurate - 0.4 <= red_rows <= accurate + 1
    if count <= 1000:
        assert accuracies[-1] == 0
        assert ticks[-1] * panel.grid[1] == count
    apart = np.diff(ticks) * box.height / panel.grid[0]
    assert apart.min() >= 18 or len(ticks) == 2


def fits(line):
    return len(line) <= 60


def test_names_stand_there_as_long_as_there_is_room():
    assert names(("cat", "dog"), fits) == "0 cat   1 dog"
    ten = tuple("abcdefghij")
    assert names(ten, fits).splitlines() == [
        "0 a   1 b   2 c   3 d   4 e",
        "5 f   6 g   7 h   8 i   9 j",
    ]
    assert names(tuple(f"class {i}" for i in range(100)), fits) is None
    assert "a rather long name …" in names(("a rather long name indeed", "b"), fits)


@UNHURRIED
@given(st.text(max_size=40), st.integers(0, 30))
def test_a_line_is_cut_where_its_room_ends(line, room):
    kept = cut(line, lambda text: len(text) <= room)
    assert len(kept) <= room
    if len(line) <= room:
        assert kept == line
    elif kept:
        assert kept.endswith("…")
        assert line.startswith(kept[:-1].rstrip("…"))


def test_confusions_name_those_that_are_most_often_misread():
    class_names = tuple(f"kind{i}" for i in range(100))
    labels = np.array([7, 7, 7, 7, 12, 12, 99, 1])
    computed = np.array([8, 8, 8, 7, 13, 13, 0, 1])
    assert confusions(class_names, labels, computed, fits).splitlines() == [
        "Most often misread:   7 kind7 as 8 kind8, 3 ×",
        "12 kind12 as 13 kind13, 2 ×   99 kind99 as 0 kind0, 1 ×",
    ]
    assert confusions(class_names, labels, labels, fits) == ""
    assert confusions(class_names, labels, computed, lambda line: False) == ""


@UNHURRIED
@given(st.integers(2, 1000), st.integers(0, 200), st.integers(0, 150))
def test_no_line_of_confusions_is_too_long(classes, count, room):
    random = np.random.default_rng(count)
    labels, computed = random.integers(0, classes, (2, count))
    class_names = tuple(f"kind {i}" * (i % 5 + 1) for i in range(classes))
    text = confusions(class_names, labels, computed, lambda line: len(line) <= room)
    lines = text.splitlines()
    assert len(lines) <= 2
    assert all(len(line) <= room for line in lines if line != "Most often misread:")
