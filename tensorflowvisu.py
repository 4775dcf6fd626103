"""The live view and the way to run a lesson. A lesson imports it first: it starts TensorFlow.

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=2_000)   # flags, seed
...                                                    # variables, model, training
lesson.run(mnist, train, test, weights=[W], biases=[B])    # under "__main__" only
"""

import visu.startup  # noqa: F401, I001 - before everything that imports TensorFlow
import signal
import sys
from pathlib import Path

import tensorflow as tf

from visu import runs, terminal
from visu.control import Control
from visu.errors import UsageError, report_mistakes_plainly
from visu.files import Log, check_destination, is_film
from visu.film import Film
from visu.history import History
from visu.live import LiveView
from visu.measurement import Scene
from visu.options import Options, parse
from visu.schedule import SETTLED, Schedule
from visu.training import BATCH, EVALUATED_AT_ONCE, Training

__all__ = ["Lesson"]

MEASUREMENTS_A_SECOND = 30  # the pace to watch at
COMPILED = 100  # iterations after which nothing is left to compile
TEST_EVERY = 5  # measurements
INTERRUPTED = 130  # the exit code of a program ended by Ctrl-C


class Lesson:
    """What a lesson script needs besides its network: flags, seed, and the run itself.

    name           the script's `__name__`
    text           the script's `__doc__`; its first line is the title
    iterations     to train for, unless --iterations says otherwise
    measure_every  iterations between measurements of the training batch; the test set is
                   evaluated five times as rarely, and after iteration 2,000, in lessons that are
                   longer than that, ten times

    In a script run from the shell, the flags are read and take effect here, before any variable
    is made. In a script that is imported, nothing happens but the seeding: `data` is None, `seed`
    is 0, and `run` does nothing.
    """

    def __init__(self, name, text, *, iterations, measure_every=20):
        self._is_main = name == "__main__"
        self._title = text.strip().splitlines()[0].rstrip(".")
        self._measure_every, self._rarer_tests = measure_every, iterations > SETTLED
        if self._is_main:
            report_mistakes_plainly()
            script = getattr(sys.modules["__main__"], "__file__", None) or sys.argv[0]
            self._name = Path(script).stem
            self._options = parse(self._name, self._title, iterations)
        else:
            self._name, self._options = name, Options(iterations, window=False)
        self.data, self.seed = self._options.data, self._options.seed
        # Their processes start now, to be ready when there is something to show.
        self._live = _start_live_view(self._options)
        self._film = _start_film(self._options)
        tf.keras.utils.set_random_seed(self.seed)

    def run(self, mnist, train, test, **spreads):
        """Train as the flags say: show, print and store what is measured on the way.

        mnist    `mnistdata.DataSets`
        train    train(images [b, 100, 28, 28, 1], labels [b, 100, 10], step, stop), a compiled
                 function that trains from iteration `step` up to `stop` (int32 scalars), iteration
                 i on batch i % b
        test     test(X [n, 28, 28, 1], Y_ [n, 10]) returns the probabilities [n, 10] and the mean
                 loss, a scalar
        spreads  two keywords: what panels 4 and 5 show and, as their titles, are called. Each is
                 a list of tensors, or a function that makes one from the training batch X

        Ends the program if it does not end well: exit code 130 after Ctrl-C, 2 if a requested
        file could not be written.
        """
        if self._is_main:
            code = _Run(self, mnist, train, test, spreads).go()
            if code:
                sys.exit(code)


def _start_live_view(options):
    if not options.window or "ipykernel" in sys.modules:
        return None
    return LiveView(options.fast, options.verbose)


def _start_film(options):
    return Film(options.save, options.verbose) if is_film(options.save) else None


class _Run:
    """One run of a lesson with all that watches it."""

    def __init__(self, lesson, mnist, train, test, spreads):
        self._options, self._live, self._film = lesson._options, lesson._live, lesson._film
        self._scene = Scene(
            name=lesson._name,
            title=lesson._title,
            iterations=self._options.iterations,
            epoch=max(len(mnist.train) // BATCH, 1),
            spreads=tuple(title.replace("_", " ").capitalize() for title in spreads),
            class_names=mnist.class_names,
            test_images=mnist.test.pixels,
            test_labels=mnist.test.classes,
            earlier=self._options.earlier,
            fast=self._options.fast,
        )
        self._control, self._history = Control(), History(self._scene)
        self._interrupted = self._finished = False
        self._failure = None
        self._picture = None if self._film else self._options.save
        schedule = Schedule(
            self._options.iterations,
            lesson._measure_every,
            TEST_EVERY * lesson._measure_every,
            lesson._rarer_tests,
        )
        if self._film:
            self._film.begin(self._scene, schedule.measurements)
        parameters = _count_parameters(test, mnist)
        terminal.say(terminal.opening_line(self._scene.name, self._scene.title, parameters))
        if self._options.window and self._live is None:
            self._go_on_without_window("a notebook shows no live window yet")
        self._log = Log(self._options.log) if self._options.log else None
        self._training = Training(
            mnist,
            train,
            test,
            list(spreads.values()) if self._live or self._picture or self._film else [],
            schedule,
            self._control,
            pace=None if self._live is None or self._options.fast else MEASUREMENTS_A_SECOND,
        )

    def go(self):
        """Train to the end, or until stopped. Returns the exit code."""
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            if self._live:
                self._live.show(self._scene, self._training, self._control, self._on_window_lost)
            try:
                self._train()
                if self._live:
                    self._live.wait()
            finally:
                if self._live:
                    self._live.close()
                if self._film:
                    self._film.close()
        finally:
            signal.signal(signal.SIGINT, before)
        if self._failure is not None:
            raise self._failure
        return INTERRUPTED if self._interrupted else 0

    def _interrupt(self, *_):
        if self._interrupted:
            raise SystemExit(INTERRUPTED)  # asked for twice: now
        self._interrupted = True
        self._control.stop()
        if self._live:
            self._live.close()

    def _on_window_lost(self, reason):
        if not self._finished:
            self._go_on_without_window(reason)
            self._training.lift_pace()
            self._control.pause(False)

    def _go_on_without_window(self, reason):
        if self._film:
            outcome = f"the film will be in {self._options.save}"
        else:
            outcome = self._keep_picture()
        terminal.say(f"no window: {reason}. Training in text mode; {outcome}.")

    def _keep_picture(self):
        """See to it that there is a picture in the end. Returns what to say of it."""
        if self._picture is None:
            self._picture = f"{self._scene.name}.png"
            try:
                check_destination("--save", self._picture, (".png",))
            except UsageError:
                self._picture = None
        kept = f"the picture will be in {self._picture}"
        return kept if self._picture else "--save FILE.png would keep the picture"

    def _train(self):
        progress = terminal.Progress(self._scene.iterations, self._scene.epoch)
        early = None
        try:
            for measurement in self._training.measurements():
                self._history.add(measurement)
                if self._live:
                    self._live.add(measurement)
                if self._film:
                    self._film.add(measurement)
                if early is None and measurement.iteration >= COMPILED:
                    early = measurement
                progress.add(measurement)
                self._write_log(measurement)
        finally:
            progress.close()
        self._finished = True
        last = self._history.last
        terminal.say(
            terminal.final_line(
                last, self._history.best_test_accuracy, len(self._scene.test_labels)
            )
        )
        if self._live:
            self._live.finish(f"finished, test accuracy {last.test.accuracy:.4f}")
        if self._options.verbose and early:
            drawn = self._live and self._live.drawn()
            testing = self._training.testing_seconds
            terminal.say(terminal.speed_line(early, last, testing, *(drawn or (0, 0.0))))
        runs.keep(self._scene.name, self._history)
        # The log first: a picture that can't be saved shall not cost it its name.
        if self._log:
            self._keep(self._log.close)
        if self._picture:
            from visu.picture import save  # late: matplotlib takes its time to load

            self._keep(save, self._scene, self._history, self._picture)
        if self._film:
            with terminal.FilmProgress() as progress:
                self._keep(self._film.finish, progress.show)

    def _keep(self, write, *arguments):
        """Write a file. What prevents it is said at the very end, when all else is done."""
        try:
            write(*arguments)
        except UsageError as error:
            self._failure = self._failure or error

    def _write_log(self, measurement):
        if self._log is None:
            return
        try:
            self._log.add(measurement)
        except UsageError as error:
            # The training is worth more than its log: go on, and say so at the end.
            self._log, self._failure = None, error


def _count_parameters(test, mnist):
    """How many numbers training adjusts: the size of all trainable variables `test` reads."""
    batch = [
        tf.TensorSpec([min(EVALUATED_AT_ONCE, len(mnist.test)), *shape], tf.float32)
        for shape in (mnist.test.pixels.shape[1:], mnist.test.labels.shape[1:])
    ]
    variables = test.get_concrete_function(*batch).variables
    return sum(int(tf.size(variable)) for variable in variables if variable.trainable)
