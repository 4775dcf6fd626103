"""What the user of a window wants of the run."""

from visu.messages import Asked, Closed, Pace, Paused, Step


def grant(wish, training, control):
    """Do what one of a window's messages asks for; nothing if it asks for nothing.

    training  `visu.training.Training`
    control   `visu.control.Control`
    """
    if isinstance(wish, Paused):
        control.pause(wish.paused)
    elif isinstance(wish, Step):
        control.step()
    elif isinstance(wish, Pace):
        training.pace = wish.measurements
    elif isinstance(wish, Asked):
        control.ask(wish.question)
    elif isinstance(wish, Closed):
        control.stop()
