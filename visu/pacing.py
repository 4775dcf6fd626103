"""Which measurements a film shows, and for how long. Pure arithmetic.

A run's beginning is where most happens, and the film lingers there: its first picture stays for a
second, the second for half of one, the third for a third, until each stays for a single frame.
"""

FRAMES_A_SECOND = 24
BEGINNING = 100  # so many measurements are all shown
MOST = 600  # pictures in a film; of what comes after the beginning, the longer runs show less
HELD = 2 * FRAMES_A_SECOND  # frames for which the last picture stays when all is over


def is_shown(number, measurements):
    """Whether measurement `number`, from 0 on, is in the film of a run of so many."""
    every = max(-(-(measurements - BEGINNING) // (MOST - BEGINNING)), 1)
    return number < BEGINNING or (number - BEGINNING) % every == 0


def frames(picture):
    """For how many frames picture number `picture`, from 0 on, stays."""
    return max(FRAMES_A_SECOND // (picture + 1), 1)
