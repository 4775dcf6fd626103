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


def cells(view, width, height, dpi):
    """The rectangle of each panel of `view`, its labels included, in a figure of width x height.

    Returns {panel: (left, bottom, width, height)}, whole pixels that leave no gap but for the lines
    above and below.
    """
    rows = [view[:3], view[3:]] if len(view) > 3 else [view]
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
