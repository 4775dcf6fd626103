"""Where the panels stand, in every view. Pure arithmetic."""

# Keys as matplotlib names them, and the panels that each shows.
VIEWS = {
    **{str(panel): (panel,) for panel in range(1, 7)},
    "7": (1, 2),
    "8": (4, 5),
    "9": (3, 6),
    "0": (1, 2, 3, 4, 5, 6),
    "escape": (1, 2, 3, 4, 5, 6),
}
ALL = VIEWS["0"]

# Inches around the axes of a panel, for its tick labels and its title: they don't grow with it.
LEFT, RIGHT, TOP, BOTTOM = 0.62, 0.14, 0.42, 0.34
HEAD = 0.42  # the line above all panels
# The third column holds the digits, whose mosaics are wider than high.
COLUMNS = {1: 1.0, 2: 1.0, 3: 1.3, 4: 1.0, 5: 1.0, 6: 1.3}


def cells(view, width, height):
    """The rectangle of each panel of `view` with its labels, in a figure of width x height inches.

    Returns {panel: (left, bottom, width, height)} in inches.
    """
    rows = [view[:3], view[3:]] if len(view) > 3 else [view]
    row_height = (height - HEAD) / len(rows)
    found = {}
    for number, row in enumerate(rows):
        share = width / sum(COLUMNS[panel] for panel in row)
        left = 0.0
        for panel in row:
            bottom = height - HEAD - (number + 1) * row_height
            found[panel] = (left, bottom, share * COLUMNS[panel], row_height)
            left += share * COLUMNS[panel]
    return found


def axes_rectangle(cell):
    """The part of a cell, in inches, that is left for the axes; at least a tenth of an inch."""
    left, bottom, width, height = cell
    return (
        left + LEFT,
        bottom + BOTTOM,
        max(width - LEFT - RIGHT, 0.1),
        max(height - TOP - BOTTOM, 0.1),
    )
