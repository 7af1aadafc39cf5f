"""Error bars over images: their size by repeated draws of images, and what is refused."""

import math

import numpy as np
import pytest

from sfp_keras.errors import InputError
from sfp_keras.filters import (
    FilterFields,
    PartMeans,
    bootstrap_intervals,
    find_clusters,
    layer_statistics,
    layer_values,
)

K, P, F, IMAGES, PARTS = 4, 2, 8, 40, 20


def measured(outputs: np.ndarray, kernel: np.ndarray) -> tuple[FilterFields, PartMeans]:
    """Fields and parts of outputs (K, IMAGES, P, F), the parts in turn."""
    counts = np.full((K, PARTS), outputs.shape[1] // PARTS)
    parts = outputs.reshape(K, -1, PARTS, P, F).mean(1)
    fields = FilterFields(outputs.mean(1), kernel, counts.sum(1), (P,))
    return fields, PartMeans(parts, counts, np.minimum(counts, 1))


def drawn(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Mean outputs of labels, and a kernel that tells labels apart by them."""
    means = np.maximum(rng.normal(size=(K, P, F)), 0)
    kernel = (means - means.mean(0)).transpose(1, 2, 0) + 0.3 * rng.normal(size=(P, F, K))
    return means, kernel.astype(np.float32)


def test_errors_are_the_deviations_among_repeated_draws_of_images() -> None:
    rng = np.random.default_rng(0)
    means, kernel = drawn(rng)
    together = rng.normal(size=(K, 3, P, F))  # Filters' outputs of an image go together.
    draws = []
    for _ in range(30):
        noise = np.einsum("kic,kcpf->kipf", rng.normal(size=(K, IMAGES, 3)), together)
        noise += rng.normal(size=noise.shape)
        fields, parts = measured((means[:, None] + noise).astype(np.float32), kernel)
        draws.append(bootstrap_intervals(fields, parts, resamples=30))
    for key in ("noise", "clusters", "cluster_size", "signal", "snr_internal", "snr_external"):
        values = np.array([one[key].value for one in draws])
        if not key.startswith("snr"):  # Those have few large values.
            ratio = np.median([one[key].error for one in draws]) / values.std(ddof=1)
            assert 0.7 < ratio < 1.4, key
        middle = np.median(values)
        covered = np.mean([one[key].low <= middle <= one[key].high for one in draws])
        assert covered >= 0.85, key


def test_values_are_those_of_layers_csv_and_images_that_are_alike_leave_no_error() -> None:
    means, kernel = drawn(np.random.default_rng(1))
    outputs = np.repeat(means[:, None], IMAGES, 1).astype(np.float32)
    fields, parts = measured(outputs, kernel)
    values = layer_values(layer_statistics(find_clusters(fields, 0.4)), P, 0.5)
    for key, one in bootstrap_intervals(fields, parts, 0.4, resamples=5).items():
        assert one.value == pytest.approx(values[key]), key
        assert (one.low, one.high) == pytest.approx((one.value, one.value))
        if math.isfinite(one.value):
            assert (one.error, one.bias) == pytest.approx((0, 0), abs=1e-5), key


def test_accuracy_has_the_error_of_a_share() -> None:
    rng = np.random.default_rng(2)
    fields, _ = measured(rng.normal(size=(K, 400, P, F)).astype(np.float32), drawn(rng)[1])
    right = rng.random((K, PARTS, 20)) < 0.8
    means = np.repeat(fields.features[:, None], PARTS, 1)
    parts = PartMeans(means, np.full((K, PARTS), 20), right.sum(2))
    one = bootstrap_intervals(fields, parts)["accuracy"]
    assert one.value == right.mean()
    assert one.error == pytest.approx(math.sqrt(0.8 * 0.2 / right.size), rel=0.25)


def test_a_stage_without_clusters_or_images_of_a_label_has_no_error_of_ratios() -> None:
    features = np.zeros((K, P, F), np.float32)
    kernel = np.ones((P, F, K), np.float32)
    counts = np.zeros((K, 1), int)
    counts[1:] = 3
    with pytest.warns(UserWarning, match="no inputs"):
        fields = FilterFields(features, kernel, counts[:, 0], (P,))
    parts = PartMeans(features[:, None], counts, counts)
    found = bootstrap_intervals(fields, parts, resamples=3)
    assert found["clusters"].value == found["clusters"].error == 0
    assert all(math.isnan(found[key].error) for key in ("cluster_size", "snr_external"))


def test_parts_of_other_images_are_refused() -> None:
    fields, parts = measured(np.ones((K, IMAGES, P, F), np.float32), np.ones((P, F, K), np.float32))
    more = PartMeans(parts.means, parts.counts + 1, parts.correct)
    for wrong in (more, PartMeans(parts.means[:, :, :1], parts.counts, parts.correct)):
        with pytest.raises(InputError, match="`parts` are not of the images"):
            bootstrap_intervals(fields, wrong)
    with pytest.raises(InputError, match="`resamples` must be a whole number from 2, not 1"):
        bootstrap_intervals(fields, parts, resamples=1)
    with pytest.raises(InputError, match="not of the same labels"):
        PartMeans(parts.means, parts.counts[:1], parts.correct)
