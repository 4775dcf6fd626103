"""Folders that somebody has named, checked before anything slow begins."""

from pathlib import Path

from errors import UsageError


def check_folder(source, folder):
    """Raise UsageError unless the folder is there; elsewhere (gs://...) only TensorFlow can tell.

    source  what to call it in the message, such as a flag
    """
    if "://" in folder:
        return
    try:
        if Path(folder).is_dir():
            return
        found = "a file" if Path(folder).exists() else "nothing"
    except OSError as error:  # no right to look, or a name that is too long
        found = f"nothing that can be read ({error.strerror})"
    raise UsageError(f"{source} {folder}: expected a folder, found {found}; train and export")
