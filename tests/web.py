"""A lesson's page, and someone who looks at it, with a browser or without."""

import json
import re
import socket
from contextlib import contextmanager
from typing import NamedTuple

from tornado.websocket import websocket_connect

from tests.screen import RunningLesson

SIZE = {"width": 1280, "height": 684, "ratio": 1}  # of the picture


def free_port():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


@contextmanager
def serving(number, *flags, port=(), folder=None):
    """A lesson with --web; its `url` is where the terminal says that the page is."""
    with RunningLesson(number, "--web", *port, *flags, folder=folder) as lesson:
        lesson.url = said(lesson, r"the live view is at (http://\S+/)$")
        yield lesson


def said(lesson, pattern):
    """What the first group of `pattern` matches in the next line of the lesson that has a match."""
    while line := lesson.process.stdout.readline():
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError(lesson.process.communicate())


class Message(NamedTuple):
    """What a page is sent."""

    told: dict  # {kind: what is new}
    size: list | None  # of the picture, if there is a new one
    at: list | None  # where the tiles that the PNG holds belong in it
    png: bytes


def unpack(data):
    length = 4 + int.from_bytes(data[:4], "big")
    header = json.loads(data[4:length])
    return Message(header.pop("told", {}), header.get("size"), header.get("at"), data[length:])


def websocket(url):
    """Where the page at `url` connects to."""
    return f"{url.replace('http', 'ws', 1)}socket"


async def watch(url, until, press=()):
    """Press keys, take all that is sent, and return the first message that `until` accepts."""
    connection = await websocket_connect(websocket(url))
    await connection.write_message(json.dumps({"type": "resize"} | SIZE))
    for key in press:
        await connection.write_message(json.dumps({"type": "key_press", "key": f"k{key}"}))
    while data := await connection.read_message():
        message = unpack(data)
        if until(message):
            connection.close()
            return message
        await connection.write_message('{"type": "ack"}')
    raise AssertionError("the connection was closed")


def wait_until(page, condition):
    """Wait for a condition in JavaScript; a page's own policy forbids Playwright's way."""
    for _ in range(1200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"waited in vain for {condition}")


def title(message):
    """What it says of the page's title; "" if nothing."""
    return message.told.get("figure_label", {}).get("label", "")


def has_finished(message):
    return "finished" in title(message)
