"""Where the panels stand, in every view. Pure arithmetic, in pixels from the lower left corner."""

# Keys as matplotlib names them, and the panels that each shows.
ALL = (1, 2, 3, 4, 5, 6)
VIEWS = {
    **{str(panel): (panel,) for panel in ALL},
    "7": (1, 2),
    "8": (4, 5),
    "9": (3, 6),
    "0": ALL,
    "escape": ALL,
}

# Inches around the axes of a panel, for its tick labels and its title: they don't grow with it.
LEFT, RIGHT, TOP, BOTTOM = 0.62, 0.24, 0.36, 0.27
HEAD, FOOT = 0.4, 0.3  # the lines above and below all panels
# How wide a panel is beside others in its row. The test digits are wider than high; in the third
# column, the training digits share their width.
WIDTHS = {1: 1.0, 2: 1.0, 3: 1.35, 4: 1.0, 5: 1.0, 6: 1.35}
WIDTHS_OF_DIGITS = {3: 1.0, 6: 1.5}
UPRIGHT = 1.3  # times as high as wide, as a telephone
# Inches that a panel wants for itself, and a closer look: with less, texts would be left out.
ROOM, ROOM_TO_LOOK, ROOM_TO_LOOK_UPRIGHT = (4.0, 3.35), (6.5, 4.2), (5.2, 6.8)


def cells(view, width, height, dpi):
    """The rectangle of each panel of `view`, its labels included, in a figure of width x height.

    Returns {panel: (left, bottom, width, height)}, whole pixels that leave no gap but for the lines
    above and below.
    """
    rows = _rows(view, width, height)
    foot = round(FOOT * dpi)
    usable = height - round(HEAD * dpi) - foot
    lines = [foot + round(usable * (1 - number / len(rows))) for number in range(len(rows) + 1)]
    found = {}
    for row, top, bottom in zip(rows, lines, lines[1:], strict=False):
        widths = WIDTHS_OF_DIGITS if row == (3, 6) else WIDTHS
        share = width / sum(widths.get(panel, 1.0) for panel in row)
        left = 0.0
        for panel in row:
            right = left + share * widths.get(panel, 1.0)
            found[panel] = (round(left), bottom, round(right) - round(left), top - bottom)
            left = right
    return found


def wanted(view, width, height):
    """Inches (width, height) in which all the texts of a view have room, in a figure so formed."""
    if not set(view) <= set(ALL):
        return ROOM_TO_LOOK_UPRIGHT if is_upright(width, height) else ROOM_TO_LOOK
    rows = _rows(view, width, height)
    return ROOM[0] * max(map(len, rows)), ROOM[1] * len(rows)


def is_upright(width, height):
    """Whether things stand below each other, rather than side by side."""
    return height > UPRIGHT * width


def _rows(view, width, height):
    """The panels in each row."""
    upright = is_upright(width, height)
    if view == ALL:
        return [(1, 2), (4, 5), (3, 6)] if upright else [view[:3], view[3:]]
    return [(panel,) for panel in view] if upright else [view]


def axes_rectangle(cell, dpi, grid=None):
    """The part of a cell that its axes take, in whole pixels, at least 8 x 8.

    grid  (rows, columns) of square tiles of whole pixels that have to fit, at the upper left;
          None fills the cell
    """
    left, bottom, width, height = cell
    x, y = left + round(LEFT * dpi), bottom + round(BOTTOM * dpi)
    w = max(width - round((LEFT + RIGHT) * dpi), 8)
    h = max(height - round((TOP + BOTTOM) * dpi), 8)
    if grid is None:
        return x, y, w, h
    rows, columns = grid
    side = max(min(h // rows, w // columns), 1)
    return x, y + h - side * rows, side * columns, side * rows
