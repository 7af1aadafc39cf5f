"""Each common mistake, made on purpose, gives the wrong value known for it, and not ours."""

import literal_procedure as literal
import numpy as np
import pytest

from sfp_keras.filters import find_clusters, label_statistics, layer_statistics


@pytest.fixture(scope="module")
def matrices(case_1):
    return np.array(case_1["matrix"])


@pytest.fixture(scope="module")
def ours(case_1_fields):
    return find_clusters(case_1_fields)


@pytest.fixture(scope="module")
def mistakes(case_1):
    return case_1["mistakes"]


def clip_all(matrices):
    return [literal.clip(literal.normalize(matrix.tolist())) for matrix in matrices]


def outcome(booleans, all_clusters=None):
    """Noises, mean number of clusters, and mean size of all clusters."""
    if all_clusters is None:
        all_clusters = [literal.find_clusters(boolean) for boolean in booleans]
    noises = [literal.count_noise(b, c) for b, c in zip(booleans, all_clusters, strict=True)]
    sizes = [len(cluster) for clusters in all_clusters for cluster in clusters]
    return {
        "noise": noises,
        "clusters": len(sizes) / len(booleans),
        "cluster_size": sum(sizes) / len(sizes),
    }


def check(ours, wrong, known):
    """`wrong` is the known outcome of the mistake, and ours differs in every value of it."""
    statistics = layer_statistics(ours)
    for name, value in known.items():
        assert wrong[name] == pytest.approx(value, abs=1e-4), name
        right = ours.noise.tolist() if name == "noise" else getattr(statistics, name)
        assert right != pytest.approx(value, abs=1e-4), name


def test_every_known_mistake_is_here(mistakes):
    assert len(mistakes) == sum(name.startswith("test_mistake_") for name in globals())


def test_mistake_transposed(matrices, mistakes, ours):
    booleans = clip_all(matrices.transpose(0, 2, 1))
    clusters = [literal.find_clusters(boolean) for boolean in booleans]
    external = literal.label_sums(booleans, clusters)[2]
    assert external == mistakes["transposed, or columns for rows"]["noise_external_times_3"]
    assert external != (label_statistics(ours).noise_external * 3).tolist()


def test_mistake_kernel_read_filter_major(case_1, mistakes, ours):
    features, kernel = np.array(case_1["features"]), np.array(case_1["kernel"])
    positions, filters, labels = kernel.shape
    wrong_kernel = kernel.reshape(filters, positions, labels).transpose(1, 0, 2)
    wrong = np.stack([features[:, :, f] @ wrong_kernel[:, f] for f in range(filters)])
    check(ours, outcome(clip_all(wrong)), mistakes["kernel read filter-major"])


def test_mistake_one_direction_or_connected_components(matrices, mistakes, ours):
    booleans = clip_all(matrices)
    known = mistakes["compatibility in one direction, or connected components"]
    for clusters in (
        [literal.find_clusters(b, compatible=lambda b, i, j: b[j][i] == 1) for b in booleans],
        [components(boolean) for boolean in booleans],
    ):
        check(ours, outcome(booleans, clusters), known)


def components(boolean):
    found = []
    for label in range(len(boolean)):
        if boolean[label][label]:
            linked = [c for c in found if any(boolean[label][m] or boolean[m][label] for m in c)]
            found = [c for c in found if c not in linked]
            found.append(sorted([label, *(member for c in linked for member in c)]))
    return sorted(found)


def test_mistake_diagonal_not_required(matrices, mistakes, ours):
    booleans = clip_all(matrices)
    clusters = [literal.find_clusters(b, joining_needs_diagonal=False) for b in booleans]
    check(ours, outcome(booleans, clusters), mistakes["diagonal not required"])


def test_mistake_labels_in_reversed_order(matrices, mistakes, ours):
    clusters = literal.find_clusters(clip_all(matrices)[0], order=[3, 2, 1, 0])
    known = mistakes["labels in reversed order"]["clusters_filter_0"]
    assert [sorted(cluster) for cluster in clusters] == known
    assert ours.members(0) != known


def test_mistake_overlapping_clusters(matrices, mistakes, ours):
    booleans = clip_all(matrices)
    clusters = []
    for boolean in booleans:
        labels = [i for i in range(4) if boolean[i][i]]
        clusters.append(
            [literal.find_clusters(boolean, [i, *(j for j in labels if j != i)])[0] for i in labels]
        )
    check(ours, outcome(booleans, clusters), mistakes["overlapping clusters"])


def test_mistake_maximum_of_absolute_values(matrices, mistakes, ours):
    absolute = np.abs(matrices).max(axis=(1, 2), keepdims=True)
    booleans = (matrices / absolute > 0.3).astype(int).tolist()
    check(ours, outcome(booleans), mistakes["maximum of absolute values"])


def test_mistake_each_row_normalized(matrices, mistakes, ours):
    rows = matrices.max(axis=2, keepdims=True)
    booleans = ((matrices / np.abs(rows) > 0.3) & (rows > 0)).astype(int).tolist()
    check(ours, outcome(booleans), mistakes["each row normalised"])


def test_mistake_one_maximum_for_the_layer(matrices, mistakes, ours):
    booleans = (matrices / matrices.max() > 0.3).astype(int).tolist()
    check(ours, outcome(booleans), mistakes["one maximum for the layer"])


def test_mistake_dead_filter_divided(matrices, mistakes, ours):
    maxima = matrices.max(axis=(1, 2), keepdims=True)
    booleans = (matrices / maxima > 0.3).astype(int).tolist()
    check(ours, outcome(booleans), mistakes["dead filter divided by its negative maximum"])


def test_mistake_no_normalization(matrices, mistakes, ours):
    booleans = (matrices > 0.3).astype(int).tolist()
    check(ours, outcome(booleans), mistakes["no normalisation"])


def test_mistake_all_ones_off_the_diagonal(matrices, mistakes, ours):
    booleans = np.array(clip_all(matrices))
    noise = (booleans & ~np.eye(4, dtype=bool)).sum(axis=(1, 2)).tolist()
    check(ours, {"noise": noise}, mistakes["all ones off the diagonal as noise"])


def test_mistake_cluster_size_averaged_per_filter(case_1, mistakes, ours):
    means = [np.mean([len(c) for c in clusters]) for clusters in case_1["clusters"] if clusters]
    wrong = {"cluster_size": np.mean(means)}
    check(ours, wrong, mistakes["cluster size averaged per filter"])


def test_mistake_clusters_over_filters_that_have_one(case_1, mistakes, ours):
    wrong = {"clusters": np.mean([len(clusters) for clusters in case_1["clusters"] if clusters])}
    check(ours, wrong, mistakes["clusters per filter over filters that have one"])
