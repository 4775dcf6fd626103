"""The page on which one draws a digit, in a real browser."""

import json
from contextlib import contextmanager

import numpy as np
import pytest

from tests.web import wait_until

pytestmark = pytest.mark.xdist_group("serve")

DESKTOP, PHONE = (1280, 800), (390, 844)
# A one, and a seven in two strokes: places on the sheet, from 0 to 1.
ONE = [[(0.52, 0.15), (0.5, 0.5), (0.48, 0.85)]]
SEVEN = [[(0.25, 0.2), (0.7, 0.2), (0.45, 0.85)], [(0.4, 0.5), (0.7, 0.5)]]


@contextmanager
def tab(browser, service, size=DESKTOP, **settings):
    """A tab with the page, which must neither complain nor ask anybody else."""
    viewport = dict(zip(("width", "height"), size, strict=True))
    context = browser.new_context(viewport=viewport, **settings)
    page = context.new_page()
    page.complaints, page.asked = [], []
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("request", lambda request: page.asked.append(request))
    page.goto(service.url)
    yield page
    context.close()
    assert all(request.url.startswith((service.url, "data:")) for request in page.asked)


def draw(page, strokes):
    box = page.locator("#drawing").bounding_box()
    for stroke in strokes:
        points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in stroke]
        page.mouse.move(*points[0])
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*point, steps=5)
        page.mouse.up()


def shown(page):
    """The ten probabilities that the bars stand for; [] if they stand for none."""
    rows = page.locator("#bars li").all()
    texts = [row.get_attribute("data-probability") for row in rows]
    assert len(texts) == 10
    return [float(text) for text in texts if text]


def settled(page):
    """The bars, once the page has asked about the newest drawing and has been answered."""
    wait_until(page, "!asking && !changed")
    return shown(page)


def sent(page):
    """The images that the page has asked about, as float arrays [28, 28]."""
    bodies = [request.post_data for request in page.asked if request.method == "POST"]
    return [np.array(json.loads(body)["instances"][0]["image"]) for body in bodies]


def middle(image):
    """The centre of mass: row, column."""
    rows, columns = np.indices(image.shape) + 0.5
    return (image * rows).sum() / image.sum(), (image * columns).sum() / image.sum()


def test_drawing_shows_what_the_service_answers(browser, service):
    with tab(browser, service) as page:
        assert settled(page) == []
        assert page.locator("#hint").is_visible()
        draw(page, SEVEN)
        bars = settled(page)
        images = sent(page)
        assert len(images) > 2  # the bars follow the pen
        (answer,) = service.predict([images[-1].tolist()])
        assert bars == answer["probabilities"]
        assert answer["classes"] == 7
        assert page.locator("#answer strong").inner_text() == "7"
        assert page.locator("#bars li.best").inner_text().split()[0] == "7"
        assert f"{100 * max(bars):.1f} % sure" in page.locator("#answer").inner_text()
        widths = [
            bar.evaluate("bar => parseFloat(bar.style.width)")
            for bar in page.locator("#bars .bar").all()
        ]
        assert widths == pytest.approx([100 * p for p in bars], abs=0.051)
        assert not page.locator("#hint").is_visible()
        assert page.complaints == []


@pytest.mark.parametrize("strokes", [ONE, SEVEN, [[(0.1, 0.1)]]])
def test_a_digit_is_centred_and_scaled_as_mnists(browser, service, strokes):
    with tab(browser, service) as page:
        for scale, move in ((1, 0), (0.4, 0), (0.4, 0.55)):
            page.locator("#clear").click()
            draw(page, [[(scale * x + move, scale * y + move) for x, y in s] for s in strokes])
            settled(page)
            image = sent(page)[-1]
            assert image.shape == (28, 28)
            assert image.min() == 0
            assert 0.9 < image.max() <= 1
            rows, columns = np.flatnonzero(image.any(axis=1)), np.flatnonzero(image.any(axis=0))
            assert max(np.ptp(rows), np.ptp(columns)) + 1 == 20
            assert middle(image) == pytest.approx((14, 14), abs=0.51)


def test_clear_by_keyboard_and_by_finger_on_a_phone(browser, service):
    phone = {"has_touch": True, "is_mobile": True, "device_scale_factor": 2}
    with tab(browser, service, PHONE, **phone) as page:
        box = page.locator("#drawing").bounding_box()
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE[0]
        assert page.evaluate("document.documentElement.scrollHeight") == PHONE[1]
        page.touchscreen.tap(box["x"] + 100, box["y"] + 100)
        wait_until(page, "document.querySelector('#bars .best')")
        page.locator("#clear").tap()
        assert settled(page) == []
        draw(page, ONE)
        assert settled(page)[1] > 0.5
        page.locator("#model").focus()
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.id") == "clear"
        page.keyboard.press("Enter")
        assert settled(page) == []
        assert page.locator("#hint").is_visible()
        assert page.complaints == []


def test_another_model_reads_the_same_drawing(browser, service):
    with tab(browser, service) as page:
        assert page.locator("#model option").all_inner_texts() == [
            "mnist",
            "moving",
            "plain",
            "faulty",
        ]
        draw(page, SEVEN)
        assert np.argmax(settled(page)) == 7
        page.locator("#model").select_option("moving")
        bars = settled(page)
        (answer,) = service.predict([sent(page)[-1].tolist()], "moving")
        assert bars == answer["probabilities"]
        assert answer["classes"] != 7


def test_light_and_dark(browser, service):
    lightness = {}
    for scheme in ("light", "dark"):
        with tab(browser, service, color_scheme=scheme) as page:
            draw(page, SEVEN)
            settled(page)
            look = "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)"
            ground = sum(page.evaluate(look))
            ink = "pen.getImageData(140, 56, 1, 1).data"  # on the seven's bar
            red, green, blue, opacity = page.evaluate(f"Array.from({ink})")
            assert opacity == 255
            lightness[scheme] = ground, red + green + blue
            # It follows the system, also what has been drawn already.
            page.emulate_media(color_scheme="dark" if scheme == "light" else "light")
            wait_until(page, f"{ink}[0] != {red}")
            before = sent(page)[-1]
            page.locator("#model").dispatch_event("change")
            settled(page)
            assert np.abs(sent(page)[-1] - before).max() < 0.01
    light, dark = lightness["light"], lightness["dark"]
    assert light[0] > 600 > 150 > dark[0]
    assert light[1] < 150 < 600 < dark[1]


def test_a_service_that_is_gone_is_told(browser, service):
    with tab(browser, service) as page:
        page.context.set_offline(True)
        draw(page, ONE)
        assert settled(page) == []
        assert page.locator("#answer").inner_text() == "The service does not answer."
        page.context.set_offline(False)
        draw(page, ONE)
        assert settled(page)[1] > 0.5
