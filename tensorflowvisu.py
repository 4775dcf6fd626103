"""The live view and the way to run a lesson. A lesson imports it first: it starts TensorFlow.

lesson = tensorflowvisu.Lesson(__name__, __doc__, iterations=2_000)   # flags, seed
...                                                    # variables, model, training
lesson.run(mnist, train, test, weights=[W], biases=[B])    # under "__main__" only
"""

from visu import startup  # noqa: I001 - before everything that imports TensorFlow
import re
import signal
import sys
from pathlib import Path

import tensorflow as tf

from visu import beside, keras_model, parallel, runs, terminal
from visu.coach import Coach, curves_of
from visu.control import Control
from visu.errors import INTERRUPTED, UsageError, report_mistakes_plainly
from visu.files import Log, check_destination, is_film
from visu.film import Film
from visu.handwriting import as_mnist
from visu.history import History
from visu.live import LiveView
from visu.measurement import Scene
from visu.notebook import NotebookView, in_notebook, takes_widgets
from visu.options import Options, parse
from visu.schedule import SETTLED, SPREADS, SPREADS_FAST, SPREADS_UNSEEN, Schedule
from visu.training import BATCH, Training, evaluated_at_once

__all__ = ["Lesson"]

MEASUREMENTS_A_SECOND = 30  # the pace to watch at
COMPILED = 100  # iterations after which nothing is left to compile
TEST_EVERY = 5  # measurements
LONGEST_NAME = 60  # characters, of what a run in a notebook is called


class Lesson:
    """What a lesson script needs besides its network: flags, seed, and the run itself.

    name           the script's `__name__`
    text           the script's `__doc__`, or None; its first line is the title
    iterations     to train for, unless --iterations says otherwise
    measure_every  iterations between measurements of the training batch; the test set is
                   evaluated five times as rarely, and after iteration 2,000, in lessons that are
                   longer than that, ten times
    test_once      whether it is evaluated at the very end only, so that nobody can choose by it; a
                   validation set is evaluated all along
    threads        1 for a network whose operations are too small to be divided among processors:
                   each runs on one, and `in_parallel` divides the images; None otherwise. It holds
                   for the process, so not in a notebook, whose next lesson may need them all
    xla            whether XLA compiles the training. It makes one piece of a whole loop of dense
                   layers, which is faster; but its convolutions are slow

    In a script run from the shell, the flags are read and take effect here, before any variable
    is made. In a script that is imported, nothing happens but the seeding, and what `threads` says
    if nothing was computed before: `data` is None, `seed` is 0, and `run` does nothing.
    """

    def __init__(
        self,
        name,
        text,
        *,
        iterations,
        measure_every=20,
        test_once=False,
        threads=None,
        xla=True,
    ):
        self._is_main, self.xla = name == "__main__", xla
        self._measure_every, self._rarer_tests = measure_every, iterations > SETTLED
        self._test_once = test_once
        if self._is_main:
            report_mistakes_plainly()
            title = _first_line(text)
            self._name = _name_of_script(title)
            self._title = title or self._name
            terminal.write_what_it_can()
            self._options = parse(self._name, self._title, iterations)
            beside.end_earlier()
        else:
            self._name, self._title = name, _first_line(text) or name
            self._options = Options(iterations, window=False)
        self.seed, self._data_was_read = self._options.seed, False
        self._layers, self._run = (), None
        # Their processes start now, to be ready when there is something to show.
        self._live = _start_live_view(self._options)
        self._film = _start_film(self._options)
        startup.warm_up(None if in_notebook() else threads)
        self._shares = parallel.shares() if threads == 1 else 1
        tf.keras.utils.set_random_seed(self.seed)

    @property
    def data(self):
        """The folder that --data names, or None."""
        self._data_was_read = True
        return self._options.data

    @property
    def iterations(self):
        """How many the run will have, if nobody stops it."""
        return self._options.iterations

    def look(self, *layers):
        """Called within the model: these are the layers that key `w` shows of a digit.

        layers  outputs of convolutional layers, [n, height, width, channels]

        In compiled functions, which is all of training and testing, it does nothing.
        """
        if tf.executing_eagerly():
            self._layers = layers

    def in_parallel(self, model, X, *arguments):
        """`model(X, *arguments)`, of which each processor computes its share of the images.

        model  returns a tensor with a row for each image, which depends on no other image: so it
               is not for batch normalisation
        X      images [n, ...]

        They are divided if the lesson said `threads=1`, and there is no GPU; else `model` takes
        them all at once. In each share, dropout draws numbers of its own.
        """
        return parallel.in_shares(model, self._shares, X, *arguments)

    def watch(self, model, data, *, batch=BATCH):
        """Train a Keras model as `run` does; nothing but the model and the data is needed.

        model  a `tf.keras.Model`, built and compiled, that makes of images [n, height, width,
               channels] an output for each class, [n, classes]. Its loss is
               "categorical_crossentropy" or "sparse_categorical_crossentropy"
        data   `mnistdata.DataSets`; the model is given its images as floats from 0 to 1
        batch  images in an iteration; never more than there are

        Panel 4 shows the kernels, panel 5 all that has one dimension: the biases. Raises UsageError
        for a model that can't be trained on this data.
        """
        if self._is_main:
            train, test, spreads = keras_model.parts_of(model, data)
            self.run(data, train, test, batch=batch, **spreads)

    def run(self, mnist, train, test, *, batch=BATCH, augment=None, **spreads):
        """Train as the flags say: show, print and store what is measured on the way.

        mnist    `mnistdata.DataSets`; the shapes below are MNIST's
        train    train(images [b, 100, 28, 28, 1], labels [b, 100, 10], step, stop), a compiled
                 function that trains from iteration `step` up to `stop` (int32 scalars), iteration
                 i on batch i % b
        test     test(X [n, 28, 28, 1], Y_ [n, 10]) returns the probabilities [n, 10] and the mean
                 loss, a scalar; it is given as many of the images as suit the machine
        batch    images in an iteration; never more than there are
        augment  augment(X [n, 28, 28, 1], step) returns the images that `train` makes of batch X in
                 iteration `step` (int32 scalar), always the same: they are measured and shown
        spreads  two keywords: what panels 4 and 5 show and, as their titles, are called. Each is
                 a list of tensors, or a function that makes one from the training batch X

        A lesson runs once. Ends the program if it does not end well: exit code 130 after Ctrl-C, 2
        if a requested file could not be written.

        In a notebook with ipympl, it returns at once, and the training goes on beside the cells
        that follow; the next run's beginning is its end.
        """
        if self._is_main:
            if self._options.validation:
                mnist = mnist.held_out(self._options.validation)
            if self._options.data is not None and not self._data_was_read:
                raise UsageError(
                    f"--data {self._options.data}: {self._name} has data of its own; leave the "
                    "flag out"
                )
            if self._run:
                raise UsageError(
                    "run: this lesson has run already, and its view is of that run; make another "
                    "Lesson for another one"
                )
            self._run = _Run(self, mnist, train, test, batch, augment, spreads)
            code = self._run.go()
            # Who interrupted a cell knows it, and a notebook would call an exit an error.
            if code and not in_notebook():
                sys.exit(code)

    def stop(self):
        """End the training soon, where it goes on beside other cells; what is shown stays."""
        if self._run:
            self._run.stop()


def _name_of_script(title):
    """The name of the script that runs; of a notebook's cell, which has none, after its title."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    if script is None and in_notebook():
        words = re.findall(r"[\w.]+", title.lower())
        return "_".join(words)[:LONGEST_NAME] or "notebook"
    return Path(script or sys.argv[0]).stem


def _first_line(text):
    return text.strip().splitlines()[0].rstrip(".") if text and text.strip() else ""


def _start_live_view(options):
    if not options.window:
        return None
    if in_notebook() and not options.web:
        if not takes_widgets():
            return NotebookView()
        from visu.widget import WidgetView  # late: it is for those who have ipympl

        return WidgetView()
    return LiveView(options.fast, options.verbose, options.web)


def _start_film(options):
    return Film(options.save, options.verbose) if is_film(options.save) else None


class _Run:
    """One run of a lesson with all that watches it."""

    def __init__(self, lesson, mnist, train, test, batch, augment, spreads):
        self._options, self._live, self._film = lesson._options, lesson._live, lesson._film
        if not isinstance(batch, int) or batch < 1:
            raise UsageError(f"batch: expected a whole number from 1, found {batch!r}")
        if len(spreads) != 2:
            raise UsageError(
                "run: expected two keywords, for panels 4 and 5, such as weights=[...] and "
                f"biases=[...], found {', '.join(spreads) or 'none'}; a list may be empty"
            )
        batch = min(batch, len(mnist.train))
        self._lesson, self._data, self._sources = lesson, mnist, list(spreads.values())
        self._train_steps, self._augment = train, augment
        self._test = test if hasattr(test, "get_concrete_function") else tf.function(test)
        self._scene = Scene(
            name=lesson._name,
            title=lesson._title,
            iterations=self._options.iterations,
            epoch=len(mnist.train) / batch,
            spreads=tuple(title.replace("_", " ").capitalize() for title in spreads),
            are_variables=tuple(not callable(source) for source in spreads.values()),
            class_names=mnist.class_names,
            test_images=mnist.test.pixels,
            test_labels=mnist.test.classes,
            earlier=self._options.earlier,
            digit=self._fitted_digit(mnist),
            fast=self._options.fast,
            batch=batch,
            ink=mnist.test.ink,
            style=self._options.style,
            held_out="validation" if self._options.validation else "test",
            test_once=lesson._test_once and not self._options.validation,
            digits=mnist.test.digits,
        )
        self._control, self._history = Control(), History(self._scene)
        self._asked_to_end = self._interrupted = self._finished = False
        self._failure = self._lost_late = None
        self._picture = None if self._film else self._options.save
        self._schedule = Schedule(
            self._options.iterations,
            lesson._measure_every,
            None if self._scene.test_once else TEST_EVERY * lesson._measure_every,
            lesson._rarer_tests,
            self._spreads(),
        )

    def _begin(self):
        """Have the training ready. Where that fails, the lesson may be run again, with a mended
        cell for example.
        """
        try:
            self._prepare()
        except BaseException:
            self._lesson._run = None
            raise

    def _prepare(self):
        shares, scene = self._lesson._shares, self._scene
        variables = _variables(self._test, self._data, shares)
        if self._film:
            self._film.begin(scene, self._schedule.measurements)
        parameters = sum(int(tf.size(variable)) for variable in variables)
        terminal.say(terminal.opening_line(scene.name, scene.title, parameters))
        if self._live and self._live.url:
            terminal.say(f"the live view is at {self._live.url}")
        self._training = Training(
            self._data,
            self._train_steps,
            self._test,
            self._sources,
            self._schedule,
            self._control,
            batch=scene.batch,
            pace=None if self._live is None or self._options.fast else MEASUREMENTS_A_SECOND,
            answer=self._live and self._live.answer,
            weights=next((v for v in variables if v.shape.rank > 1), None),
            layers=lambda: self._lesson._layers,
            augment=self._augment,
            shares=shares,
        )
        log = self._options.log
        self._log = Log(log, scene.held_out) if log else None

    def _spreads(self):
        """How often the run's percentiles are taken."""
        if self._options.save:
            return SPREADS
        if self._live:
            return SPREADS_FAST if self._options.fast else SPREADS
        return SPREADS_UNSEEN

    def _fitted_digit(self, mnist):
        ink, (height, width, _) = self._options.digit, mnist.test.pixels.shape[1:]
        if ink is None:
            return None
        if not mnist.test.ink or height != width:
            raise UsageError(
                "--digit: expected a network that reads digits, ink on paper, found one for other "
                "images; leave the flag out"
            )
        return as_mnist(ink, height)

    def go(self):
        """Train to the end, or until stopped. Returns the exit code."""
        if self._live and self._live.takes_thread:
            self._begin()
            self._show()
            beside.start(self._go_on, self._end)
            return 0
        before = signal.signal(signal.SIGINT, self._interrupt)
        try:
            self._begin()
            if self._live:
                self._show()
            self._go_on()
        finally:
            signal.signal(signal.SIGINT, before)
        if self._failure is not None:
            raise self._failure
        return INTERRUPTED if self._interrupted else 0

    def stop(self):
        """Let the training come to its end soon. From any thread."""
        self._control.stop()

    def _show(self):
        self._live.show(self._scene, self._training, self._control, self._on_window_lost)

    def _go_on(self):
        try:
            self._train()
            if self._live:
                if self._live.takes_thread and self._failure:
                    terminal.say(f"error: {self._failure}")
                if self._live.url and not self._asked_to_end:
                    terminal.say(f"the live view stays at {self._live.url} until Ctrl-C")
                self._live.wait()
                if self._lost_late:
                    self._end_without_window(self._lost_late)
        except Exception:
            if self._live and self._live.takes_thread:
                self._live.finish("failed")
            raise
        finally:
            if self._live:
                self._live.close()
            if self._film:
                self._film.close()

    def _end(self):
        self.stop()
        self._live.close()

    def _interrupt(self, *_):
        if self._asked_to_end:
            raise SystemExit(INTERRUPTED)  # asked for twice: now
        self._asked_to_end = True
        # A page has nothing else that ends it.
        self._interrupted = not (self._finished and self._options.web)
        self.stop()
        if self._live:
            self._live.close()

    def _on_window_lost(self, reason):
        if self._finished:  # it may take longer to open, or to fail, than a short run
            self._lost_late = reason
            return
        # Nobody watches, nor asks.
        self._training.pace = None
        self._control.ask(None)
        self._control.pause(False)
        terminal.say(f"no window: {reason}. Training in text mode; {self._keep_picture()}.")

    def _end_without_window(self, reason):
        if self._film or self._picture:  # there is one already
            terminal.say(f"no window: {reason}.")
            return
        terminal.say(f"no window: {reason}; {self._keep_picture()}.")
        if self._picture:
            self._save_picture()

    def _keep_picture(self):
        """See to it that there is a picture in the end. Returns what to say of it."""
        if self._film:
            return f"the film will be in {self._options.save}"
        if self._picture is None:
            self._picture = f"{self._scene.name}.png"
            try:
                check_destination("--save", self._picture, (".png",))
            except UsageError:
                self._picture = None
        kept = f"the picture will be in {self._picture}"
        return kept if self._picture else "--save FILE.png would keep the picture"

    def _train(self):
        progress, coach = terminal.Progress(self._scene), Coach()
        diagnosis = early = None
        try:
            for measurement in self._training.measurements():
                self._history.add(measurement)
                if self._live:
                    self._live.add(measurement)
                if self._film:
                    self._film.add(measurement)
                if early is None and measurement.iteration >= COMPILED:
                    early = measurement
                self._write_log(measurement)
                progress.add(measurement)
                # Now and then: at the end of a long run, all at once would take its time.
                if measurement.test:
                    diagnosis = coach.hear(curves_of(self._scene, self._history))
        finally:
            # First of all, and whatever has ended the training: nobody may listen any more.
            if self._log:
                self._keep(self._log.close)
            progress.close()
        self._finished = True
        last = self._history.last
        if last.iteration:  # who stops a lesson at once still wants its earlier run
            runs.keep(self._scene.name, self._scene.held_out, self._history)
        if self._scene.digit is not None:
            probabilities = self._training.read(self._scene.digit)
            terminal.say(terminal.digit_line(probabilities, self._scene.class_names))
        if diagnosis:
            terminal.say(str(diagnosis))
        terminal.say(terminal.final_line(self._scene, last, self._history.best_test_accuracy))
        if self._live:
            outcome = f"{self._scene.held_out} accuracy {last.test.accuracy:.4f}"
            self._live.finish(f"finished, {outcome}")
        if self._options.verbose and early:
            drawn = self._live and self._live.drawn()
            testing = self._training.testing_seconds
            terminal.say(terminal.speed_line(early, last, testing, *(drawn or (0, 0.0))))
        if self._picture:
            self._save_picture()
        if self._film:
            self._keep(self._finish_film)

    def _finish_film(self):
        with terminal.FilmProgress() as progress:

            def tell(*pictures):
                progress.show(*pictures)
                self._control.attend(0)  # whoever looks on may go on asking

            self._film.finish(tell)

    def _save_picture(self):
        from visu.picture import save  # late: matplotlib takes its time to load

        self._keep(save, self._scene, self._history, self._picture)

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


def _variables(test, mnist, shares):
    """What training adjusts: the trainable variables that `test` reads, in their order.

    shares  into how many parts the images are divided that it is given

    Raises UsageError if it answers with other classes than the data's.
    """
    # As many as it will be given, so that it is not compiled once more.
    count = -(-min(evaluated_at_once(mnist.test), len(mnist.test)) // shares)
    batch = [
        tf.TensorSpec([count, *shape], tf.float32)
        for shape in (mnist.test.pixels.shape[1:], [mnist.test.class_count])
    ]
    compiled = test.get_concrete_function(*batch)
    found, expected = compiled.structured_outputs[0].shape, [count, mnist.test.class_count]
    if not found.is_compatible_with(expected):
        raise UsageError(
            f"test: expected a probability for each class, {expected}, found {found.as_list()}; "
            f"the data has {mnist.test.class_count} classes"
        )
    # `compiled.variables` comes out of a set, in any order; the handles are in that of their use.
    place = {id(handle): i for i, handle in enumerate(compiled.captured_inputs)}
    trainable = (variable for variable in compiled.variables if variable.trainable)
    return sorted(trainable, key=lambda variable: place[id(variable.handle)])
