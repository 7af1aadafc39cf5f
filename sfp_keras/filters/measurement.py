"""What a pass over the images measures of a stage."""

import dataclasses

import numpy as np

from sfp_keras.filters.fields import FilterFields


@dataclasses.dataclass(frozen=True, eq=False)
class StageMeasurement:
    """The fields of one stage's filters, and how many images its head classifies correctly.

    Attributes:
        fields: `FilterFields` of the stage.
        correct: (K,) int64, images of each label that the whole head classifies correctly.
    """

    fields: FilterFields
    correct: np.ndarray

    def __repr__(self) -> str:
        return f"StageMeasurement(accuracy {self.accuracy:.4f}, {self.fields!r})"

    @property
    def accuracy(self) -> float:
        """Share of all images that the whole head classifies correctly."""
        return int(self.correct.sum()) / max(1, int(self.fields.label_counts.sum()))

    @property
    def label_accuracy(self) -> np.ndarray:
        """(K,) float64, the same for each label; NaN for a label without images."""
        counts = self.fields.label_counts
        return np.divide(self.correct, counts, out=np.full(len(counts), np.nan), where=counts > 0)
