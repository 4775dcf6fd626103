"""The window's process: it shows what it is told on standard input, and says what the user wants.

python3 -m visu.viewer FOLDER       # started by `visu.live`, in the project's folder
"""

import os
import sys
import threading
from collections import deque
from contextlib import suppress

from visu import nowindow
from visu.messages import NoWindow, receive, send, take_the_pipes


def main():
    os.chdir(sys.argv[1])
    inbox, outbox = take_the_pipes()

    def tell(wish):
        with suppress(OSError):  # nobody listens any more, as the inbox will say too
            send(outbox, wish)

    try:
        # Matplotlib now, while nobody waits yet; the figure when there is something to show.
        from visu.window import Window, choose_toolkit, open_figure

        choose_toolkit()
        scene = receive(inbox)
        if scene is None:
            return
        figure = open_figure(scene.name)
    except Exception as error:  # every toolkit has exceptions of its own for a missing display
        tell(NoWindow(nowindow.why(error)))
        return
    arrived = deque()
    threading.Thread(target=_collect, args=(inbox, arrived), daemon=True).start()
    Window(figure, scene, arrived, tell).main_loop()


def _collect(inbox, arrived):
    """Append every message, and None at the end."""
    message = True
    while message is not None:
        message = receive(inbox)
        arrived.append(message)


if __name__ == "__main__":
    main()
