"""A Keras callback that shows in TensorBoard how clusters form while a network trains."""

import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError, as_whole
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.epoch_monitor import EpochMonitor, one_line_errors, with_open_batch
from sfp_keras.monitoring.images import MeasuredImages
from sfp_keras.monitoring.linear_head import LinearHead, linear_head
from sfp_keras.monitoring.plan import MAX_MB, MAX_MEASUREMENTS, measured_epochs
from sfp_keras.probing import measure_fields


class FilterMonitor(EpochMonitor):
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
        class_names: names of the K labels, or a text file with one a line. Defaults to `None`:
            their numbers.
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
        class_names: str | Path | Sequence[str] | None = None,
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
        super().__init__(log_dir, class_names, threshold, max_mb, title, network)
        every = None if every is None else as_whole("every", every, 1)
        steps = None if steps is None else as_whole("steps", steps, 1)
        max_measurements = as_whole("max_measurements", max_measurements, 1)
        batch_size = as_whole("batch_size", batch_size, 1)
        if not (isinstance(max_cost, int | float | np.number) and max_cost > 0):
            raise InputError(f"`max_cost` must be a positive number, received {max_cost!r}")
        self.images = MeasuredImages(x, y, batch_size, steps)
        self.stage, self.every, self.split = stage, every, split
        self.max_measurements, self.max_cost = max_measurements, max_cost
        self._head: LinearHead | None = None
        self._last_epoch = 0
        # Measurements whose factors the log has room for, and those that are in it.
        self._room = self._written = 0
        self._spent = self._last = self._begin = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Find the head, plan the measurements and try the first batch of images.

        Raises:
            InputError: if the head is not linear, or the images and labels do not fit it.
        """
        self._begin, self._last = time.monotonic(), 0.0
        first = self.images.first()
        # Once a training: every cut model is compiled again.
        self._head = linear_head(with_open_batch(self.network, first[0]), self.stage)
        self._biases_left_out = self._head.biases_left_out
        kernel = self._head.kernel()
        self._name_labels(kernel.shape[-1])
        self.images.check_labels(first[1], kernel.shape[-1])
        with one_line_errors(self.network, first[0]), warnings.catch_warnings():
            # A batch seldom has images of every label; all images together are another matter.
            warnings.filterwarnings("ignore", r"\d+ of \d+ labels have no inputs")
            measure_fields(self._head.cut, {self._head.stage: kernel}, [first])
        epochs = self.params["epochs"]
        due = measured_epochs(epochs, self.every, self.max_measurements)
        self._last_epoch = epochs - 1
        self._plan(due, {self._head.stage: 8 * kernel.size})
        self._room, self._written = len(self._kept[self._head.stage]), 0
        self._spent = time.monotonic() - self._begin

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
        keeps = self._keeps(epoch)
        self._writer.measurement(header, found.fields, factors=keeps)
        self._written += keeps

    def _keeps(self, epoch: int) -> bool:
        """Whether there is room for an epoch's factors, also in place of one that was left out."""
        assert self._head is not None
        kept = self._kept[self._head.stage]
        to_come = sum(one > epoch for one in kept)
        return epoch in kept or self._written + to_come < self._room
