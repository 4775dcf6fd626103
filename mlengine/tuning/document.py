"""A YAML file as parts that know where they are, so that every complaint says where to look."""

import math

import yaml

from errors import UsageError

MOST = 2**31 - 1  # for a whole number, as for the flags of the programs


def read(path):
    """The whole of the file as a `Part`. Raises UsageError."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"{path}: expected a YAML file, but it can't be read ({reason})") from None
    try:
        return Part(yaml.safe_load(text), path)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        reason = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise UsageError(f"{path}{where}: expected YAML, but {reason}") from None
    except RecursionError:
        raise UsageError(f"{path}: expected YAML, but it is nested too deeply") from None
    except (ValueError, OverflowError) as error:  # what looks like a date, a number too long
        raise UsageError(
            f"{path}: expected YAML, but a value can't be read ({error}); put it in quotes"
        ) from None


class Part:
    """A mapping, a list or a plain value, and the path of keys that leads to it."""

    def __init__(self, value, file, keys=""):
        self._value, self._file, self._keys = value, file, keys

    def mapping(self, known, required=()):
        """This very part, now known to be a mapping with no other keys than these."""
        if not isinstance(self._value, dict):
            raise self.wrong("a mapping")
        for key in self._value:
            if key not in known:
                raise self.wrong(f"only {', '.join(known)}", f"the key {key!r}")
        for key in required:
            if self._value.get(key) is None:
                raise self.wrong(f"the key {key}", "none")
        return self

    def __contains__(self, key):
        return key in self._value

    def __getitem__(self, key):
        """A value of a mapping; of a key that is not there, the value None."""
        keys = f"{self._keys}.{key}" if self._keys else key
        return Part(self._value.get(key), self._file, keys)

    def items(self):
        """The parts of a list that is not empty."""
        if not isinstance(self._value, list) or not self._value:
            raise self.wrong("a list with something in it")
        return [
            Part(value, self._file, f"{self._keys}[{index}]")
            for index, value in enumerate(self._value)
        ]

    def text(self):
        if not isinstance(self._value, str) or not self._value:
            raise self.wrong("a text", self._found() + self._perhaps_quotes())
        return self._value

    def one_of(self, choices, default=None):
        """One of several words; `default` where nothing is said."""
        if self._value is None and default is not None:
            return default
        if not isinstance(self._value, str) or self._value not in choices:
            raise self.wrong(" or ".join(choices))
        return self._value

    def true_or_false(self, default):
        if self._value is None:
            return default
        if not isinstance(self._value, bool):
            raise self.wrong("true or false")
        return self._value

    def whole(self, least=None, default=None):
        """A whole number, not less than `least`; `default` where nothing is said."""
        if self._value is None and default is not None:
            return default
        wrong_kind = isinstance(self._value, bool) or not isinstance(self._value, int)
        if wrong_kind or (least is not None and self._value < least):
            raise self.wrong(
                "a whole number" + ("" if least is None else f" not less than {least}")
            )
        if abs(self._value) > MOST:
            raise self.wrong(f"a whole number from {-MOST} to {MOST}")
        return self._value

    def number(self):
        """A finite number, as a float."""
        if isinstance(self._value, bool) or not isinstance(self._value, (int, float)):
            raise self.wrong("a number", self._found() + self._perhaps_a_point())
        try:
            value = float(self._value)
        except OverflowError:  # so many digits
            value = math.inf
        if not math.isfinite(value):
            raise self.wrong("a finite number")
        return value

    def wrong(self, expected, found=None):
        """A UsageError that says what was expected here."""
        where = f": {self._keys}" if self._keys else ""
        return UsageError(
            f"{self._file}{where}: expected {expected}, found {found or self._found()}"
        )

    def _found(self):
        return "nothing" if self._value is None else repr(self._value)

    def _perhaps_quotes(self):
        return "" if self._value is None else "; put it in quotes"

    def _perhaps_a_point(self):
        try:
            return f", a text to YAML; write {float(self._value)!r} like 0.001 or 1.0e-3"
        except (TypeError, ValueError):
            return ""
