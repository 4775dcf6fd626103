"""A prediction service as a process, models for it to serve, and somebody who asks it."""

import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pytest
import tensorflow as tf

import mnistdata
from tests.mlengine.jobs import MLENGINE, PATIENCE, wait_for

IMAGE = tf.TensorSpec([None, 28, 28], tf.float32, name="image")


class Softmax(tf.Module):
    """A single layer with the signature that the trainer exports."""

    def __init__(self):
        super().__init__()
        self.W = tf.Variable(tf.zeros([784, 10]))
        self.b = tf.Variable(tf.zeros([10]))

    @tf.function(input_signature=[IMAGE])
    def read(self, image):
        probabilities = tf.nn.softmax(tf.reshape(image, [-1, 784]) @ self.W + self.b)
        return {"classes": tf.argmax(probabilities, axis=1), "probabilities": probabilities}

    def train(self, steps=500):
        """Gradient descent in NumPy, which takes a second."""
        W, b = np.zeros((784, 10), np.float32), np.zeros(10, np.float32)
        digits = mnistdata.read_data_sets().train
        for _ in range(steps):
            images, labels = digits.next_batch(100)
            X = images.reshape(-1, 784)
            Y = np.exp(X @ W + b)
            error = (labels - Y / Y.sum(axis=1, keepdims=True)) / len(X)
            W += 0.5 * X.T @ error
            b += 0.5 * error.sum(axis=0)
        self.W.assign(W)
        self.b.assign(b)

    def always(self, digit):
        """Whatever it is shown, it reads this digit."""
        self.b.assign(20 * tf.one_hot(digit, 10))


class Faulty(Softmax):
    """It has no answer to images whose last pixel is a quarter."""

    @tf.function(input_signature=[IMAGE])
    def read(self, image):
        answer = tf.where(image[:, -1, -1:] == 0.25, np.nan, tf.ones([1, 10]) / 10)
        return {"classes": tf.argmax(answer, axis=1), "probabilities": answer}


def export(model, folder, signature="serving_default"):
    tf.saved_model.save(model, str(folder), signatures={signature: model.read})
    return folder


def export_constant(digit, folder):
    """A model that always reads this digit."""
    model = Softmax()
    model.always(digit)
    return export(model, folder)


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """A folder with version 100 of a model that reads nine test digits of ten."""
    folder = tmp_path_factory.mktemp("trained")
    model = Softmax()
    model.train()
    export(model, folder / "100")
    return folder


@pytest.fixture(scope="session")
def service(trained, tmp_path_factory):
    """A service with a model in versions, one that tests replace, a bare SavedModel, a bad one."""
    moving = tmp_path_factory.mktemp("moving")
    export_constant(1, moving / "1")
    faulty = export(Faulty(), tmp_path_factory.mktemp("faulty"))
    models = {"mnist": trained, "moving": moving, "plain": trained / "100", "faulty": faulty}
    with serving(*(f"--model={name}={folder}" for name, folder in models.items())) as running:
        running.moving = moving
        yield running


@contextmanager
def serving(*flags, environment=None):
    """A `Service` that answers; killed at the end, unless it has ended before."""
    with tempfile.TemporaryDirectory() as folder:
        running = Service(Path(folder), flags, environment or {"AIP_HTTP_PORT": ""})
        try:
            running.wait_for_address()
            yield running
        finally:
            running.process.kill()
            running.process.wait(PATIENCE)


class Service:
    """serve.py in a process of its own, at a free port; `url` is where it says that it serves."""

    def __init__(self, folder, flags, environment):
        self._said, self._complained = folder / "out", folder / "error"
        port = () if environment.get("AIP_HTTP_PORT") else ("--port=0",)
        with self._said.open("w") as said, self._complained.open("w") as complained:
            self.process = subprocess.Popen(
                [sys.executable, "serve.py", *port, *map(str, flags)],
                cwd=MLENGINE,
                env={**os.environ, **environment},
                stdout=said,
                stderr=complained,
            )

    def wait_for_address(self):
        # Where it listens at all interfaces it says 0.0.0.0; we are one of those who may ask.
        address = wait_for(self._has_said_where)[1]
        self.url = f"http://{address.replace('0.0.0.0', '127.0.0.1')}"

    def _has_said_where(self):
        assert self.process.poll() is None, f"it has ended: {self.complained()}"
        return re.search(r"at http://(\S+)/\n", self.said())

    def said(self):
        return self._said.read_text()

    def complained(self):
        return self._complained.read_text()

    def connect(self):
        address = urlsplit(self.url)
        return http.client.HTTPConnection(address.hostname, address.port, timeout=PATIENCE)

    def ask(self, method, path, body=None):
        """(status, what the answer says as JSON); bodies that are not bytes become JSON."""
        connection = self.connect()
        try:
            return ask(connection, method, path, body)
        finally:
            connection.close()

    def predict(self, instances, model="mnist"):
        """The predictions for instances."""
        path = f"/v1/models/{model}:predict"
        status, answer = self.ask("POST", path, {"instances": instances})
        assert status == 200, answer
        return answer["predictions"]

    def memory(self):
        """What the process has in memory, in megabytes, as Linux counts it."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def ask(connection, method, path, body=None):
    """The same, through a connection that stays open."""
    if isinstance(body, dict | list):
        body = json.dumps(body).encode()
    connection.request(method, path, body)
    response = connection.getresponse()
    return response.status, json.loads(response.read())


def mnist_digits(*numbers):
    """Test digits of MNIST as instances: lists of 28 rows of 28 numbers."""
    return mnistdata.read_data_sets().test.images[list(numbers), ..., 0].tolist()
