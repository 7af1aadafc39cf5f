"""What every training minimises and reports: averages over the whole batch, the whole epoch."""

from typing import Any

import keras
from keras import ops

from sfp_keras.distribution import current_devices


class CrossEntropy(keras.losses.SparseCategoricalCrossentropy):
    """Mean cross-entropy of logits over a batch, however unevenly it is spread over devices.

    Keras averages the means of the devices' parts, which is another number where they differ in
    size. On one device it is `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`.
    """

    def __init__(self) -> None:
        super().__init__(from_logits=True)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels (n,) and logits (n, K), a scalar; weights are for metrics alone."""
        mean = super().__call__(y_true, y_pred)
        return current_devices().mean_of_all(mean, ops.shape(y_pred)[0])


def curves() -> list[keras.metrics.Metric]:
    """Accuracy and cross-entropy of an epoch, to be compiled as `weighted_metrics`.

    Keras' own loss counts a batch more than once where it has fewer images than there are
    devices, and that of one output of several counts a short last batch as a full one.

    Returns:
        The metrics `accuracy` and `cross_entropy`.
    """
    return [
        keras.metrics.SparseCategoricalAccuracy(name="accuracy"),
        keras.metrics.SparseCategoricalCrossentropy(from_logits=True, name="cross_entropy"),
    ]


def with_exact_loss(history: list[dict[str, float]]) -> list[dict[str, float]]:
    """Put the cross-entropy of `curves()` in the place of Keras' loss, for a model of one output.

    Args:
        history: one dict an epoch, of `fit_with_resume`.

    Returns:
        The same with `loss` and `val_loss` exact.
    """
    exact = []
    for row in history:
        losses = {
            f"{prefix}loss": row[f"{prefix}cross_entropy"]
            for prefix in ("", "val_")
            if f"{prefix}cross_entropy" in row
        }
        kept = {name: row[name] for name in row if not name.endswith("cross_entropy")}
        exact.append({**kept, **losses})
    return exact
