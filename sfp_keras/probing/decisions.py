"""Single-filter decisions of several stages from one pass over labelled images."""

import dataclasses
import os
import tempfile
from collections.abc import Mapping
from typing import IO, Any

import keras
import numpy as np

from sfp_keras.filters import (
    FilterDecisions,
    FilterFields,
    count_decisions,
    decided_labels,
)
from sfp_keras.probing.accumulator import ProbedStage
from sfp_keras.probing.features import Labelled
from sfp_keras.probing.image_pass import Heads, heads_by_stage, measure_stages
from sfp_keras.short_repr import ShortRepr


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DecidedLabels(ShortRepr):
    """The label that every filter of a stage gives to every image.

    Attributes:
        labels: (N,) integers, the images' own labels.
        decided: (N, F) integers, K where a filter's fields are all zero and decide nothing.
            Mapped from a file.
        num_labels: `int`. K.
    """

    labels: np.ndarray
    decided: np.ndarray
    num_labels: int

    def count(self, matrices_of: np.ndarray | None = None) -> FilterDecisions:
        """Count them.

        Args:
            matrices_of: array of indices of filters whose (K, K) matrices are kept, such as those
                of `spread_filters`. Defaults to `None`: of none.
        """
        return count_decisions(self.labels, self.decided, self.num_labels, matrices_of)


class DecisionsAccumulator:
    """Lets every filter alone decide on every image.

    An `Accumulator` whose result are `DecidedLabels`. Which filters' matrices are worth keeping
    is known only after the pass, when the fields are. So the decided labels themselves are kept,
    in the stage's scratch file or a temporary one: one byte an image and filter for K below 256,
    two below 65,536, and as much for the image's own label. That is 5 MB for 512 filters on
    10,000 images, and 128 MB for 1,280 filters on the 50,000 images of ImageNet's validation set,
    where all (K, K) matrices would take 10 GB. In memory are a copy of the kernel and blocks of a
    few MiB.
    """

    def __init__(self, stage: ProbedStage):
        self._stage = stage
        # Filter by filter in memory, as the decisions read it.
        by_filter = np.ascontiguousarray(stage.kernel.transpose(1, 0, 2))
        self._kernel = by_filter.transpose(1, 0, 2)
        self._dtype = np.min_scalar_type(stage.num_labels)
        self._images = 0
        self._file: IO[bytes] | None = None

    @property
    def _row_bytes(self) -> int:
        return (1 + self._kernel.shape[1]) * self._dtype.itemsize

    def add(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        """Take a batch of (n, P, F) stage outputs with their labels (n,)."""
        decided = decided_labels(outputs, self._kernel)
        rows = np.concatenate([labels[:, None].astype(self._dtype), decided], axis=1)
        self._opened().write(rows.data)
        self._images += len(labels)

    def _opened(self) -> IO[bytes]:
        if self._file is None:
            path = self._stage.scratch
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.unlink(missing_ok=True)  # It may be a pipe or a link.
            self._file = tempfile.TemporaryFile() if path is None else open(path, "w+b")  # noqa: SIM115
        return self._file

    def state(self) -> dict[str, Any]:
        """The number of images; their rows are on the disk by then."""
        file = self._opened()
        file.flush()
        os.fsync(file.fileno())
        return {"images": np.int64(self._images)}

    def restore(self, arrays: dict[str, np.ndarray]) -> bool:
        """Go on from what `state` gave, if the file has as many images and holds labels."""
        path, images = self._stage.scratch, int(arrays["images"])
        if path is None or not path.is_file() or images < 0:
            return False
        if path.stat().st_size < images * self._row_bytes:
            return False
        self._file = open(path, "r+b")  # noqa: SIM115
        self._file.truncate(images * self._row_bytes)
        self._file.seek(0, os.SEEK_END)
        self._images = images
        found = self.result()
        if images and (
            found.labels.max() >= found.num_labels or found.decided.max() > found.num_labels
        ):
            self._file.close()
            self._file, self._images = None, 0
            return False
        return True

    def result(self) -> DecidedLabels:
        """The labels that were decided."""
        shape = (self._images, 1 + self._kernel.shape[1])
        rows = np.empty(shape, self._dtype)
        if self._images:
            self._opened().flush()
            rows = np.memmap(self._opened(), self._dtype, "r", shape=shape)
        return DecidedLabels(rows[:, 0], rows[:, 1:], self._stage.num_labels)

    def __del__(self) -> None:
        if (file := getattr(self, "_file", None)) is not None:
            file.close()


def measure_decisions(
    cut: keras.Model,
    kernels: Heads,
    batches: Labelled,
    matrices_of: Mapping[str, np.ndarray] | None = None,
) -> dict[str, FilterDecisions]:
    """Let every filter of every stage decide alone on every image, in one pass.

    Beside the network and its batch this holds per stage `24 * F * K + 8 * n * K * K` bytes for n
    matrices; with 1,280 filters, 1,000 labels and 16 matrices that is 0.15 GiB. The labels
    that filters decide are in a temporary file, see `DecisionsAccumulator`.

    Args:
        cut: model of `cut_stages`.
        kernels: as of `measure_fields`.
        batches: images with labels (n,), integers in 0 .. K-1, as of `measure_fields`.
        matrices_of: dict from stage name to the filters whose (K, K) matrices are kept; default
            `None`: of none.

    Returns:
        Dict from stage name to `FilterDecisions`.

    Raises:
        InputError: as `measure_stages`.

    Source: paper 1, Figure 3.
    """
    by_stage = heads_by_stage(cut, kernels)
    accumulators = {name: {"decisions": DecisionsAccumulator} for name in by_stage}
    found = measure_stages(cut, by_stage, batches, accumulators)
    return {
        name: of_stage["decisions"].count((matrices_of or {}).get(name))
        for name, of_stage in found.items()
    }


def spread_filters(fields: FilterFields, count: int = 16) -> np.ndarray:
    """Choose filters evenly from the strongest to the weakest by their largest mean field.

    Args:
        fields: `FilterFields`.
        count: `int`. How many; fewer where fewer are alive. Defaults to 16.

    Returns:
        int64 array of filters, ascending; dead ones are never among them.
    """
    maxima = fields.maxima()
    order = np.argsort(-maxima, kind="stable")[: np.count_nonzero(maxima > 0)]
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return np.sort(order[places])
