"""What a page may say: checked here, so that nothing else arrives in matplotlib."""

import json
import math


def _key(text):
    if not isinstance(text, str) or "k" not in text:
        raise ValueError(text)
    return text


def _ratio(number):
    if not 0.1 <= float(number) <= 20:
        raise ValueError(number)
    return float(number)


def _finite(number):
    if not math.isfinite(float(number)):
        raise ValueError(number)
    return float(number)


def _button(number):
    if not -1 <= int(number) <= 4:  # -1: none, of a movement
        raise ValueError(number)
    return int(number)


def _tool(name):
    if name not in TOOLS:
        raise ValueError(name)
    return name


def _words(texts):
    return [str(text) for text in texts]


KEY = {"key": _key}  # matplotlib's "ctrl+k" and then the browser's name of the key
TOOLS = "home", "back", "forward", "pan", "zoom"
MOUSE = {"x": _finite, "y": _finite, "button": _button, "buttons": int, "modifiers": _words}
EVENTS = {
    "key_press": KEY,
    "key_release": KEY,
    "button_press": MOUSE,
    "button_release": MOUSE,
    "motion_notify": MOUSE,
    "figure_enter": MOUSE,
    "figure_leave": MOUSE,
    "scroll": {**MOUSE, "step": _finite},
    "toolbar_button": {"name": _tool},
    "resize": {"width": int, "height": int, "ratio": _ratio},
    "ack": {},
}


def understood(message):
    """The event in a message from a page, with all its fields and no others; None if it is none."""
    try:
        event = json.loads(message)
        fields = EVENTS[event["type"]]
        return {"type": event["type"]} | {name: kind(event[name]) for name, kind in fields.items()}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        return None
