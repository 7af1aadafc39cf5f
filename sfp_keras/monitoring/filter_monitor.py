"""A Keras callback that shows in TensorBoard how clusters form while a network trains."""

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.monitoring import schema
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
    Flatten, average pooling, Dropout and Dense layers without activation fold into one kernel;
    biases belong to no filter and are left out; a final softmax is ignored.

    Example:

    ```
    model.fit(x, y, epochs=20, callbacks=[FilterMonitor("logs/train", x_test, y_test)])
    ```

    Args:
        log_dir: folder of the TensorBoard run.
        x: images to measure on: an array, or an iterable of batches (images, labels) that can be
            passed over again and again (a `tf.data.Dataset`, a list, a `keras.utils.PyDataset`),
            or a function that returns such a pass.
        y: labels (n,), integers, or (n, K), one-hot, where `x` is an array. Defaults to `None`.
        stage: `str`. Name of the layer whose filters are measured. Defaults to `None`: the last
            layer that is not part of the linear head.
        class_names: names of the K labels. Defaults to `None`: their numbers.
        every: `int`. Epochs between measurements. Defaults to `None`: as often as
            `max_measurements` and `max_cost` allow.
        threshold: `float`. At which scalars are computed; the tab can use any. Defaults to `0.3`.
        max_measurements: `int`. Defaults to `20`; the last epoch is always one of them.
        max_mb: `float`. Megabytes the measurements may take. Defaults to `50`.
        max_cost: `float`. Where `every` is `None`, share of the training time that measurements
            may take: one that would exceed it is left out, but never the last. Defaults to `0.05`.
        batch_size: `int`. Images at once, where `x` is an array. Defaults to `100`.
        split: `str`. What the images are called in the tab. Defaults to `"test"`.
        title: `str`. What the tab calls the network. Defaults to the model's name.

    Raises:
        InputError: if an argument is wrong, or, when the training begins, if the head is not
            linear.
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
        split: str = "test",
        title: str = "",
    ):
        super().__init__()
        if every is not None and every < 1:
            raise InputError(f"every must be at least 1, received {every}")
        if not 0 <= threshold < 1:
            raise InputError(f"threshold must be at least 0 and below 1, received {threshold}")
        if max_measurements < 1 or max_mb < 0 or max_cost <= 0 or batch_size < 1:
            raise InputError(
                "max_measurements and batch_size must be at least 1, max_mb at least 0 and "
                f"max_cost positive, received max_measurements={max_measurements}, "
                f"batch_size={batch_size}, max_mb={max_mb}, max_cost={max_cost}"
            )
        self.batches = _passes(x, y, batch_size)
        self.stage, self.every, self.threshold = stage, every, threshold
        self.class_names = None if class_names is None else [str(name) for name in class_names]
        self.max_measurements, self.max_bytes = max_measurements, max_mb * 1e6
        self.max_cost, self.split, self.title = max_cost, split, title
        self._writer = MonitorWriter(log_dir)
        self._head: LinearHead | None = None
        self._spent = self._last = self._begin = 0.0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Find the head and plan the measurements."""
        # Once a training: every cut model is compiled anew.
        self._head = linear_head(self.model, self.stage)
        self._begin, self._spent, self._last = time.monotonic(), 0.0, 0.0
        epochs = self.params["epochs"]
        self._due = measured_epochs(epochs, self.every, self.max_measurements)
        kernel = self._head.kernel()
        self._name_labels(kernel.shape[-1])
        size = 8 * kernel.size
        self._kept = kept_factors(self._due, {}, {"": size}, self.max_bytes)[""]
        if len(self._kept) < len(self._due):
            _LOG.info(
                f"the tab will show {len(self._kept)} of {len(self._due)} measurements of stage "
                f"{self._head.stage}, {size / 1e6:.1f} MB each: more need a larger max_mb "
                "(--monitor_mb)"
            )
        self._last_epoch = epochs - 1
        self._writer.about(
            schema.About(
                "train",
                tuple(self.class_names or ()),
                self.threshold,
                self._head.biases_left_out,
                self.title or self.model.name,
            )
        )

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure, where it is time."""
        if epoch not in self._due:
            return
        begin = time.monotonic()
        affordable = self._spent + self._last <= self.max_cost * (begin - self._begin)
        if self.every is None and epoch != self._last_epoch and self._spent and not affordable:
            return
        self._measure(epoch)
        self._last = time.monotonic() - begin
        self._spent += self._last

    def on_train_end(self, logs: dict | None = None) -> None:
        """Close the log."""
        self._writer.close()

    def _measure(self, epoch: int) -> None:
        head = self._head
        assert head is not None
        kernel = head.kernel()
        if not np.isfinite(kernel).all():
            return  # Another callback tells of a training that diverged.
        (found,) = measure_fields(head.cut, {head.stage: kernel}, self.batches()).values()
        header = schema.header_of(
            head.stage, head.depth, epoch, found.fields, correct=found.correct, split=self.split
        )
        self._writer.measurement(header, found.fields, factors=epoch in self._kept)

    def _name_labels(self, num_labels: int) -> None:
        if num_labels < 2:
            raise InputError(
                f"model {self.model.name!r} has {num_labels} output; signal and noise need at "
                "least two labels"
            )
        if self.class_names is None:
            self.class_names = [str(label) for label in range(num_labels)]
        if len(self.class_names) != num_labels:
            raise InputError(
                f"class_names has {len(self.class_names)} names, model {self.model.name!r} has "
                f"{num_labels} outputs"
            )


def _passes(x: Any, y: Any, batch_size: int) -> Callable[[], Iterator[tuple[Any, np.ndarray]]]:
    """A function that begins a new pass over the images."""
    if y is not None:
        if len(x) != len(y):
            raise InputError(f"x has {len(x)} images, y has {len(y)} labels")
        starts = range(0, len(x), batch_size)
        return lambda: ((x[i : i + batch_size], _labels(y[i : i + batch_size])) for i in starts)
    if callable(x) and not isinstance(x, Iterable):
        begin = x
    elif isinstance(x, np.ndarray) or (isinstance(x, Iterator) or not _is_iterable(x)):
        raise InputError(
            "x must be an array beside y, batches (images, labels) that can be passed over again "
            f"and again, or a function that returns a pass, received {type(x).__name__}"
        )
    else:
        begin = x.__iter__ if hasattr(x, "__iter__") else lambda: (x[i] for i in range(len(x)))
    return lambda: ((np.asarray(batch[0]), _labels(batch[1])) for batch in begin())


def _is_iterable(x: Any) -> bool:
    return hasattr(x, "__iter__") or (hasattr(x, "__getitem__") and hasattr(x, "__len__"))


def _labels(y: Any) -> np.ndarray:
    labels = np.asarray(y)
    if labels.ndim == 2:
        labels = labels.argmax(1) if labels.shape[1] > 1 else labels[:, 0]
    if labels.ndim != 1 or not (np.issubdtype(labels.dtype, np.integer) or _whole(labels)):
        raise InputError(f"labels must be integers or one-hot, received shape {labels.shape}")
    return labels.astype(np.int64)


def _whole(labels: np.ndarray) -> bool:
    return np.issubdtype(labels.dtype, np.floating) and bool((labels == labels.round()).all())
