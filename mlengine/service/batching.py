"""Requests that wait at the same time are answered by one call of the model.

A call for thirty images takes about twice as long as one for a single image. Nobody waits for
others to come: whatever has come while the model was busy is the next batch.
"""

import asyncio
from typing import NamedTuple

import numpy as np

AT_ONCE = 256  # images; larger batches take memory and save no time


class Waiting(NamedTuple):
    version: object
    images: np.ndarray  # float32 [n, 28, 28]
    answer: asyncio.Future


class Batches:
    """The requests for one model, which the event loop's thread hands in."""

    def __init__(self):
        self._waiting, self._worker = [], None

    async def predict(self, version, images):
        """What `version.predict(images)` returns, computed in another thread."""
        answer = asyncio.get_running_loop().create_future()
        self._waiting.append(Waiting(version, images, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return await answer

    async def _work(self):
        while self._waiting:
            batch = self._next()
            try:
                images = np.concatenate([each.images for each in batch])
                results = await asyncio.to_thread(batch[0].version.predict, images)
            except Exception as error:
                for each in batch:
                    _settle(each.answer.set_exception, each.answer, error)
                continue
            start = 0
            for each in batch:
                part = slice(start, start := start + len(each.images))
                _settle(each.answer.set_result, each.answer, [result[part] for result in results])
        self._worker = None

    def _next(self):
        """The first that wait, for the same version, up to so many images; at least one."""
        version, count, images = self._waiting[0].version, 0, 0
        for each in self._waiting:
            images += len(each.images)
            if each.version is not version or (count and images > AT_ONCE):
                break
            count += 1
        batch, self._waiting = self._waiting[:count], self._waiting[count:]
        return batch


def _settle(how, answer, value):
    if not answer.done():  # cancelled, because the service ends
        how(value)
