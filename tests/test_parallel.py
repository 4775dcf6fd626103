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
from visu.parallel import MOST, divided, in_shares, processors
from visu.schedule import Schedule
from visu.training import Training

TOLD, SHARES_TOLD = "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"
with pytest.MonkeyPatch.context() as patch:
    patch.delenv(TOLD, raising=False)
    patch.delenv(SHARES_TOLD, raising=False)
    ALL = min(processors(), MOST)


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


def test_it_does_not_have_to_be_known_how_many_images_there_are():
    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def doubled(X):
        return in_shares(lambda X: 2 * X, 2, X)

    assert (doubled(tf.ones([5, 2])) == 2).numpy().all()


@pytest.mark.parametrize("compiled", [False, True])
def test_each_share_has_a_dropout_of_its_own(compiled):
    def model(X):
        return tf.nn.dropout(X, rate=0.25)

    @tf.function
    def trained(X):
        return in_shares(tf.function(model) if compiled else model, 2, X)

    tf.keras.utils.set_random_seed(0)
    first, second = tf.split(trained(tf.ones([100, 200])), 2)
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
    ("number", "told", "threads", "xla", "shares"),
    [
        ("1.0", {}, 1, True, 0),  # dense layers, which are not divided
        ("2.1", {}, 0, True, 0),  # TensorFlow's word for as many threads as there are processors
        ("3.0", {}, 1, False, ALL),
        ("3.1", {}, 1, False, ALL),
        ("3.1", {TOLD: "1"}, 1, False, 1),
        ("3.1", {TOLD: "1000"}, 1, False, ALL),
        ("3.1", {SHARES_TOLD: "1"}, 1, False, 1),
        ("4.2", {}, 0, False, 1),  # batch normalisation needs all images
    ],
)
def test_each_lesson_uses_the_processors_in_its_way(number, told, threads, xla, shares):
    """Seen in the training that it compiles: each share has gradients of three convolutions."""
    program = f"""
from benchmarks.speed import load
import tensorflow as tf
lesson = load({number!r})
block, step = lesson.mnist.train.next_block(2), tf.constant(0)
graph = lesson.train.get_concrete_function(*block, step, step).graph.as_graph_def()
nodes = [node for function in graph.library.function for node in function.node_def]
gradients = sum(node.op == "Conv2DBackpropFilter" for node in nodes)
threads = tf.config.threading.get_intra_op_parallelism_threads()
print(threads, lesson.lesson.xla, gradients / 3)
"""
    assert computing("-c", program, **told) == f"{threads} {xla} {shares:.1f}\n"


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
