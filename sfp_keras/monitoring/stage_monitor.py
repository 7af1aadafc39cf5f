"""A Keras callback that probes stages of a network while it trains, for TensorBoard."""

import contextlib
import dataclasses
import logging
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np

from sfp_keras.errors import InputError, arguments_called, as_whole
from sfp_keras.models.graph import require_functional
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.epoch_monitor import EpochMonitor, one_line_errors, with_open_batch
from sfp_keras.monitoring.images import MeasuredImages
from sfp_keras.monitoring.plan import MAX_MB, MAX_MEASUREMENTS, measured_epochs
from sfp_keras.probing import (
    Stage,
    StageView,
    cache_features,
    cut_stages,
    default_stages,
    list_stages,
    listed,
    measure_fields,
    resolve_stages,
    train_heads,
)
from sfp_keras.settings import HeadSettings, TrainingSettings

_LOG = logging.getLogger(__name__)


class StageMonitor(EpochMonitor):
    """Probes stages of a network while it trains, for TensorBoard.

    At the end of some epochs the network is cut at its stages, a linear head is trained on each of
    them as it is then, and the fields of all filters are measured through these heads: phases 2
    and 3 of the papers, again and again. So stages are followed whose outputs the network itself
    reads in a way that is not linear, such as the attention heads of a transformer; where that is
    linear, `FilterMonitor` measures the network's own head, which costs much less.

    The training goes on as without it, to the last bit. Heads begin from the same weights at every
    measurement, so that what changes is the network. Every measurement is a function of the
    network's weights, the images and `seed`.

    What can be found wrong raises an error before the first epoch. A measurement that fails later
    is logged once as a warning, and the training goes on without more of them. A training that
    stops before its last measurement is measured when it ends.

    Example:

    ```
    monitor = StageMonitor(
        "logs/stages", (x[:5000], y[:5000]), (x_test, y_test), pool="sequence", every=10
    )
    model.fit(x, y, epochs=100, callbacks=[monitor])
    ```

    Args:
        log_dir: folder of the TensorBoard run, another than that of other monitors.
        train: images that heads are trained on, with their labels: a pair of arrays `(x, y)`; an
            iterable of batches of such pairs that can be passed over again and again (a
            `tf.data.Dataset`, a list, a `keras.utils.PyDataset`); or a function that returns such
            a pass. Some thousands are enough to see clusters form.
        test: images that fields and accuracies are measured on, likewise.
        stages: names of the layers to probe, or stages of `list_stages`. Defaults to `None`:
            those that `probe` takes, of a transformer the attention heads and the feed-forward
            outputs of every block.
        pool: pooling of stages before their heads, as `cut_stages` takes it. Defaults to `None`.
        class_names: names of the K labels, or a text file with one a line. Defaults to `None`:
            their numbers.
        every: `int`. Epochs between measurements, the last epoch always being measured; or the
            epochs themselves, counted from 0. Defaults to `None`: 20 measurements.
        head_epochs: `int`. Epochs of the heads. Defaults to `10`.
        settings: `TrainingSettings`. How heads are trained beside that, their decay scaled to
            `head_epochs`. Defaults to `HeadSettings()`.
        seed: `int`. Of the heads' first weights and the order of images. Defaults to `0`.
        threshold: `float`. At which scalars are computed; the tab can use any. Defaults to `0.3`.
        max_mb: `float`. Megabytes the measurements may take. Of more only numbers are written.
            Defaults to `50`.
        batch_size: `int`. Images at once, of arrays, in passes through the network. Defaults to
            `100`.
        budget: `int`. Bytes the stages' outputs of the images in `train` may take in memory.
            Defaults to 4 GiB.
        split: `str`. What the images of `test` are called in the tab. Defaults to `"test"`.
        title: `str`. What the tab calls the network. Defaults to the model's name.
        network: `keras.Model` of these images. Defaults to `None`: what `fit` trains; say which
            where that is a model around it, which is fed otherwise.

    Raises:
        InputError: if an argument is wrong, or, when the training begins, if a stage is unknown,
            the network cannot take the images or has no output for a label, or the stages' outputs
            take more than `budget`.
    """

    def __init__(
        self,
        log_dir: str | Path,
        train: Any,
        test: Any,
        *,
        stages: str | Stage | Sequence[str | Stage] | None = None,
        pool: str | Mapping[str, str] | None = None,
        class_names: str | Path | Sequence[str] | None = None,
        every: int | Sequence[int] | None = None,
        head_epochs: int = 10,
        settings: TrainingSettings | None = None,
        seed: int = 0,
        threshold: float = 0.3,
        max_mb: float = MAX_MB,
        batch_size: int = 100,
        budget: int = 4 << 30,
        split: str = "test",
        title: str = "",
        network: keras.Model | None = None,
    ):
        super().__init__(log_dir, class_names, threshold, max_mb, title, network)
        every = _whole_epochs(every)
        head_epochs = as_whole("head_epochs", head_epochs, 1)
        batch_size = as_whole("batch_size", batch_size, 1)
        with arguments_called(x="train", y="train"):
            self.train = MeasuredImages(train, batch_size=batch_size)
        with arguments_called(x="test", y="test"):
            self.test = MeasuredImages(test, batch_size=batch_size)
        self.stages = None if stages is None else listed(stages)
        self.pool, self.every, self.seed = pool, every, seed
        self.settings = dataclasses.replace(settings or HeadSettings(), epochs=head_epochs)
        self.budget, self.split = budget, split
        self._cut: keras.Model | None = None
        self._stages: list[_Monitored] = []
        self._train_count = 0

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Cut the network, plan the measurements and try the first batches of images.

        Raises:
            InputError: if a stage cannot be probed, or the images and labels do not fit.
        """
        with arguments_called(x="train", y="train"):
            first = self.train.first()
            network = with_open_batch(self.network, first[0])
            require_functional(network)
            self._name_labels(_outputs(network))
            self.train.check_labels(first[1], len(self.class_names or ()))
        self._train_count = self.train.count()
        with _random_states_kept():
            self._cut_at_stages(network)
            self._check_budget()
            self._try("train", self.train, first)
            self._try("test", self.test, None)
        due = _epochs(self.every, self.params["epochs"])
        sizes = {one.name: 8 * one.head_inputs * _outputs(network) for one in self._stages}
        self._plan(due, sizes)

    def _cut_at_stages(self, network: keras.Model) -> None:
        stages = self.stages or default_stages(network)
        if not all(isinstance(one, Stage) for one in stages):
            names = [one.path if isinstance(one, Stage) else one for one in stages]
            stages = resolve_stages(network, names)
        # Once a training: every cut model is compiled again.
        self._cut = cut_stages(network, stages, self.pool)
        places = {one.path: place for place, one in enumerate(list_stages(network))}
        pools = self.pool if isinstance(self.pool, Mapping) else {}
        everywhere = self.pool if isinstance(self.pool, str) else ""
        self._stages = []
        for stage in stages:
            text = pools.get(stage.name, everywhere)
            view = StageView(stage.name, stage.output_shape, text, stage.called)
            heads = stage.heads if view.kind == "node" else None
            size = math.prod(view.seen)
            self._stages.append(_Monitored(stage.name, places[stage.path], view.kind, heads, size))

    def _try(self, argument: str, images: MeasuredImages, first: Any) -> None:
        """Run a batch of images through the network's stages."""
        assert self._cut is not None
        with arguments_called(x=argument, y=argument):
            first = images.first() if first is None else first
            images.check_labels(first[1], len(self.class_names or ()))
            with one_line_errors(self.network, first[0]):
                cache_features(self._cut, None, [first], [])

    def _check_budget(self) -> None:
        assert self._cut is not None
        sizes = [math.prod(output.shape[1:]) for output in self._cut.outputs]
        needed = 2 * sum(sizes) * self._train_count
        if needed > self.budget:
            raise InputError(
                f"the outputs of {len(sizes)} stages for {self._train_count:,} images take "
                f"{needed / 2**30:.1f} GiB, more than `budget` allows: train heads on fewer "
                "images (the command's `monitor_stages_images`), name fewer `stages`, or `pool` "
                "them"
            )

    def _measure(self, epoch: int) -> None:
        assert self._cut is not None
        with _random_states_kept():
            cache = cache_features(
                *(self._cut, None, self.train, []),
                train_count=self._train_count,
                test_count=0,
                budget=self.budget * 2,  # Of outputs beyond float16's range.
            )
            heads = train_heads(cache, len(self.class_names or ()), self.settings, seed=self.seed)
            found = measure_fields(self._cut, heads, self.test)
        for stage in self._stages:
            header = schema.header_of(
                stage.name,
                stage.depth,
                epoch,
                found[stage.name].fields,
                correct=found[stage.name].correct,
                split=self.split,
                heads=stage.heads,
                kind=stage.kind,
            )
            kept = epoch in self._kept[stage.name]
            self._writer.measurement(header, found[stage.name].fields, factors=kept)


@dataclasses.dataclass(frozen=True)
class _Monitored:
    """What the log says of a stage: its place, what its filters are, the inputs of its head."""

    name: str
    depth: int
    kind: str
    heads: int | None
    head_inputs: int


@contextlib.contextmanager
def _random_states_kept() -> Iterator[None]:
    """Leave the random numbers that others draw as they were.

    Keras draws a seed for every layer that is made without one.
    """
    states = random.getstate(), np.random.get_state()  # noqa: NPY002 - others may use it
    try:
        yield
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])  # noqa: NPY002


def _outputs(network: keras.Model) -> int:
    return int(network.outputs[0].shape[-1])


def _whole_epochs(every: Any) -> int | list[int] | None:
    """A number of epochs, or the epochs themselves, as Python's own."""
    if every is None or isinstance(every, int | np.integer):
        return None if every is None else as_whole("every", every, 1)
    every = every.tolist() if isinstance(every, np.ndarray) else every
    if not (isinstance(every, Sequence) and len(every) and all(map(_is_epoch, every))):
        raise InputError(
            f"`every` must be a number of epochs, or the epochs themselves, counted from 0; "
            f"received {every!r:.80}"
        )
    return [int(one) for one in every]


def _is_epoch(one: Any) -> bool:
    return isinstance(one, int | np.integer) and not isinstance(one, bool) and int(one) >= 0


def _epochs(every: int | Sequence[int] | None, epochs: int) -> list[int]:
    """The epochs that are measured, ascending."""
    if isinstance(every, Sequence):
        due = sorted({epoch for epoch in every if epoch < epochs})
        if every and epochs and not due:
            # No error: they may come in a later call of `fit`.
            _LOG.warning(
                "`every`=%s: no filter is measured, for the last epoch is %d",
                list(every),
                epochs - 1,
            )
        return due
    return measured_epochs(epochs, every, MAX_MEASUREMENTS)
