"""The live view in a browser: the same window, on a canvas that is served as a page."""
