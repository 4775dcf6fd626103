"""What answers look like: the same as TensorFlow Serving's."""

import json
from typing import Annotated

from pydantic import BaseModel, Field

Probability = Annotated[float, Field(ge=0, le=1)]


class Prediction(BaseModel):
    """The digit that was read, and how probable each of the ten is."""

    classes: Annotated[int, Field(ge=0, le=9)]
    probabilities: Annotated[list[Probability], Field(min_length=10, max_length=10)]


class Predictions(BaseModel):
    """One for each instance, in the same order."""

    predictions: list[Prediction]


class Status(BaseModel):
    error_code: str
    error_message: str


class VersionStatus(BaseModel):
    version: str
    state: str
    status: Status


class ModelStatus(BaseModel):
    """The versions that are loaded."""

    model_version_status: list[VersionStatus]


class Health(BaseModel):
    """All models are loaded."""

    status: str


class Error(BaseModel):
    """What was expected, and what was found instead."""

    error: str


def predictions(classes, probabilities):
    """The bytes of `Predictions`, of what a model returns: [n] and [n, 10]."""
    # NumPy's text has the fewest digits that give the same float32 again, as TensorFlow Serving's.
    rows = (
        f'{{"classes": {name}, "probabilities": [{", ".join(row)}]}}'
        for name, row in zip(classes.tolist(), probabilities.astype("U").tolist(), strict=True)
    )
    return f'{{"predictions": [{", ".join(rows)}]}}'.encode()


def model_status(number):
    """The bytes of `ModelStatus`, of the one version that is loaded."""
    status = {"error_code": "OK", "error_message": ""}
    versions = [{"version": str(number), "state": "AVAILABLE", "status": status}]
    return json.dumps({"model_version_status": versions}).encode()


def error(message):
    """The bytes of `Error`."""
    return json.dumps({"error": message}).encode()
