"""The film's process: it draws what it is told on standard input, and writes it to a file.

python3 -m visu.camera FOLDER FILE  # started by `visu.film`, in the project's folder
"""

import os
import sys
from contextlib import suppress
from pathlib import Path

from visu.encoding import writing
from visu.errors import UsageError
from visu.files import complete, explained, unfinished
from visu.messages import Filmed, NoFilm, Ready, Shot, receive, send, take_the_pipes
from visu.pacing import HELD, frames
from visu.stage import Stage, blank
from visu.style import LIGHT, use_our_own

NICENESS = 10  # the training comes first


def main():
    if hasattr(os, "nice"):
        os.nice(NICENESS)
    os.chdir(sys.argv[1])
    path = Path(sys.argv[2])
    inbox, outbox = take_the_pipes()

    def tell(message):
        with suppress(OSError):  # nobody listens any more, as the inbox will say too
            send(outbox, message)

    use_our_own()
    try:
        _rehearse(path)
        tell(Ready())
        scene = receive(inbox)
        if scene is not None and _film(scene, path, inbox, tell):
            with explained("--save", path):
                complete(path)
    except UsageError as error:
        tell(NoFilm(str(error)))
    finally:
        with suppress(OSError):
            unfinished(path).unlink()


def _rehearse(path):
    """Write a film of nothing, to know before the run begins whether it can be done."""
    with writing(path, blank(), LIGHT) as writer:
        writer.grab_frame()


def _film(scene, path, inbox, tell):
    """Film until all is said. Returns whether the film is to be kept."""
    stage = Stage(scene)
    pictures = 0
    with writing(path, stage.figure, scene.style) as writer:
        while isinstance(message := receive(inbox), Shot):
            stage.show(message.measurements)
            for _ in range(frames(pictures)):
                writer.grab_frame()
            pictures += 1
            tell(Filmed(pictures))
        if message is None:
            return False
        for _ in range(HELD):
            writer.grab_frame()
    return True


if __name__ == "__main__":
    main()
