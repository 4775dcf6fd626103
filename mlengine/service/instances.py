"""What a request has to look like: images of digits as JSON, 28 x 28 numbers each.

TensorFlow Serving takes such an image as it is or under the name of the model's input, `image`. It
takes more than that, too (columns under "inputs", other signatures), which is refused here.
"""

import json
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from service.errors import RefusedError

SIDE = 28
SHOWN = 40  # characters of a wrong value in a message
MANY = 1000  # mistakes; to list each of 100,000 keys takes half a second

# Strict: neither booleans nor texts are numbers. To fail fast matters: a body of 1.5 MB can hold
# 700,000 mistakes, and whoever sent it needs to hear of the first.
Pixel = Annotated[float, Field(strict=True, ge=0, le=1, allow_inf_nan=False)]
Row = Annotated[list[Pixel], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]
Image = Annotated[list[Row], Field(min_length=SIDE, max_length=SIDE, fail_fast=True)]


class NamedImage(BaseModel):
    """An image under the name of the model's input: 28 rows of 28 numbers, 0 paper to 1 ink."""

    model_config = ConfigDict(extra="forbid")
    image: Image


BareImages = Annotated[list[Image], Field(min_length=1, fail_fast=True)]
NamedImages = Annotated[list[NamedImage], Field(min_length=1, fail_fast=True)]


class PredictRequest(BaseModel):
    """Images to read, all of them bare or all of them named."""

    model_config = ConfigDict(extra="forbid")
    instances: BareImages | NamedImages = Field(union_mode="left_to_right")
    signature_name: Literal["serving_default"] = "serving_default"
    parameters: Any = Field(None, description="Vertex AI's clients may send some; not used.")


_REQUEST = TypeAdapter(PredictRequest)
_LINE = TypeAdapter(Annotated[Image | NamedImage, Field(union_mode="left_to_right")])


def read_request(body):
    """The images, float32 [n, 28, 28], in the bytes of a request. Raises RefusedError."""
    try:
        instances = _REQUEST.validate_json(body).instances
    except ValidationError as error:
        raise RefusedError(_explained(error, counted=True)) from None
    return _array(instances)


def read_line(line):
    """The image, float32 [28, 28], in one line of JSON. Raises RefusedError."""
    try:
        return _array([_LINE.validate_json(line)])[0]
    except ValidationError as error:
        raise RefusedError(_explained(error, counted=False)) from None


def _array(instances):
    images = [each.image if isinstance(each, NamedImage) else each for each in instances]
    return np.array(images, np.float32)


def _explained(error, counted):
    """Where the first mistake is, what was expected there, and what was found.

    counted  whether instances have numbers, because there may be several
    """
    if error.error_count() > MANY:  # of all mistakes, only keys are counted to the end
        return (
            f'expected no keys but {_quoted(PredictRequest)} and, in an instance, "image", found '
            f"{error.error_count():,} others"
        )
    problem = _first(error.errors(include_url=False))
    kind, found = problem["type"], problem["input"]
    if kind == "json_invalid":
        return f"expected JSON, found something else ({problem['ctx']['error']})"
    place = _place(problem)
    names = ("instance", "row", "column") if counted else ("row", "column")
    where = ", ".join(f"{name} {at}" for name, at in zip(names, place, strict=False))
    depth = len(place) + (not counted)  # in lists: 0 for the request, 1 for an instance, ...
    expected, cure = _expected(depth, kind, problem["loc"], found)
    if kind == "extra_forbidden":
        found = {problem["loc"][-1]: found}
    return f"{where}{': ' * bool(where)}expected {expected}, found {_described(found)}{cure}"


def _first(problems):
    """The one to tell: pydantic also says what is wrong with named images if they were bare."""
    first = problems[0]
    is_named = first["type"] == "list_type" and isinstance(first["input"], dict)
    return problems[1] if is_named and _place(first) in ([], [0]) else first


def _place(problem):
    return [key for key in problem["loc"] if isinstance(key, int)]


def _expected(depth, kind, keys, found):
    """What was expected, `depth` lists deep, and advice if there is some, else ""."""
    key = keys[-1] if keys else None
    if kind == "extra_forbidden":
        return ('"image" alone' if depth else f"no key but {_quoted(PredictRequest)}"), ""
    if kind == "missing":
        return f'the key "{key}"', ""
    if key == "signature_name":
        return 'the "signature_name" to be "serving_default"', ""
    if depth == 0:
        whole = 'an object such as {"instances": [...]}'
        return ("a list of at least one instance" if keys else whole), ""
    if depth == 1:
        if kind == "model_type":
            return 'an object with "image", as the instances before', ""
        if isinstance(found, dict) and key != "image":
            return "a list, as the instances before", ""
        return "28 rows of 28 numbers", ""
    if depth == 2:
        return "a row of 28 numbers", ""
    is_byte = kind == "less_than_equal" and found <= 255
    return "a number from 0 (paper) to 1 (ink)", "; divide by 255" if is_byte else ""


def _quoted(model):
    return ", ".join(f'"{name}"' for name in model.model_fields)


def _described(value):
    if isinstance(value, list):
        return f"a list of {len(value)}" if value else "an empty list"
    if isinstance(value, dict):
        keys = _cut(", ".join(map(_text, value)))
        return f"an object with {keys}" if keys else "an empty object"
    return _cut(_text(value))


def _text(value):
    return json.dumps(value, ensure_ascii=False)


def _cut(text):
    return text if len(text) <= SHOWN else text[: SHOWN - 3] + "..."
