"""A Keras callback that shows in TensorBoard how clusters form while a network trains."""

import contextlib
import logging
import time
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.models.graph import functional_form
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.images import MeasuredImages
from sfp_keras.monitoring.linear_head import LinearHead, linear_head
from sfp_keras.monitoring.plan import MAX_MB, MAX_MEASUREMENTS, kept_factors, measured_epochs
from sfp_keras.monitoring.writer import MonitorWriter
from sfp_keras.probing import measure_fields

_LOG = logging.getLogger(__name__)


class FilterMonitor(keras.callbacks.Callback):
    """Measures the filters of a network's last stage while it trains, for TensorBoard.

    At the end of some epochs the fields of all filters are measured through the network's own
    head, in one inference pass over `x`, and written to `log_dir`. TensorBoard shows them in the
    tab "Clusters", and noise, clusters and SNR among its scalars. The head must be linear:
    Flatten, what moves axes (Permute, transpose), average pooling, Dropout, Dense layers without
    activation, also quantized ones, and batch normalization fold into one kernel; biases belong to
    no filter and are left out; a final softmax is ignored.

    What can be found wrong raises an error before the first epoch. A measurement that fails later
    is logged once as a warning, and the training goes on without more of them. A training that
    stops early is measured when it ends, with the weights it then has.

    A new training in the folder of an earlier one takes its place in the tab: what
    the earlier one wrote of the same or later epochs is no longer shown there. (Scalars stay:
    delete the folder to be rid of them.) To go on with a training, give `fit` its
    `initial_epoch`.

    Example:

    ```
    model.fit(x, y, epochs=20, callbacks=[FilterMonitor("logs/train", x_test, y_test)])
    ```

    Args:
        log_dir: folder of the TensorBoard run.
        x: images to measure on: an array, a pair of arrays (images, labels), or an iterable of
            batches (images, labels) that can be passed over again and again (a
            `tf.data.Dataset`, a list, a `keras.utils.PyDataset`), or a function that returns such
            a pass.
        y: labels (n,), integers, or (n, K), one-hot, where `x` is an array. Defaults to `None`.
        stage: `str`. Name of the layer whose filters are measured, the nodes of a dense layer
            being filters too. Defaults to `None`: the last layer with positions (convolution,
            activation, pooling) before the linear head; in a network of dense layers alone the
            last one that is not linear.
        class_names: names of the K labels. Defaults to `None`: their numbers.
        every: `int`. Epochs between measurements, however many and costly these are. Defaults to
            `None`: as often as `max_measurements` and `max_cost` allow.
        threshold: `float`. At which scalars are computed; the tab can use any. Defaults to `0.3`.
        max_measurements: `int`. Most measurements where `every` is `None`. Defaults to `20`; the
            last epoch is always one of them.
        max_mb: `float`. Megabytes the measurements may take. Of more only numbers are written.
            Defaults to `50`.
        max_cost: `float`. Where `every` is `None`, share of the training time that measurements
            may take: one that would exceed it is left out, but never the first and the last.
            Defaults to `0.05`.
        batch_size: `int`. Images at once, where `x` is an array. Defaults to `100`.
        steps: `int`. Batches measured on, for an `x` that never ends, such as `ds.repeat()`.
            Defaults to `None`: all there are.
        split: `str`. What the images are called in the tab. Defaults to `"test"`.
        title: `str`. What the tab calls the network. Defaults to the model's name.
        network: `keras.Model` of the images `x`. Defaults to `None`: what `fit` trains; say which
            where that is a model around it, which is fed otherwise.

    Raises:
        InputError: if an argument is wrong, or, when the training begins, if the head is not
            linear or the network cannot take the images or has no output for a label.
    """

    def __init__(
        self,
        log_dir: str | Path,
        x: Any,
        y: Any = None,
        *,
        stage: str | None = None,
        class_names: Sequence[str] | None = None,
        every: int | None = None,
        threshold: float = 0.3,
        max_measurements: int = MAX_MEASUREMENTS,
        max_mb: float = MAX_MB,
        max_cost: float = 0.05,
        batch_size: int = 100,
        steps: int | None = None,
        split: str = "test",
        title: str = "",
        network: keras.Model | None = None,
    ):
        super().__init__()
        self._network = network
        if every is not None and every < 1:
            raise InputError(f"`every` must be at least 1, received {every}")
        if not 0 <= threshold < 1:
            raise InputError(f"`threshold` must be at least 0 and below 1, received {threshold}")
        if max_measurements < 1 or max_mb < 0 or max_cost <= 0 or batch_size < 1:
            raise InputError(
                "`max_measurements` and `batch_size` must be at least 1, `max_mb` at least 0 and "
                f"`max_cost` positive, received max_measurements={max_measurements}, "
                f"batch_size={batch_size}, max_mb={max_mb}, max_cost={max_cost}"
            )
        if steps is not None and steps < 1:
            raise InputError(f"`steps` must be at least 1, received {steps}")
        self.images = MeasuredImages(x, y, batch_size, steps)
        self.stage, self.every, self.threshold = stage, every, threshold
        self.class_names = None if class_names is None else [str(name) for name in class_names]
        self.max_measurements, self.max_bytes = max_measurements, max_mb * 1e6
        self.max_cost, self.split, self.title = max_cost, split, title
        self._writer = MonitorWriter(log_dir)
        self._head: LinearHead | None = None
        self._due: list[int] = []
        self._kept: list[int] = []
        self._last_epoch = 0
        # The epoch that ended last, and the one that was measured last.
        self._ended: int | None = None
        self._measured: int | None = None
        self._about_written = False
        self._spent = self._last = self._begin = 0.0

    @property
    def network(self) -> keras.Model:
        """The network that is measured."""
        return self.model if self._network is None else self._network

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Find the head, plan the measurements and try the first batch of images.

        Raises:
            InputError: if the head is not linear, or the images and labels do not fit it.
        """
        self._begin, self._last = time.monotonic(), 0.0
        self._ended = self._measured = None
        self._about_written = False
        first = self.images.first()
        # Once a training: every cut model is compiled again.
        self._head = linear_head(_with_open_batch(self.network, first[0]), self.stage)
        epochs = self.params["epochs"]
        self._due = measured_epochs(epochs, self.every, self.max_measurements)
        self._last_epoch = epochs - 1
        kernel = self._head.kernel()
        self._name_labels(kernel.shape[-1])
        self.images.check_labels(first[1], kernel.shape[-1])
        with _one_line_errors(self.network, first[0]), warnings.catch_warnings():
            # A batch seldom has images of every label; all images together are another matter.
            warnings.filterwarnings("ignore", r"\d+ of \d+ labels have no inputs")
            measure_fields(self._head.cut, {self._head.stage: kernel}, [first])
        size = 8 * kernel.size
        self._kept = kept_factors(self._due, {}, {"": size}, self.max_bytes)[""]
        if len(self._kept) < len(self._due):
            _LOG.info(
                f"the tab will show {len(self._kept)} of {len(self._due)} measurements of stage "
                f"{self._head.stage}, {size / 1e6:.1f} MB each: more need a larger `max_mb` "
                "(the command's `monitor_mb`)"
            )
        self._spent = time.monotonic() - self._begin

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Say in the log what it is of, before the first epoch."""
        # Only now is it known whether the training is a new one or goes on.
        if self._about_written:
            return
        head = self._head
        assert head is not None
        self._writer.about(
            schema.About(
                "train",
                tuple(self.class_names or ()),
                self.threshold,
                head.biases_left_out,
                self.title or self.network.name,
                first_step=epoch,
            )
        )
        self._about_written = True

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure, where it is time."""
        self._ended = epoch
        if epoch not in self._due:
            return
        begin = time.monotonic()
        affordable = self._spent + self._last <= self.max_cost * (begin - self._begin)
        optional = self.every is None and epoch != self._last_epoch and self._measured is not None
        if optional and not affordable:
            return
        self._try_to_measure(epoch)
        self._last = time.monotonic() - begin
        self._spent += self._last

    def on_train_end(self, logs: dict | None = None) -> None:
        """Measure what a training that stopped early ends with, and close the log."""
        if self._due and self._ended is not None and self._ended != self._measured:
            # It takes the place of the last one planned.
            self._kept += [self._ended] if self._kept else []
            self._try_to_measure(self._ended)
        try:
            self._writer.close()
        except OSError as error:
            # Some file systems report a full disk only now.
            _LOG.warning(
                "FilterMonitor could not close its log, whose last measurements may be missing; "
                f"the training is done: {error}"
            )

    def _try_to_measure(self, epoch: int) -> None:
        self._measured = epoch
        try:
            self._measure(epoch)
        except Exception as error:
            # A training of hours is worth more than its pictures.
            self._due = []
            _LOG.warning(
                f"FilterMonitor could not measure epoch {epoch} and measures no more; the "
                f"training goes on: {error}",
                exc_info=not isinstance(error, InputError),
            )

    def _measure(self, epoch: int) -> None:
        head = self._head
        assert head is not None
        kernel = head.kernel()
        if not np.isfinite(kernel).all():
            return  # Another callback stops a training that diverged.
        (found,) = measure_fields(head.cut, {head.stage: kernel}, self.images).values()
        header = schema.header_of(
            head.stage,
            head.depth,
            epoch,
            found.fields,
            correct=found.correct,
            split=self.split,
            heads=head.heads,
            kind=head.kind,
        )
        self._writer.measurement(header, found.fields, factors=epoch in self._kept)

    def _name_labels(self, num_labels: int) -> None:
        if num_labels < 2:
            raise InputError(
                f"model {self.network.name!r} has {num_labels} output; signal and noise need at "
                "least two labels"
            )
        if self.class_names is None:
            self.class_names = [str(label) for label in range(num_labels)]
        if len(self.class_names) != num_labels:
            raise InputError(
                f"`class_names` has {len(self.class_names)} names, model {self.network.name!r} has "
                f"{num_labels} outputs"
            )


def _with_open_batch(model: keras.Model, images: np.ndarray) -> keras.Model:
    """A model whose graph takes any number of these images.

    A Sequential model without `keras.Input` has no graph yet, or with JAX one of fit's batch size
    alone: its layers, and so its weights, are then put into one that has an input.
    """
    if not isinstance(model, keras.Sequential):
        return model
    form = functional_form(model)
    if form is not None and form.inputs[0].shape[0] is None:
        return model
    with _one_line_errors(model, images):
        opened = keras.Sequential([keras.Input(images.shape[1:]), *model.layers], name=model.name)
        for layer in opened.layers:  # Keras before 3.15 takes images of which nothing is left.
            if 0 in layer.output.shape:
                raise ValueError(f"nothing is left of them after layer {layer.name!r}")
        return opened


@contextlib.contextmanager
def _one_line_errors(model: keras.Model, images: np.ndarray) -> Iterator[None]:
    """Turn what a backend raises of images a model cannot take into one line."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        shape = None if functional_form(model) is None else model.inputs[0].shape[1:]
        takes = "" if shape is None else f", which takes {tuple(shape)}"
        line = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise InputError(
            f"`x`: images of shape {tuple(images.shape[1:])} cannot be run through model "
            f"{model.name!r}{takes}: {line}"
        ) from error
