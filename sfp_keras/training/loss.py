"""What every training minimises and reports: averages over the whole batch, the whole epoch."""

from typing import Any

import keras
from keras import ops

from sfp_keras.distribution import current_devices


@keras.saving.register_keras_serializable(package="sfp_keras")
class CrossEntropy(keras.losses.SparseCategoricalCrossentropy):
    """Mean cross-entropy of logits over a batch, however unevenly it is spread over devices.

    Keras averages the means of the devices' parts, which is another number where they differ in
    size. On one device it is `keras.losses.SparseCategoricalCrossentropy(from_logits=True)`.

    Args:
        label_smoothing: `float` in [0, 1). Share of each label that is spread evenly over all K.
            Defaults to 0.
    """

    def __init__(self, label_smoothing: float = 0.0) -> None:
        super().__init__(from_logits=True)
        self.label_smoothing = label_smoothing
        self._of_shares = keras.losses.CategoricalCrossentropy(from_logits=True)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The loss of labels (n,), or their shares (n, K), and logits (n, K), a scalar.

        Weights are for metrics alone.
        """
        if self.label_smoothing or _are_shares(y_true, y_pred):
            mean = self._of_shares(self._smoothed(y_true, y_pred), y_pred)
        else:
            mean = super().__call__(y_true, y_pred)
        return current_devices().mean_of_all(mean, ops.shape(y_pred)[0])

    def get_config(self) -> dict[str, Any]:
        """The complete configuration."""
        return {"label_smoothing": self.label_smoothing}

    def _smoothed(self, labels: Any, logits: Any) -> Any:
        count, smoothing = logits.shape[-1], self.label_smoothing
        if not _are_shares(labels, logits):
            labels = ops.one_hot(ops.cast(labels, "int32"), count, dtype=logits.dtype)
        return ops.cast(labels, logits.dtype) * (1 - smoothing) + smoothing / count


def curves() -> list[keras.metrics.Metric]:
    """Accuracy and cross-entropy of an epoch, to be compiled as `weighted_metrics`.

    Of mixed images, accuracy is that of the label with the largest share, cross-entropy that of
    the shares; labels are not smoothed. Keras' own loss counts a batch more than once where it
    has fewer images than there are devices, and that of one output of several counts a short last
    batch as a full one.

    Returns:
        The metrics `accuracy` and `cross_entropy`.
    """
    return [
        EpochAccuracy(),
        EpochCrossEntropy(),
    ]


@keras.saving.register_keras_serializable(package="sfp_keras")
class EpochAccuracy(keras.metrics.MeanMetricWrapper):
    """The share of images whose label has the largest logit."""

    def __init__(self, name: str = "accuracy", **kwargs: Any) -> None:
        super().__init__(_is_right, name=name, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The complete configuration."""
        return {"name": self.name, "dtype": self.dtype}


@keras.saving.register_keras_serializable(package="sfp_keras")
class EpochCrossEntropy(keras.metrics.MeanMetricWrapper):
    """The mean cross-entropy over images."""

    def __init__(self, name: str = "cross_entropy", **kwargs: Any) -> None:
        super().__init__(_cross_entropy, name=name, **kwargs)

    def get_config(self) -> dict[str, Any]:
        """The complete configuration."""
        return {"name": self.name, "dtype": self.dtype}


def _are_shares(labels: Any, logits: Any) -> bool:
    """Whether labels are (n, K), the share of each in an image, and not (n,)."""
    return len(labels.shape) == len(logits.shape) and labels.shape[-1] == logits.shape[-1]


def _is_right(labels: Any, logits: Any) -> Any:
    if _are_shares(labels, logits):
        labels = ops.argmax(labels, axis=-1)
    return keras.metrics.sparse_categorical_accuracy(labels, logits)


def _cross_entropy(labels: Any, logits: Any) -> Any:
    if _are_shares(labels, logits):
        return keras.losses.categorical_crossentropy(labels, logits, from_logits=True)
    return keras.losses.sparse_categorical_crossentropy(labels, logits, from_logits=True)


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
