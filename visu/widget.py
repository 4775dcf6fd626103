"""The live view in a notebook's cell, with keys and mouse: a widget of ipympl's.

The window's process draws here too. The widget shows its pictures, and what its user does goes to
that process, all beside the training, which has the only thread that runs a cell.
"""

import functools
import json
import threading

from visu.live import LiveView
from visu.messages import Deed, Sight
from visu.shortcut import Shortcut, is_possible

BACKENDS = ("widget", "ipympl", "module://ipympl.backend_nbagg")
# Fewer than in a window: each has to be packed too, which takes as long as drawing it.
FRAMES_A_SECOND = 8
MODES = {"ZOOM": "zoom", "PAN": "pan"}  # as its toolbar calls what matplotlib's does


def is_wanted():
    """Whether the notebook's figures are such widgets, by `%matplotlib widget`."""
    import matplotlib  # late: it takes its time to load

    return matplotlib.get_backend(auto_select=False) in BACKENDS


def why_not():
    """What this kernel lacks for it, and the cure; None if nothing."""
    import ipykernel

    if is_possible(_kernel()):
        return None
    return (
        f"keys and mouse take ipykernel 7.1 or newer, found {ipykernel.__version__}; "
        "pip install -U ipykernel, and restart the kernel"
    )


class WidgetView(LiveView):
    """Does what `LiveView` does, in a cell, and goes on doing so when the cell has ended."""

    place = ("cell",)

    def __init__(self, fast, verbose):
        super().__init__(fast, verbose)
        self._frame_seconds = 1 / FRAMES_A_SECOND

    def show(self, scene, training, control, on_lost):
        """Open it below what the cell has printed, as `LiveView` does a window."""
        import matplotlib.pyplot as plt
        from IPython.display import display

        plt.close(scene.name)  # an earlier run's: its picture stays, its process need not
        with plt.ioff():  # pyplot would show it when the cell has ended
            # Nothing is ever drawn on it: it is what pyplot closes.
            manager = plt.figure(scene.name).canvas.manager
        self._canvas, self._toolbar = manager.canvas, manager.toolbar
        destroy = manager.destroy
        manager.destroy = lambda *arguments: (self._let_go(), destroy(*arguments))
        # In the line above the view, they hide nothing of it.
        self._canvas.toolbar_position, self._canvas.toolbar_visible = "top", "visible"
        self._comms = [widget.comm.comm_id for widget in (self._canvas, self._toolbar)]
        for comm_id in self._comms:
            _shortcut().add(comm_id, self._pass_on)
        super().show(scene, training, control, on_lost)
        view = {"version_major": 2, "version_minor": 0, "model_id": self._canvas.model_id}
        display(
            {
                "text/plain": f"{scene.name}: the view is there while the notebook runs",
                "application/vnd.jupyter.widget-view+json": view,
            },
            raw=True,
        )
        # %run ends by having pyplot show its newest figure: there it would be a second time.
        self._canvas._ipython_display_ = lambda: None

    def wait(self):
        """Return at once: the notebook goes on, and so does the view."""
        threading.Thread(target=super().wait, name="window wait", daemon=True).start()

    def close(self):
        """The view stays, until pyplot closes it."""

    def _let_go(self):
        for comm_id in self._comms:
            _shortcut().remove(comm_id)
        self._control.stop()
        super().close()

    def _pass_on(self, event):
        self._hurry(Deed(event))

    def _heed(self, wish):
        if isinstance(wish, Sight):
            self._tell_widget(wish)
        else:
            super()._heed(wish)

    def _tell_widget(self, sight):
        for kind, news in sight.told.items():
            if kind == "navigate_mode":
                self._toolbar._current_action = MODES.get(news["mode"], "")
            else:
                self._canvas.send_json({"type": kind, **news})
        if sight.png:
            self._canvas.send({"data": json.dumps({"type": "binary"})}, buffers=[sight.png])
            # It answers when it has got so far.
            self._canvas.send({"data": json.dumps({"type": "draw"})})


def _kernel():
    from IPython import get_ipython

    return get_ipython().kernel


@functools.cache
def _shortcut():
    return Shortcut(_kernel())
