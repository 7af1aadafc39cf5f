"""How much a layer's statistics change with the images they are measured on."""

import dataclasses
import math
from collections.abc import Iterator, Sequence

import numpy as np

from sfp_keras.errors import InputError, as_whole
from sfp_keras.filters.clusters import find_clusters
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.quantities import LAYER_MEASURES, layer_values
from sfp_keras.filters.statistics import layer_statistics

# The middle 95% of a normal distribution, in standard deviations.
_INTERVAL = 1.959964
# Mean outputs of as many resamples are made together: their parts are read from memory once.
_TOGETHER_BYTES = 2**26
# Deviations of numbers that are all the same.
_ROUNDING = 1e-9
# Infinite where a stage has no noise, which a resample may have.
_RATIOS = ("snr_internal", "snr_external")


@dataclasses.dataclass(frozen=True, eq=False)
class PartMeans:
    """Mean stage outputs of parts of each label's images.

    Attributes:
        means: float32 `(K, B, P, F)`. Over the images of each of up to `B` parts of each label.
        counts: int64 `(K, B)`. Images of each part; a label of fewer images has fewer parts.
        correct: int64 `(K, B)`. Those that the whole head classifies correctly.
    """

    means: np.ndarray
    counts: np.ndarray
    correct: np.ndarray

    def __post_init__(self) -> None:
        shape = self.means.shape[:2]
        if self.means.ndim != 4 or self.counts.shape != shape or self.correct.shape != shape:
            raise InputError(
                f"`means` {self.means.shape}, `counts` {self.counts.shape} and `correct` "
                f"{self.correct.shape} are not of the same labels and parts"
            )

    def __repr__(self) -> str:
        labels, parts, _, filters = self.means.shape
        return f"PartMeans({labels} labels in up to {parts} parts, {filters} filters)"


@dataclasses.dataclass(frozen=True)
class Interval:
    """A number with its error.

    Attributes:
        value: `float`. As measured.
        error: `float`. Its standard error: the deviation among sets of as many other images. NaN
            where it is not known.
        low: `float`. Lower end of the 95% interval.
        high: `float`. Upper end.
        bias: `float`. How much larger the number is expected to be than of endlessly many images.
    """

    value: float
    error: float
    low: float
    high: float
    bias: float


def bootstrap_intervals(
    fields: FilterFields,
    parts: PartMeans,
    threshold: float = 0.3,
    *,
    resamples: int = 200,
    seed: int = 0,
) -> dict[str, Interval]:
    """Standard errors and 95% intervals of a layer's statistics, over the images.

    Each resample draws, of every label, one part fewer than it has, with replacement: the variance
    of their mean is then that of the mean over all parts, without bias. Fields are linear in mean
    outputs, so a resample takes a weighted mean of the parts, the clusters of its fields and their
    statistics, but no pass over the images.

    The interval is the value and 1.96 errors to both sides. It holds what a set of as many other
    images is expected to give. A threshold makes of noise in the fields ones where there were none:
    statistics of few images are larger or smaller than of many, and resamples are once more. The
    bias says by how much; the interval is not moved by it, for a bias found so is uncertain itself.
    Ratios are treated as their reciprocals, which stay finite.

    Args:
        fields: `FilterFields` of the layer, measured on all images.
        parts: `PartMeans` of the same images.
        threshold: as of `find_clusters`.
        resamples: `int`, default 200. An error is then known to 5% of itself.
        seed: `int`.

    Returns:
        Dict from a column of layers.csv, from accuracy on, to its `Interval`. Of a label of one
        image nothing varies, so errors are too small where most labels are such.

    Raises:
        InputError: if the parts are not of the fields' images, or there are fewer than two
            resamples.

    Source: J. N. K. Rao, C. F. J. Wu, "Resampling inference with complex survey data", Journal of
        the American Statistical Association 83 (1988), for one draw fewer.
    """
    if parts.means.shape != (*parts.counts.shape, *fields.features.shape[1:]) or (
        not np.array_equal(parts.counts.sum(1), fields.label_counts)
    ):
        raise InputError("`parts` are not of the images of `fields`")
    resamples, seed = as_whole("resamples", resamples, 2), as_whole("seed", seed, 0)
    accuracy = parts.correct.sum() / max(1, int(parts.counts.sum()))
    value = _values(fields, threshold, float(accuracy))
    found = [
        _values(one, threshold, share)
        for one, share in _resampled(fields, parts, resamples, np.random.default_rng(seed))
    ]
    return {key: _interval(key, value[key], [one[key] for one in found]) for key in value}


def _values(fields: FilterFields, threshold: float, accuracy: float) -> dict[str, float]:
    statistics = layer_statistics(find_clusters(fields, threshold))
    values = layer_values(statistics, fields.num_positions, accuracy)
    return {one.key: float(values[one.key]) for one in LAYER_MEASURES}


def _resampled(
    fields: FilterFields, parts: PartMeans, resamples: int, rng: np.random.Generator
) -> Iterator[tuple[FilterFields, float]]:
    """Fields and accuracy of each resample."""
    labels, most = parts.counts.shape
    weights = _weights(parts.counts, resamples, rng)
    shares = parts.correct / np.maximum(parts.counts, 1)
    label_accuracy = (weights * shares[:, None]).sum(2)
    accuracy = fields.label_counts @ label_accuracy / max(1, int(fields.label_counts.sum()))
    flat = parts.means.reshape(labels, most, -1)
    # Labels without images have been warned of.
    filled = dataclasses.replace(fields, label_counts=np.maximum(fields.label_counts, 1))
    together = max(1, _TOGETHER_BYTES // max(1, fields.features.nbytes))
    for start in range(0, resamples, together):
        means = np.matmul(weights[:, start : start + together].astype(np.float32), flat)
        for index in range(means.shape[1]):
            features = np.ascontiguousarray(means[:, index]).reshape(fields.features.shape)
            yield dataclasses.replace(filled, features=features), float(accuracy[start + index])


def _weights(counts: np.ndarray, resamples: int, rng: np.random.Generator) -> np.ndarray:
    """Weight of each part's mean in each resample, (K, resamples, B); rows sum to one."""
    weights = np.zeros((len(counts), resamples, counts.shape[1]))
    for label, of_label in enumerate(counts):
        filled = np.flatnonzero(of_label)
        if filled.size:
            drawn = rng.integers(filled.size, size=(resamples, max(1, filled.size - 1)))
            times = (drawn[:, :, None] == np.arange(filled.size)).sum(1)
            images = times * of_label[filled]
            weights[label][:, filled] = images / images.sum(1, keepdims=True)
    return weights


def _interval(key: str, value: float, found: Sequence[float]) -> Interval:
    ratio = key in _RATIOS
    center = _reciprocal(value) if ratio else value
    values = np.array([_reciprocal(one) for one in found] if ratio else found)
    values = values[np.isfinite(values)]
    if len(values) < 2 or not math.isfinite(center):
        return Interval(value, math.nan, math.nan, math.nan, math.nan)
    error = float(values.std(ddof=1))
    if error < _ROUNDING * max(1.0, abs(center)):
        error = 0.0
    low, high = max(0.0, center - _INTERVAL * error), center + _INTERVAL * error
    bias = float(values.mean()) - center
    if key == "accuracy":
        high = min(1.0, high)
    if ratio:
        # To first order, and none of what is infinite.
        slope = value * value if math.isfinite(value) else math.nan
        error, bias = error * slope, -bias * slope
        low, high = _reciprocal(high), _reciprocal(low)
    return Interval(value, error, low, high, bias)


def _reciprocal(value: float) -> float:
    return 1 / value if value else math.inf
