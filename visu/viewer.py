"""The window's process: it shows what it is told on standard input, and says what the user wants.

python3 -m visu.viewer FOLDER [HOST PORT]    # started by `visu.live`, in the project's folder

With HOST and PORT, it serves a page there in place of a window.
"""

import os
import sys
import threading
import warnings
from collections import deque
from contextlib import suppress

from visu import nowindow
from visu.errors import UsageError
from visu.messages import NoWindow, Serving, receive, send, take_the_pipes

NICENESS = 10  # where there is no better way to stand back


def main():
    # Of a box without height, say, matplotlib's user learns by looking, not in the terminal.
    warnings.simplefilter("ignore", UserWarning)
    _stand_back()
    folder, *address = sys.argv[1:]
    os.chdir(folder)
    inbox, outbox = take_the_pipes()

    def tell(wish):
        with suppress(OSError):  # nobody listens any more, as the inbox will say too
            send(outbox, wish)

    try:
        if address:
            from visu.web.address import Address, listen

            host, port = address
            sockets, url = listen(Address(host, int(port)))
            tell(Serving(url))
        # Matplotlib now, while nobody waits yet; the figure when there is something to show.
        from visu.style import use_our_own
        from visu.window import Window, choose_toolkit, open_figure

        use_our_own()
        choose_toolkit("module://visu.web.canvas" if address else None)
        scene = receive(inbox)
        if scene is None:
            return
        figure = open_figure(scene.name)
    except UsageError as error:
        tell(NoWindow(str(error)))
        return
    except Exception as error:  # every toolkit has exceptions of its own for a missing display
        tell(NoWindow(f"the page fails ({error})" if address else nowindow.why(error)))
        return
    arrived = deque()
    threading.Thread(target=_collect, args=(inbox, arrived), daemon=True).start()
    window = Window(figure, scene, arrived, tell)
    if address:
        from visu.web.server import serve

        serve(sockets, figure.canvas.manager, scene)
    window.main_loop()


def _stand_back():
    """Run when nobody else wants a processor.

    While the training splits an operation over all of them, one that redraws holds up the others.
    Training leaves each idle many times a second: that is soon enough for a picture.
    """
    try:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    except (AttributeError, OSError):  # it is not Linux, or a sandbox that does not allow it
        if hasattr(os, "nice"):  # Windows has neither
            os.nice(NICENESS)


def _collect(inbox, arrived):
    """Append every message, and None at the end."""
    message = True
    while message is not None:
        message = receive(inbox)
        arrived.append(message)


if __name__ == "__main__":
    main()
