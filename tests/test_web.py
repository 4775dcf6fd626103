"""The live view in a real browser, with real keys and a real mouse."""

import asyncio
import json
import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from PIL import Image
from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest
from tornado.websocket import websocket_connect

from tests.screen import RunningLesson, measured
from tests.test_running import final, rows
from tests.test_window import has, shows
from tests.web import SIZE, said, serving, title, unpack, wait_until, watch, websocket
from visu.errors import UsageError
from visu.layout import VIEWS, axes_rectangle, cells, wanted
from visu.options import parse
from visu.style import LIGHT, STYLES, bytes_of
from visu.web.address import Address, listen, parse_address
from visu.web.events import understood
from visu.web.pictures import difference
from visu.web.server import AT_ONCE

pytestmark = pytest.mark.xdist_group("web")  # they share what takes long to start
DPI = 100


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    """A lesson that has got somewhere, and rests."""
    folder = tmp_path_factory.mktemp("web")
    with serving("1.0", "--iterations", 20_000, "--log", "run.csv", folder=folder) as lesson:
        lesson.measured = lambda: measured(folder / "run.csv")
        lesson.wait_for(lambda: lesson.measured() > 50)
        outside(watch(lesson.url, lambda message: "paused" in title(message), press=" "))
        yield lesson


@pytest.fixture
def page(browser, live):
    """A tab of 1280 x 720 pixels, with all that the page has complained about."""
    with tab(browser, live) as opened:
        yield opened


# Whether the box that is being drawn is so wide and high, within three pixels.
RUBBERBAND_IS = """([width, height]) => {
    const box = document.querySelector("#rubberband").getBoundingClientRect();
    return Math.abs(box.width - width) <= 3 && Math.abs(box.height - height) <= 3;
}"""


def outside(coroutine):
    """Run it in a thread of its own: in this one, Playwright's loop is running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, asyncio.wait_for(coroutine, 60)).result()


@contextmanager
def tab(browser, lesson, size=(1280, 720), ratio=1):
    viewport = dict(zip(("width", "height"), size, strict=True))
    context = browser.new_context(viewport=viewport, device_scale_factor=ratio)
    page = context.new_page()
    page.lesson = lesson
    complaints, asked = [], []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(lesson.url)
    # Not the picture as another tab had it last, scaled to fit this one.
    wait_until(page, f"document.querySelector('canvas').width == {ratio * size[0]}")
    yield page
    context.close()
    assert [text for text in complaints if "ERR_CONNECTION_REFUSED" not in text] == []
    assert all(url.startswith(("blob:", lesson.url)) for url in asked)


def look(page):
    """The figure's pixels on the screen, int16 [height, width, 3], from the top down."""
    png = page.locator("main").screenshot()
    return np.asarray(Image.open(BytesIO(png)).convert("RGB"), np.int16)


def settled(page):
    """The same, once they have stopped changing and the lesson is not at work on others."""
    before, spent = look(page), page.lesson.processor_seconds()
    for _ in range(200):
        page.wait_for_timeout(150)
        after, now = look(page), page.lesson.processor_seconds()
        if now - spent < 0.1 and before.shape == after.shape and (before == after).all():
            return after
        before, spent = after, now
    raise AssertionError("the picture does not come to rest")


def test_a_picture_of_lines_shows_what_one_of_pixels_does(browser, run, tmp_path):
    context = browser.new_context(viewport={"width": 1920, "height": 1080})
    page = context.new_page()
    html = tmp_path / "page.html"
    html.write_text('<body style="margin: 0"><img width="1920" src="run.svg">')
    for style in STYLES:
        for ending in ("png", "svg"):
            flags = ("--iterations", 60, "--style", style, "--save", f"run.{ending}")
            assert run("1.0", *flags)[0] == 0
        page.goto(html.as_uri())
        shown = Image.open(BytesIO(page.screenshot())).convert("L")
        expected = Image.open(tmp_path / "run.png").convert("L")
        # Letters differ in their edges: how dark each place is, as seen from afar.
        apart = [np.asarray(each.reduce(12), int) for each in (shown, expected)]
        assert np.abs(apart[0] - apart[1]).max() < 40
    context.close()


def dots_an_inch(pixels, view, ratio=1):
    """What a picture of this size is drawn with."""
    height, width = pixels.shape[:2]
    across, down = wanted(view, width, height)
    return min(DPI * ratio, width / across, height / down)


def wait_for_pixels(page, condition):
    """Wait until what is to be seen fulfils a condition."""
    for _ in range(600):
        if condition(look(page)):
            return
        page.wait_for_timeout(100)
    raise AssertionError("waited in vain")


def wait_for_picture(page, view, ratio=1, style=LIGHT):
    wait_for_pixels(page, lambda seen: shows(seen, view, dots_an_inch(seen, view, ratio), style))


def wait_for_panel_alone(page):
    """Wait for panel 6, on red and white, without the colours of the others."""
    curve = LIGHT.all_bands[3]
    wait_for_pixels(
        page, lambda seen: has(seen, LIGHT.wrong) and not has(seen, curve, 50, within=3)
    )


def ground(page):
    """The page's background: red, green, blue."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return tuple(map(int, re.findall(r"\d+", colour)))


def canvas(page):
    """Left, top, width, height in CSS's pixels, and width and height in its own."""
    return page.evaluate(
        "(({ offsetLeft, offsetTop, offsetWidth, offsetHeight, width, height }) =>"
        " [offsetLeft, offsetTop, offsetWidth, offsetHeight, width, height])"
        "(document.querySelector('canvas'))"
    )


@pytest.mark.parametrize(("size", "ratio"), [((1280, 720), 1), ((800, 600), 1), ((1280, 720), 2)])
def test_the_page_is_filled_with_six_sharp_panels(browser, live, size, ratio):
    with tab(browser, live, size, ratio) as page:
        wait_for_picture(page, VIEWS["0"], ratio)
        left, top, width, height, *pixels = canvas(page)
        assert (left, top, width) == (0, 0, size[0])
        assert size[1] - 50 < height < size[1]
        assert pixels == [ratio * width, ratio * height]
        assert re.match(r"mnist_1\.0_softmax · paused at \d+%", page.title())
        assert page.evaluate("document.documentElement.scrollHeight") == size[1]


def test_keys_reach_the_picture_without_a_click(page):
    everything = settled(page)
    seen = {}
    for key, view in VIEWS.items():
        page.keyboard.press(key.capitalize())
        wait_for_picture(page, view)
        seen[view] = settled(page)
    assert len({pixels.tobytes() for pixels in seen.values()}) == len(seen) == 10
    assert (seen[VIEWS["0"]] == everything).all()


def test_on_a_telephone_all_keys_are_under_the_finger(browser, live):
    """Without a keyboard: panels stand below each other, and their letters can be read."""
    phone = {"viewport": {"width": 390, "height": 750}, "device_scale_factor": 2}
    context = browser.new_context(**phone, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.lesson = live
    page.goto(live.url)
    wait_until(page, "document.querySelector('canvas').width == 780")
    labels = {"1": "accuracy", "5": "Biases", "6": "test digits", "7": "accuracy and loss"}
    for key, label in labels.items():
        page.get_by_role("button", name=label, exact=True).tap()
        wait_for_picture(page, VIEWS[key], ratio=2)
    letters = dots_an_inch(look(page), VIEWS["7"], ratio=2) / DPI
    assert letters > 0.9 * 2  # of those of a large page
    page.get_by_role("button", name="draw a digit").tap()
    wait_for_pixels(page, lambda seen: not has(seen, LIGHT.training, 50, within=3))
    left, top, width, height, *_ = canvas(page)
    finger = left + 0.4 * width, top + 0.3 * height
    spot = tuple(round(2 * place) for place in finger[::-1])
    assert (settled(page)[spot] > 200).all()
    page.touchscreen.tap(*finger)
    wait_for_pixels(page, lambda seen: (seen[spot] < 60).all())
    for button in page.locator("footer button").all():
        box = button.bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
        assert box["y"] + box["height"] <= 750
    page.get_by_role("button", name="all panels").tap()
    wait_for_picture(page, VIEWS["0"], ratio=2)
    context.close()


def test_space_pauses_training_too(page, live):
    before = live.measured()
    page.wait_for_timeout(1000)
    assert live.measured() == before
    page.keyboard.press("Space")
    wait_until(page, "!document.title.includes('paused')")
    live.wait_for(lambda: live.measured() > before)
    page.keyboard.press("Space")
    wait_until(page, "document.title.includes('paused')")


def test_a_box_zooms_and_h_resets(page):
    before = settled(page)
    height, width = before.shape[:2]
    x, y, w, h = axes_rectangle(cells(VIEWS["0"], width, height, DPI)[1], DPI)
    top = height - y - h
    page.keyboard.press("o")
    page.wait_for_selector("button[data-action=zoom][aria-pressed=true]")
    page.mouse.move(x + w // 4, top + h // 4)
    page.mouse.down()
    page.mouse.move(x + w // 2, top + h // 2, steps=5)
    page.wait_for_selector("#rubberband:visible")
    page.wait_for_function(RUBBERBAND_IS, arg=[w // 4, h // 4])
    page.mouse.up()
    page.wait_for_selector("#rubberband", state="hidden")
    page.mouse.move(width - 2, 5)
    part = slice(top, top + h), slice(x, x + w)
    wait_for_pixels(page, lambda seen: (seen[part] != before[part]).mean() > 0.02)
    page.locator("button[data-action=zoom]").click()
    page.wait_for_selector("button[data-action=zoom][aria-pressed=false]")
    page.keyboard.press("h")  # also after a click on a button
    page.mouse.move(width - 2, 5)
    wait_until(page, "document.getElementById('message').textContent == ''")
    wait_for_pixels(page, lambda seen: nearly_alike(seen, before))


def nearly_alike(pixels, others):
    """Where a curve had grown piece by piece, its smoothed edge may have got a little lighter."""
    return (np.abs(pixels - others).max(axis=2) > 100).mean() < 0.0001


def test_ctrl_s_saves_what_is_to_be_seen(page, tmp_path):
    pixels = settled(page)
    for save in (
        lambda: page.keyboard.press("Control+s"),
        lambda: page.locator("button[data-action=download]").click(),
    ):
        with page.expect_download() as download:
            save()
        assert download.value.suggested_filename == "mnist_1.0_softmax.png"
        download.value.save_as(tmp_path / "saved.png")
        with Image.open(tmp_path / "saved.png") as picture:
            assert (np.asarray(picture.convert("RGB")) == pixels).all()


def test_a_reloaded_page_shows_the_current_picture(page):
    before = settled(page)
    page.reload()
    wait_for_picture(page, VIEWS["0"])
    wait_for_pixels(page, lambda seen: nearly_alike(seen, before))
    wait_until(page, "document.title.includes('paused')")


def test_two_tabs_of_different_sizes(browser, live, page):
    with tab(browser, live, (900, 700)) as other:
        page.keyboard.press("6")
        for each in (page, other):
            wait_for_panel_alone(each)
        # The one that was sized last has the picture as it is, the other one scaled.
        other.set_viewport_size({"width": 700, "height": 760})
        wait_until(other, "document.querySelector('canvas').width == 700")
        other.keyboard.press("0")
        wait_for_picture(other, VIEWS["0"])
        wait_until(page, "document.querySelector('canvas').width == 700")
        left, top, width, height, *pixels = canvas(page)
        assert (top, height) == (0, 684)
        assert width / height == pytest.approx(pixels[0] / pixels[1], abs=0.01)
        assert left + width / 2 == pytest.approx(640, abs=1)
        page.evaluate("dispatchEvent(new Event('focus'))")
        wait_until(other, "document.querySelector('canvas').width == 1280")
        wait_for_picture(page, VIEWS["0"])
    # The one that is left answers as before.
    page.keyboard.press("3")
    wait_for_picture(page, VIEWS["3"])
    page.keyboard.press("0")
    wait_for_picture(page, VIEWS["0"])


def answer(url, **headers):
    """The status of the answer to a request."""

    async def ask():
        try:
            return (await AsyncHTTPClient().fetch(HTTPRequest(url, headers=headers))).code
        except HTTPClientError as error:
            return error.code

    return outside(ask())


def test_only_this_site_is_served(live):
    assert answer(live.url) == 200
    assert answer(live.url, Host="localhost:9") == 200
    assert answer(live.url, Host="rebound.example") == 404
    for path in ("nothing", "page.py", "icons/../page.py", "icons/%2e%2e/matplotlibrc"):
        assert answer(live.url + path) == 404

    def socket_opens(**headers):
        async def connect():
            try:
                request = HTTPRequest(websocket(live.url), headers=headers)
                (await websocket_connect(request)).close()
            except HTTPClientError as error:
                return error.code
            return 101

        return outside(connect())

    assert socket_opens() == 101
    assert socket_opens(Origin=live.url.rstrip("/")) == 101
    assert socket_opens(Origin="http://elsewhere.example") == 403
    assert socket_opens(Origin="http://rebound.example", Host="rebound.example") == 404


def test_who_does_not_keep_up_is_not_sent_more(live):
    async def stall():
        connection = await websocket_connect(websocket(live.url))
        seen = []
        for narrower in range(AT_ONCE)[::-1]:  # a server that is late answers several at once
            size = SIZE | {"width": SIZE["width"] - 100 * narrower}
            await connection.write_message(json.dumps({"type": "resize"} | size))
            seen.append(unpack(await connection.read_message()))
        late = asyncio.ensure_future(connection.read_message())
        # Somebody else meanwhile sees one picture after the other.
        for key in "0123456":
            shown = await watch(live.url, lambda message: message.size, press=key)
            assert shown.png[1:4] == b"PNG"
        assert not late.done()
        await connection.write_message('{"type": "ack"}')
        seen.append(unpack(await late))
        connection.close()
        await watch(live.url, lambda message: message.size, press="0")
        return seen

    *_, newest = outside(stall())
    assert newest.size == [SIZE["width"], SIZE["height"]]


def test_nonsense_closes_the_connection_it_came_by_and_nothing_else(live):
    async def say(message, binary=False):
        connection = await websocket_connect(websocket(live.url))
        await connection.write_message(message, binary)
        while await asyncio.wait_for(connection.read_message(), 10) is not None:
            pass
        return connection.close_code

    for message in ("", "[" * 5000, "{}", '{"type": "draw"}', '{"type": []}'):
        assert outside(say(message)) == 1003
    assert outside(say(b"\xff\x00", binary=True)) == 1003
    assert outside(say("x" * 20_000)) != 1003
    assert outside(watch(live.url, lambda message: message.size))


def test_an_event_is_understood_whole_or_not_at_all():
    whole = {"type": "scroll", "x": 1, "y": 2, "button": 0, "buttons": 0, "modifiers": ["ctrl"]}
    assert understood(json.dumps(whole)) is None
    assert understood(json.dumps(whole | {"step": 1, "more": 2})) == whole | {"step": 1.0}
    size = {"type": "resize", "width": 800, "height": 600, "ratio": 1.5}
    assert understood(json.dumps(size)) == size
    for nothing in (None, True, -1, 1e999, float("nan"), "", "none", [], {}, [[]]):
        for message in (nothing, {"type": nothing}, size | {"ratio": nothing}):
            assert understood(json.dumps(message)) is None or nothing is True
        assert understood(json.dumps({"type": "key_press", "key": nothing})) is None
    scroll = whole | {"step": 1}
    for field, value in (("x", float("nan")), ("step", 1e999), ("button", 5), ("button", -2)):
        assert understood(json.dumps(scroll | {field: value})) is None
    assert understood(json.dumps({"type": "toolbar_button", "name": "home"}))
    for name in ("nope", "canvas", "save_figure", None):
        assert understood(json.dumps({"type": "toolbar_button", "name": name})) is None


@settings(deadline=None, max_examples=40)
@given(some.integers(1, 150), some.integers(1, 150), some.data())
def test_the_differences_add_up_to_the_picture(height, width, data):
    random = np.random.default_rng(data.draw(some.integers(0, 1000)))
    frames = [random.integers(0, 2**24, (height, width), np.uint32) | 0xFF000000]
    for _ in range(3):
        frames.append(frames[-1].copy())
        chosen = random.random((height, width)) < data.draw(some.sampled_from((0, 1e-4, 0.1, 1)))
        frames[-1][chosen] ^= 0xFF
    seen = Image.new("RGB", (width, height))
    for before, after in zip([None, *frames], frames, strict=False):
        places, png = difference(before, after) or ((), b"")
        assert bool(places) == (before is None or (before != after).any())
        for number, (left, top) in enumerate(places):
            strip = Image.open(BytesIO(png))
            side = strip.height // len(places)
            tile = strip.crop((0, number * side, strip.width, (number + 1) * side))
            seen.paste(tile, (left, top))
        shown = np.asarray(seen.convert("RGBA")).view(np.uint32)[..., 0]
        assert (shown == after).all()


def test_the_page_says_that_it_has_finished_and_stays_until_ctrl_c(browser, live, tmp_path):
    dark = STYLES["dark"]
    flags = ("--iterations", 100, "--fast", "--save", "run.png", "--style", "dark")
    with serving("1.0", *flags, folder=tmp_path) as lesson, tab(browser, lesson) as page:
        assert lesson.url != live.url  # that port was taken
        wait_until(page, "document.title.includes('finished, test accuracy 0.')")
        assert said(lesson, r"stays at (http://\S+) until Ctrl-C") == lesson.url
        assert (tmp_path / "run.png").exists()
        before = settled(page)
        page.keyboard.press("q")  # would close a window; a page is not one user's alone
        page.keyboard.press("6")
        wait_for_picture(page, VIEWS["6"], style=dark)
        wait_for_pixels(page, lambda seen: (seen != before).any())
        assert ground(page) == bytes_of(dark.paper)
        lesson.interrupt()
        assert lesson.wait(30)[::2] == (0, "")
        page.wait_for_selector("text=The program has ended; this is its last picture.")
        pixels = settled(page)
        assert shows(pixels, VIEWS["6"], dots_an_inch(pixels, VIEWS["6"]), dark)
        # The next run is shown by the same page, as it wants to be.
        port = re.search(r":(\d+)/", lesson.url)[1]
        flags = ("--iterations", 5_000, "--log", "run.csv")
        with serving("1.0", *flags, port=(port,), folder=tmp_path) as lesson:
            wait_until(page, "!document.title.includes('finished')")
            wait_for_picture(page, VIEWS["0"])
            assert ground(page) == bytes_of(LIGHT.paper)
            lesson.interrupt()
            code, output, error = lesson.wait(30)
        assert (code, error) == (130, "")
        assert "stays" not in output
        assert rows(tmp_path / "run.csv")[-1]["iteration"] == final(output)[4]


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("9000", ("127.0.0.1", 9000)),
        ("0.0.0.0:80", ("0.0.0.0", 80)),
        ("server.example:9000", ("server.example", 9000)),
        ("[::1]:9000", ("::1", 9000)),
    ],
)
def test_an_address_is_a_port_or_a_host_and_a_port(text, address):
    assert parse_address(text) == Address(*address)


@pytest.mark.parametrize(
    "text", ["", "0", "65536", "-1", "many", ":9000", "host:", "host", "::1:9000", "a@b:1", "1/2"]
)
def test_nothing_else_is_an_address(text):
    with pytest.raises(ValueError):
        parse_address(text)


def test_what_cannot_be_served_is_refused_at_once(live, tmp_path):
    taken = re.search(r":(\d+)/", live.url)[1]
    (tmp_path / "tornado.py").write_text("raise ImportError('not here')")
    missing = {"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
    with (
        RunningLesson("1.0", "--web", taken) as first,
        RunningLesson("1.0", "--web", environment=missing) as second,
    ):
        code, output, error = first.wait()
        assert (code, output) == (2, "")
        assert error.startswith(f"error: --web: port {taken} is taken; choose another")
        assert error.count("\n") == 1
        code, output, error = second.wait()
        assert (code, output) == (2, "")
        assert error.startswith("error: --web: tornado is missing; `.venv/bin/pip install")
        assert error.count("\n") == 1
    # By its address, and so by a name that is served: as the machine's own, others are refused.
    sockets, url = listen(Address("localhost"))
    assert re.fullmatch(r"http://(127\.0\.0\.1|\[::1\]):\d+/", url)
    for each in sockets:
        each.close()
    with pytest.raises(UsageError, match=r"can't listen at nowhere\.invalid:9000 "):
        listen(Address("nowhere.invalid", 9000))


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (("--web", "nonsense"), "expected PORT or HOST:PORT, such as 9000"),
        (("--web", "--no-window"), "not allowed with argument --web"),
    ],
)
def test_a_wrong_flag_is_refused(capsys, flags, message):
    with pytest.raises(SystemExit) as ended:
        parse("mnist_1.0_softmax", "", 100, flags)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err
