"""A batch divided among the processors gives what it gives in one piece."""

import os
import subprocess
import sys

import numpy as np
import pytest

import tensorflowvisu  # noqa: F401 - starts TensorFlow

import tensorflow as tf  # isort: skip

from benchmarks.speed import load
from tests.screen import ROOT, lesson_file
from visu.control import Control
from visu.parallel import MOST, divided, in_shares
from visu.schedule import Schedule
from visu.training import Training

ALL = min(len(os.sched_getaffinity(0)), MOST)
TOLD = "TF_NUM_INTRAOP_THREADS"


@pytest.mark.parametrize(
    ("rows", "count", "lengths"),
    [
        (100, 1, [100]),
        (100, 2, [50, 50]),
        (100, 3, [34, 33, 33]),
        (7, 8, [1] * 7),
        (1, 2, [1]),
        (0, 2, [0]),
    ],
)
def test_the_parts_are_of_nearly_the_same_length_and_in_order(rows, count, lengths):
    tensor = tf.range(rows)
    parts = divided(tensor, count)
    assert [len(part) for part in parts] == lengths
    assert (tf.concat(parts, axis=0) == tensor).numpy().all()


@pytest.mark.parametrize("count", [2, 3, MOST])
@pytest.mark.parametrize("images", [100, 37])
def test_outputs_and_gradients_are_those_of_the_whole_batch(count, images):
    lesson = load("3.1")
    X, Y_ = lesson.mnist.test.images[:images], lesson.mnist.test.labels[:images]
    variables = lesson.weights + lesson.biases

    @tf.function
    def outcome(X, Y_, count):
        with tf.GradientTape() as tape:
            Ylogits = in_shares(lesson.model, count, X)
            loss = lesson.cross_entropy(Ylogits, Y_)
        return Ylogits, *tape.gradient(loss, variables)

    X, Y_ = tf.constant(X), tf.constant(Y_)
    for whole, shared in zip(outcome(X, Y_, 1), outcome(X, Y_, count), strict=True):
        np.testing.assert_allclose(shared, whole, rtol=1e-3, atol=1e-5)


def test_what_comes_after_the_images_is_for_every_share():
    X = tf.reshape(tf.range(10.0), [5, 2])
    assert (in_shares(lambda X, a, b: a * X + b, 2, X, 3, 4) == 3 * X + 4).numpy().all()


def test_each_share_has_a_dropout_of_its_own():
    whole = tf.ones([100, 200])
    first, second = tf.split(in_shares(tf.nn.dropout, 2, whole, 0.25), 2)
    assert (first != second).numpy().any()


@pytest.mark.parametrize("shares", [2, 3])
def test_an_evaluation_in_shares_finds_the_same(shares):
    def measured(shares):
        lesson = load("2.1")  # anew: a training takes its batches from it
        data = lesson.mnist._replace(test=lesson.mnist.test.part(None, 1001))
        schedule = Schedule(0, 20, 100, rarer_tests=False)
        training = Training(data, lesson.train, lesson.test, [], schedule, Control(), shares=shares)
        (measurement,) = training.measurements()
        return measurement

    whole, divided = measured(1), measured(shares)
    assert (divided.test_computed == whole.test_computed).all()
    assert divided.test.accuracy == whole.test.accuracy
    assert divided.test.loss == pytest.approx(whole.test.loss, rel=1e-5)
    assert divided.training.loss == pytest.approx(whole.training.loss, rel=1e-5)


def computing(*arguments, **settings):
    """What a fresh Python prints, told by `settings` alone how many processors to use."""
    surroundings = {k: v for k, v in os.environ.items() if not k.startswith("TF_NUM_")}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=surroundings | settings,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize(
    ("number", "told", "threads", "shares"),
    [
        ("1.0", {}, 1, ALL),
        ("2.1", {}, 0, 1),  # TensorFlow's word for as many as there are: operations are divided
        ("3.1", {}, 1, ALL),
        ("3.1", {TOLD: "1"}, 1, 1),
        ("3.1", {TOLD: "1000"}, 1, ALL),
    ],
)
def test_where_operations_run_on_one_processor_each_has_a_share(number, told, threads, shares):
    """Seen in what is compiled: as many times the layers."""
    program = f"""
from benchmarks.speed import load
import tensorflow as tf

def layers(model):
    compiled = tf.function(model).get_concrete_function(tf.TensorSpec([100, 28, 28, 1]))
    assert compiled.output_shapes == [100, 10]
    return sum(o.type in ("Conv2D", "MatMul") for o in compiled.graph.get_operations())

lesson = load({number!r})
print(
    tf.config.threading.get_intra_op_parallelism_threads(),
    layers(lambda X: lesson.lesson.in_parallel(lesson.model, X)) / layers(lesson.model),
)
"""
    assert computing("-c", program, **told) == f"{threads} {shares:.1f}\n"


def test_a_lesson_that_comes_too_late_for_one_thread_takes_the_batch_whole():
    """As in a notebook, where something has been computed already."""
    program = """
import tensorflowvisu, tensorflow as tf
tf.ones([2]) + 1
lesson = tensorflowvisu.Lesson('late', None, iterations=10, threads=1)
print(lesson.in_parallel(lambda X: tf.ones([1, 1]), tf.ones([100, 2])).shape)
"""
    assert computing("-c", program) == "(1, 1)\n"


@pytest.mark.long
def test_the_same_seed_gives_the_same_numbers_on_all_processors(tmp_path):
    def log(number):
        file = tmp_path / f"{number}.csv"
        flags = "--no-window", "--iterations", "60", "--seed", "3", "--log", file
        computing(lesson_file("3.1"), *flags)
        return file.read_text()

    assert log(1) == log(2)
