"""What TensorBoard is shown of the heads while they train."""

import dataclasses
import logging
import math
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from sfp_keras.filters import FilterFields
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.plan import MAX_MB, MAX_MEASUREMENTS, kept_factors, measured_epochs
from sfp_keras.monitoring.writer import MonitorWriter
from sfp_keras.probing import ClassMeans, FeatureCache, RowReader

_LOG = logging.getLogger(__name__)
_ROWS = 1000


class HeadsMonitor(keras.callbacks.Callback):
    """Measures all stages during `train_heads`, from the cached test features.

    Stages whose heads were trained earlier in the same folder stay in the tab; of those trained
    again only the new training is shown.

    Args:
        log_dir: folder of the TensorBoard run.
        cache: `FeatureCache` the heads are trained from.
        class_names: names of the K labels.
        depths: dict from stage name to its place in the network, ascending from the input side.
        attention_heads: dict from stages whose filters are nodes of attention heads to the
            number of heads. Defaults to none.
        threshold: `float`. At which scalars are computed. Defaults to `0.3`.
        every: `int`. Epochs between measurements, however many these make. Defaults to `None`:
            as few as `max_measurements` allows.
        max_measurements: `int`. Most measurements where `every` is `None`. Defaults to `20`.
        max_mb: `float`. Megabytes the factors may take. Defaults to `50`.
        title: `str`. What the tab calls the network.
        kinds: dict from stage name to what a filter is there: `node`, `head`, `branch`; a
            `filter` where there is none.
    """

    def __init__(
        self,
        log_dir: str | Path,
        cache: FeatureCache,
        class_names: tuple[str, ...],
        depths: dict[str, int],
        *,
        attention_heads: Mapping[str, int] | None = None,
        threshold: float = 0.3,
        every: int | None = None,
        max_measurements: int = MAX_MEASUREMENTS,
        max_mb: float = MAX_MB,
        title: str = "",
        kinds: Mapping[str, str] | None = None,
    ):
        super().__init__()
        self.cache, self.class_names, self.depths = cache, class_names, depths
        self.kinds, self.attention_heads = dict(kinds or {}), dict(attention_heads or {})
        self.every, self.max_measurements, self.max_bytes = every, max_measurements, max_mb * 1e6
        self.about = schema.About("heads", tuple(class_names), threshold, title=title)
        self._folder, self._writer = Path(log_dir), MonitorWriter(log_dir)
        self._features: dict[str, np.ndarray] = {}
        # The epoch this training began with, and stages whose header says so.
        self._first: int | None = None
        self._begun: set[str] = set()
        # The epoch that ended last with its logs, and the one that was measured last.
        self._ended: tuple[int, dict] | None = None
        self._measured: int | None = None

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Average the test features by label, and plan the measurements.

        What a pooling makes of features that is trained with its head is averaged at each of them.
        """
        self._ended = self._measured = self._first = None
        self._begun = set()
        labels = self.cache.labels[self.cache.train_count :]
        self._counts = np.bincount(labels, minlength=len(self.class_names))
        self._due = measured_epochs(self.params["epochs"], self.every, self.max_measurements)
        self._features = {
            name: self._class_means(name) for name in self.cache.arrays if not self._changes(name)
        }
        once = {name: x.nbytes for name, x in self._features.items()}
        sizes = {name: head.kernel.shape for name, head in self.model.heads.items()}
        each = {
            name: 4 * math.prod(sizes[name]) * (2 if self._changes(name) else 1)
            for name in self.cache.arrays
        }
        self._kept = kept_factors(self._due, once, each, self.max_bytes)
        fewer = {name: len(kept) for name, kept in self._kept.items() if len(kept) < len(self._due)}
        if fewer:
            listed = ", ".join(f"{name} {count}" for name, count in fewer.items())
            _LOG.info(
                f"the tab will show fewer than {len(self._due)} measurements of large stages "
                f"({listed}): more need a larger `max_mb` (the "
                "command's `monitor_mb`)"
            )
        # A TensorBoard that is open still holds what was deleted with the folder.
        new_log = not any(self._folder.glob("events.*"))
        self._writer.about(dataclasses.replace(self.about, first_step=0 if new_log else None))

    def on_epoch_begin(self, epoch: int, logs: dict | None = None) -> None:
        """Note where the training begins."""
        if self._first is None:
            self._first = epoch

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure all stages, where it is time."""
        self._ended = epoch, dict(logs or {})
        if epoch in self._due:
            self._measure(*self._ended)

    def on_train_end(self, logs: dict | None = None) -> None:
        """Measure what a training that stopped early ends with, close the log, forget features."""
        if self._ended is not None and self._ended[0] != self._measured:
            # It takes the place of the last one planned.
            for kept in self._kept.values():
                kept += [self._ended[0]] if kept else []
            self._measure(*self._ended)
        self._writer.close()
        self._features = {}

    def _measure(self, epoch: int, logs: dict) -> None:
        self._measured = epoch
        for name, head in self.model.heads.items():
            kernel = head.weights_array()
            features = self._class_means(name) if self._changes(name) else self._features[name]
            if not (np.isfinite(kernel).all() and np.isfinite(features).all()):
                continue
            fields = FilterFields(
                features.reshape(len(features), *kernel.shape[:2]),
                kernel,
                self._counts,
                head.position_shape,
            )
            accuracy = logs.get(
                f"val_{name}_accuracy", logs.get("val_accuracy") if self._alone else None
            )
            header = schema.header_of(
                name,
                self.depths[name],
                epoch,
                fields,
                accuracy=None if accuracy is None else float(accuracy),
                heads=self.attention_heads.get(name),
                kind=self.kinds.get(name, "filter"),
            )
            if name not in self._begun:
                self._writer.stage(dataclasses.replace(header, first_step=self._first))
                self._begun.add(name)
            self._writer.measurement(
                header,
                fields,
                shared_features=not self._changes(name),
                factors=epoch in self._kept[name],
            )

    def _changes(self, name: str) -> bool:
        """Whether what the head of a stage reads changes while it is trained."""
        return bool(self.model.heads[name].pooling)

    @property
    def _alone(self) -> bool:
        # Keras drops the output's name where there is a single output.
        return len(self.cache.arrays) == 1

    def _class_means(self, name: str) -> np.ndarray:
        """(K, P * F) float32, in blocks: the cache may be larger than memory."""
        labels, read = self.cache.labels, RowReader(self.cache.arrays[name])
        head = self.model.heads[name]
        sums = ClassMeans(len(self.class_names), head.kernel.shape[0])
        for start in range(self.cache.train_count, len(labels), _ROWS):
            rows = np.arange(start, min(start + _ROWS, len(labels)))
            features = read(rows).astype(np.float32)
            if head.pooling:
                features = keras.ops.convert_to_numpy(head.pooled(features))
            sums.add(features, labels[rows])
        return sums.means()
