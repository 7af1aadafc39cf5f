"""What callbacks that measure a network at the end of some epochs have in common."""

import abc
import contextlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np

from sfp_keras.data.label_order import read_class_names
from sfp_keras.errors import InputError
from sfp_keras.filters.clipping import as_threshold
from sfp_keras.models.graph import functional_form
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.plan import kept_factors
from sfp_keras.monitoring.writer import MonitorWriter

_LOG = logging.getLogger(__name__)


class EpochMonitor(keras.callbacks.Callback, abc.ABC):
    """Measures a network at the end of some epochs of its training, for TensorBoard.

    A subclass plans its measurements when the training begins (`_plan`) and makes one in
    `_measure`. One that fails is logged, and the training goes on without more of them.

    Args:
        log_dir: folder of the TensorBoard run.
        class_names: names of the K labels, or a text file with one a line; `None` for their
            numbers.
        threshold: `float`. At which scalars are computed.
        max_mb: `float`. Megabytes the measurements may take, `inf` for any. Of more only numbers
            are written.
        title: `str`. What the tab calls the network; the model's name where it is empty.
        network: `keras.Model` that is measured; `None` for what `fit` trains.

    Raises:
        InputError: if `threshold` is not in [0, 1), or `max_mb` is negative or no number.
    """

    def __init__(
        self,
        log_dir: str | Path,
        class_names: str | Path | Sequence[str] | None,
        threshold: float,
        max_mb: float,
        title: str,
        network: keras.Model | None,
    ):
        super().__init__()
        as_threshold(threshold)
        if not (isinstance(max_mb, int | float | np.number) and max_mb >= 0):
            raise InputError(f"`max_mb` must be a number of at least 0, received {max_mb!r}")
        if isinstance(class_names, str | Path):
            class_names = read_class_names(class_names)
        self._given_names = None if class_names is None else [str(name) for name in class_names]
        self.class_names = self._given_names
        self.threshold, self.title = float(threshold), title
        # More than any disk has, where there is no bound.
        self.max_bytes = min(float(max_mb) * 1e6, 1e18)
        self._network = network
        self._log_dir, self._writer = Path(log_dir), MonitorWriter(log_dir)
        self._biases_left_out = False
        # Epochs to be measured, and those of each stage whose factors are written.
        self._due: list[int] = []
        self._kept: dict[str, list[int]] = {}
        # The epoch that ended last, and the one that was measured last.
        self._ended: int | None = None
        self._measured: int | None = None
        self._about_written = False

    @property
    def network(self) -> keras.Model:
        """The network that is measured."""
        return self.model if self._network is None else self._network

    @abc.abstractmethod
    def _measure(self, epoch: int) -> None:
        """Measure, and write what was found."""

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Say in the log what it is of, before the first epoch."""
        # Only now is it known whether the training is a new one or goes on.
        if self._about_written:
            return
        about = schema.About(
            "train",
            tuple(self.class_names or ()),
            self.threshold,
            self._biases_left_out,
            self.title or self.network.name,
            first_step=epoch,
        )
        self._about_written = True
        with self._training_goes_on("begin its log"):
            self._writer.about(about)

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure, where it is time."""
        self._ended = epoch
        if epoch in self._due:
            self._try_to_measure(epoch)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Measure what a training that stopped early ends with, and close the log."""
        last, ended = max(self._due, default=-1), self._ended
        if ended is not None and ended <= last and ended != self._measured:
            # It takes the place of the last one planned.
            for kept in self._kept.values():
                kept += [ended] if kept else []
            self._try_to_measure(ended)
        try:
            self._writer.close()
        except OSError as error:
            # Some file systems report a full disk only now.
            _LOG.warning(
                f"{type(self).__name__} could not close its log, whose last measurements may be "
                f"missing; the training is done: {error}"
            )

    def _plan(self, due: list[int], sizes: Mapping[str, int]) -> None:
        """Begin a training that is measured at `due`, in so many bytes of each stage."""
        try:
            self._log_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"`log_dir`={self._log_dir} cannot be used as a folder ({error.strerror or error})"
            ) from None
        self._ended = self._measured = None
        self._about_written = False
        self._due = due
        self._kept = kept_factors(due, {}, sizes, self.max_bytes)
        for stage, kept in self._kept.items():
            if len(kept) < len(due):
                _LOG.info(
                    f"the log has room for {len(kept)} of {len(due)} measurements of stage "
                    f"{stage}, {sizes[stage] / 1e6:.1f} MB each: more need a larger `max_mb` "
                    "(the command's `monitor_mb`)"
                )

    def _try_to_measure(self, epoch: int) -> None:
        self._measured = epoch
        with self._training_goes_on(f"measure epoch {epoch}"):
            self._measure(epoch)

    @contextlib.contextmanager
    def _training_goes_on(self, what: str) -> Iterator[None]:
        """Log what fails: a training of hours is worth more than its pictures."""
        try:
            yield
        except Exception as error:
            self._due = []
            _LOG.warning(
                f"{type(self).__name__} could not {what} and measures no more; the training goes "
                f"on: {error}",
                exc_info=not isinstance(error, InputError),
            )

    def _name_labels(self, num_labels: int) -> None:
        if num_labels < 2:
            raise InputError(
                f"model {self.network.name!r} has {num_labels} output; signal and noise need at "
                "least two labels"
            )
        # Another training may be that of another network.
        numbers = [str(label) for label in range(num_labels)]
        self.class_names = numbers if self._given_names is None else self._given_names
        if len(self.class_names) != num_labels:
            raise InputError(
                f"`class_names` has {len(self.class_names)} names, model {self.network.name!r} has "
                f"{num_labels} outputs"
            )


def with_open_batch(model: keras.Model, images: np.ndarray) -> keras.Model:
    """A model whose graph takes any number of these images.

    A Sequential model without `keras.Input` has no graph yet, or with JAX one of fit's batch size
    alone: its layers, and so its weights, are then put into one that has an input.
    """
    if not isinstance(model, keras.Sequential):
        return model
    form = functional_form(model)
    if form is not None and form.inputs[0].shape[0] is None:
        return model
    with one_line_errors(model, images):
        opened = keras.Sequential([keras.Input(images.shape[1:]), *model.layers], name=model.name)
        for layer in opened.layers:  # Keras before 3.15 takes images of which nothing is left.
            if 0 in layer.output.shape:
                raise ValueError(f"nothing is left of them after layer {layer.name!r}")
        return opened


@contextlib.contextmanager
def one_line_errors(model: keras.Model, images: np.ndarray) -> Iterator[None]:
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
