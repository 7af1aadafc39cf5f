"""What a pass over the images adds up: the protocol, and the stage it is added up at."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np


@dataclasses.dataclass(frozen=True, eq=False)
class ProbedStage:
    """A stage with its head, as an accumulator is given it.

    Attributes:
        name: `str`. The stage.
        kernel: (P, F, K) float32 weights of its head.
        position_shape: shape of the P positions.
        scratch: `Path` of a file for what is too large for memory, which belongs to this
            accumulator alone, outlives a kill and is deleted with the checkpoint of the pass;
            `None` where the pass is not resumable.
    """

    name: str
    kernel: np.ndarray
    position_shape: tuple[int, ...]
    scratch: Path | None = None

    @property
    def num_labels(self) -> int:
        """K."""
        return self.kernel.shape[2]


class Accumulator(Protocol):
    """Adds up stage outputs in one pass over labelled images.

    `measure_stages` makes one for each stage, by a call with the `ProbedStage`, and runs the
    network once for all of them. So a new measurement of images is one class in one file: mean
    attention maps, say, at stages that put out (n, query tokens, key tokens * heads) numbers.

    ```python
    class MeanMap:
        def __init__(self, stage: ProbedStage):
            self.sum = np.zeros(stage.kernel.shape[:2])
            self.images = np.zeros((), np.int64)

        def add(self, outputs, labels):
            self.sum += outputs.sum(axis=0)
            self.images += len(labels)

        def state(self):
            return {"sum": self.sum, "images": self.images}

        def restore(self, arrays):
            self.sum, self.images = arrays["sum"], arrays["images"]
            return True

        def result(self):
            return self.sum / max(1, self.images)

    found = measure_stages(cut, kernels, batches, {name: {"map": MeanMap} for name in kernels})
    found["layer2"]["map"]
    ```

    The result must not depend on how the images are cut into batches by more than rounding, and
    a pass that goes on from a checkpoint must end in the same bits.
    """

    def add(self, outputs: np.ndarray, labels: np.ndarray) -> None:
        """Take a batch: (n, P, F) float32 stage outputs, and labels (n,) in 0 .. K-1."""

    def state(self) -> dict[str, Any]:
        """Arrays from which the pass can go on; anything kept elsewhere is on the disk by then."""

    def restore(self, arrays: dict[str, np.ndarray]) -> bool:
        """Go on from what `state` gave, called before any `add`.

        Returns:
            Whether that is possible; if not, the pass starts over with new accumulators.
        """

    def result(self) -> Any:
        """What was measured, after the last batch."""


# From a stage's name to what is added up there: a name, and what makes the accumulator.
Accumulators = Mapping[str, Mapping[str, Callable[[ProbedStage], Accumulator]]]
