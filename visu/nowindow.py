"""Why no window can open here, or none is here any longer, and the cure."""

import os
import re
import sys

# What Xlib (two wordings), Qt, and GTK on X and on Wayland print before they end the process.
DISPLAY_GONE = re.compile(
    r"^X connection to |^XIO: +fatal IO error|X11 connection broke"
    r"|Error reading events from display|Lost connection to Wayland",
    re.MULTILINE,
)


def why(error):
    """One clause for the user, from whatever `error` a toolkit or matplotlib raised."""
    if chosen := os.environ.get("MPLBACKEND"):
        return f"MPLBACKEND={chosen} opens none here; unset it"
    if sys.platform.startswith("linux"):
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if not display:
            return "there is no display; on a remote machine, add --web, or connect with `ssh -X`"
        try:
            import tkinter  # noqa: F401
        except ImportError:
            return "Python has no window toolkit; install python3-tk (see install.txt)"
        return f"the display {display} does not answer; check DISPLAY, or log in again"
    return f"matplotlib found no window toolkit ({error}); see install.txt"


def display_went_away(said):
    """Whether these last words of a window's process are about a connection that broke."""
    return DISPLAY_GONE.search(said) is not None
