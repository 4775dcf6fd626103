"""The live view and the way to run a lesson. A lesson imports it first: it starts TensorFlow.

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=2_000)   # flags, seed
...                                                    # variables, model, training
lesson.run(mnist, train, test, weights=[W], biases=[B])    # under "__main__" only
"""

import visu.startup  # noqa: F401, I001 - before everything that imports TensorFlow
import os
import signal
import sys
import threading
from pathlib import Path

import tensorflow as tf
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from visu import terminal
from visu.control import Control
from visu.errors import UsageError, report_mistakes_plainly
from visu.files import Log, check_destination, save_picture
from visu.history import History
from visu.options import Options, parse
from visu.panels import Panels
from visu.schedule import SETTLED, Schedule
from visu.training import EVALUATED_AT_ONCE, Training
from visu.window import NoWindowError, Window, open_figure, outlive_display

__all__ = ["Lesson"]

MEASUREMENTS_A_SECOND = 30  # the pace to watch at
PICTURE_INCHES, PICTURE_DPI = (12.8, 7.2), 150  # 1920 x 1080 pixels
COMPILED = 100  # iterations after which nothing is left to compile
TEST_EVERY = 5  # measurements
# Python lets a waiting thread in after this long, not after its usual 5 ms: the training thread
# comes back from TensorFlow hundreds of times a second, and shall not wait for a drawing.
SWITCH_SECONDS = 0.001
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
            self._name, self._options = name, Options(iterations)
        self.data, self.seed = self._options.data, self._options.seed
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


class _Run:
    """One run of a lesson with all that watches it."""

    def __init__(self, lesson, mnist, train, test, spreads):
        self._options, self._name, self._title = lesson._options, lesson._name, lesson._title
        self._mnist, self._spreads = mnist, spreads
        self._control, self._history = Control(), History()
        self._window = None
        self._interrupted = False
        self._failure = None
        parameters = _count_parameters(test, mnist)
        print(terminal.opening_line(self._name, self._title, parameters), flush=True)
        self._picture = self._options.save
        if self._options.window:
            self._open_window()
        self._log = Log(self._options.log) if self._options.log else None
        schedule = Schedule(
            self._options.iterations,
            lesson._measure_every,
            TEST_EVERY * lesson._measure_every,
            lesson._rarer_tests,
        )
        paced = self._window is not None and not self._options.fast
        self._training = Training(
            mnist,
            train,
            test,
            list(spreads.values()) if self._window or self._picture else [],
            schedule,
            self._control,
            pace=MEASUREMENTS_A_SECOND if paced else None,
        )

    def go(self):
        """Train to the end, or until stopped. Returns the exit code."""
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            if self._window:
                # Windows must live in the main thread on some systems; TensorFlow needs none.
                sys.setswitchinterval(SWITCH_SECONDS)
                worker = threading.Thread(target=self._train_and_tell, name="training")
                outlive_display(lambda: self._end_without_display(worker))
                worker.start()
                try:
                    self._window.main_loop()
                finally:
                    self._control.stop()
                    # The window's objects must outlive the thread: if its garbage collector were
                    # to free them, the toolkit would wait for a main loop that is over.
                    worker.join()
            else:
                self._train_and_tell()
        finally:
            signal.signal(signal.SIGINT, before)
        if self._failure is not None:
            raise self._failure
        return INTERRUPTED if self._interrupted else 0

    def _open_window(self):
        try:
            figure = open_figure(self._name)
        except NoWindowError as reason:
            self._explain_text_mode(reason)
            return
        self._window = Window(
            figure,
            self._panels_on(figure),
            self._history,
            self._control,
            self._name,
            self._options.iterations,
            self._options.fast,
        )

    def _explain_text_mode(self, reason):
        if self._picture is None:
            self._picture = f"{self._name}.png"
            try:
                check_destination("--save", self._picture, (".png",))
            except UsageError:
                self._picture = None
        kept = f"the picture will be in {self._picture}"
        outcome = kept if self._picture else "--save FILE.png would keep the picture"
        print(f"no window: {reason}. Training in text mode; {outcome}.", flush=True)

    def _end_without_display(self, worker):
        """What is left of the program when the window's display is gone; called by Xlib."""
        if worker.is_alive():
            self._explain_text_mode("the display is gone")
            self._training.lift_pace()
            self._control.resume()
            worker.join()
        code = INTERRUPTED if self._interrupted else 0
        if self._failure is not None:
            code = getattr(self._failure, "exit_code", 1)
            print(f"error: {self._failure}", file=sys.stderr)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)  # there is no way back through the toolkit

    def _panels_on(self, figure):
        return Panels(
            figure,
            self._title,
            self._options.iterations,
            len(self._mnist.test),
            [title.replace("_", " ").capitalize() for title in self._spreads],
            self._mnist.class_names,
        )

    def _interrupt(self, *_):
        if self._interrupted:
            raise KeyboardInterrupt  # asked for twice: now
        self._interrupted = True
        self._control.stop()
        if self._window:
            self._window.close()

    def _train_and_tell(self):
        """All of the run but its window. What goes wrong is kept for the main thread."""
        try:
            self._train()
        except BaseException as error:
            self._failure = error
            if self._window:
                self._window.close()

    def _train(self):
        progress = terminal.Progress(self._options.iterations)
        early = None
        try:
            for measurement in self._training.measurements():
                self._history.add(measurement)
                if early is None and measurement.iteration >= COMPILED:
                    early = measurement
                progress.add(measurement)
                self._write_log(measurement)
        finally:
            progress.close()
        last = self._history.last
        line = terminal.final_line(last, self._history.best_test_accuracy, len(self._mnist.test))
        print(line, flush=True)
        if self._options.verbose and early:
            cost = (self._window.frames, self._window.drawing_seconds) if self._window else (0, 0.0)
            print(terminal.speed_line(early, last, *cost), flush=True)
        if self._window:
            self._window.finish(f"finished, test accuracy {last.test.accuracy:.4f}")
        # The log first: a picture that can't be saved shall not cost it its name.
        if self._log:
            self._log.close()
        self._save()

    def _write_log(self, measurement):
        if self._log is None:
            return
        try:
            self._log.add(measurement)
        except UsageError as error:
            # The training is worth more than its log: go on, and say so at the end.
            self._log, self._failure = None, error

    def _save(self):
        if self._picture is None:
            return
        figure = Figure(figsize=PICTURE_INCHES, dpi=PICTURE_DPI, layout="none")
        FigureCanvasAgg(figure)
        panels = self._panels_on(figure)
        panels.update(self._history)
        panels.paint()
        last = self._history.last
        panels.status.set_animated(False)
        panels.status.set_text(f"iteration {last.iteration:,} of {self._options.iterations:,}")
        save_picture(figure, self._picture)


def _count_parameters(test, mnist):
    """How many numbers training adjusts: the size of all trainable variables `test` reads."""
    batch = [
        tf.TensorSpec([min(EVALUATED_AT_ONCE, len(mnist.test)), *shape], tf.float32)
        for shape in (mnist.test.pixels.shape[1:], mnist.test.labels.shape[1:])
    ]
    variables = test.get_concrete_function(*batch).variables
    return sum(int(tf.size(variable)) for variable in variables if variable.trainable)
