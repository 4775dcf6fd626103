"""Why no window can open here, and the cure."""

import os
import sys


def why(error):
    """One clause for the user, from whatever `error` a toolkit or matplotlib raised."""
    if chosen := os.environ.get("MPLBACKEND"):
        return f"MPLBACKEND={chosen} opens none here; unset it"
    if sys.platform.startswith("linux"):
        display = os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
        if not display:
            return "there is no display; on a remote machine, connect with `ssh -X`"
        try:
            import tkinter  # noqa: F401
        except ImportError:
            return "Python has no window toolkit; install python3-tk (see install.txt)"
        return f"the display {display} does not answer; check DISPLAY, or log in again"
    return f"matplotlib found no window toolkit ({error}); see install.txt"
