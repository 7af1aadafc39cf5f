"""Which weights of links are kept, against literal loops, and that controls have one size."""

import itertools
import math

import keras
import numpy as np
import pytest

from sfp_keras import FilterClusters
from sfp_keras.afcc import LINK_VARIANTS, ZeroedLink, links
from sfp_keras.afcc.expected_share import expected_share
from sfp_keras.models.rebuilding import layers_by_path

LABELS = 6


def network() -> keras.Model:
    """A convolution, one behind a concatenation, a dense layer behind a flattening, the labels."""
    inputs = keras.Input((4, 4, 2))
    one = keras.layers.Conv2D(5, 3, padding="same", name="one")(inputs)
    two = keras.layers.Conv2D(4, 3, padding="same", name="two")(one)
    both = keras.layers.Concatenate(name="both")([one, two])
    x = keras.layers.Conv2D(7, 3, padding="same", strides=2, name="three")(both)
    x = keras.layers.Dense(8, name="four")(keras.layers.Flatten()(x))
    return keras.Model(inputs, keras.layers.Dense(LABELS, name="output")(x))


def clusters(filters: int, seed: int) -> FilterClusters:
    rng = np.random.default_rng(seed)
    numbers = np.where(
        rng.random((filters, LABELS)) < 0.4, rng.integers(0, 3, (filters, LABELS)), -1
    )
    numbers[0] = -1
    for row in numbers:
        for new, old in enumerate(np.unique(row[row >= 0])):
            row[row == old] = new
    return FilterClusters(numbers, np.ones((filters, LABELS), int))


@pytest.fixture(scope="module")
def zeroed() -> dict[str, ZeroedLink]:
    net = network()
    layers = layers_by_path(net)
    found = {
        path: clusters(layers[path].output.shape[-1], seed)
        for seed, path in enumerate(("one", "two", "three", "four"))
    }
    return {
        link.layer: ZeroedLink(link, layers[link.layer].get_weights()[0], found, 3, 2)
        for link in links(net)
    }


def labels_of(one: ZeroedLink, path: str, f: int) -> set[int]:
    return {label for members in one.clusters[path].members(f) for label in members}


def source_of(one: ZeroedLink, row: int) -> tuple[str, int]:
    """Stage and filter of an input of a kernel, as the network above lays them out."""
    if one.link.layer == "three":
        return ("one", row) if row < 5 else ("two", row - 5)
    if one.link.layer == "four":
        return "three", row % 7
    return one.link.sources[0], row


def test_afcc_keeps_kernels_of_filters_with_a_common_label(zeroed: dict[str, ZeroedLink]) -> None:
    assert set(zeroed) == {"two", "three", "four", "output"}
    for one in zeroed.values():
        *_, rows, columns = one.kernel.shape
        for row, column in itertools.product(range(rows), range(columns)):
            of_source = labels_of(one, *source_of(one, row))
            target = one.link.target
            of_target = {column} if target is None else labels_of(one, target, column)
            assert (one.mask[..., row, column] == bool(of_source & of_target)).all()
        (diagonal,) = LINK_VARIANTS["diagonal"].masks([one])
        assert (diagonal == one.mask).all()


def test_the_published_script_takes_the_labels_of_the_cluster_with_a_filters_number(
    zeroed: dict[str, ZeroedLink],
) -> None:
    one = zeroed["two"]
    flat = {
        path: [m for f in range(found.num_filters) for m in found.members(f)]
        for path, found in one.clusters.items()
    }
    (mask,) = LINK_VARIANTS["published_script"].masks([one])
    for a, b in itertools.product(range(5), range(4)):
        source, target = (
            set(flat[p][n]) if n < len(flat[p]) else set() for p, n in (("one", a), ("two", b))
        )
        assert (mask[..., a, b] == bool(source & target)).all()
    (mask,) = LINK_VARIANTS["published_script"].masks([zeroed["output"]])
    assert (mask == zeroed["output"].mask).all()


@pytest.mark.parametrize("layer", ["two", "three", "four", "output"])
def test_controls_keep_as_many(layer: str, zeroed: dict[str, ZeroedLink]) -> None:
    one = zeroed[layer]
    made = {
        name: variant.masks([one])[0]
        for name, variant in LINK_VARIANTS.items()
        if variant.masks and variant.is_made_of([one.link])
    }
    for name in ("random_kernels", "magnitude", "magnitude_kernels"):
        assert made[name].sum() == one.kept, name
        assert (made[name] != one.mask).any()
    for name in ("random_kernels", "magnitude_kernels", "random", "random_afcc", "clusters"):
        # Whole kernels, all positions of one filter alike.
        for unit in range(one.units.max() + 1):
            assert len(set(made[name][one.units == unit])) == 1
    lost = np.abs(one.kernel)[~made["magnitude"]]
    assert np.abs(one.kernel)[made["magnitude"]].min() >= lost.max()
    if layer == "output":
        assert made["random"].sum() == one.kept
    of_filters = [np.flatnonzero(one.link.inputs == f) for f in range(one.link.inputs.max() + 1)]
    whole = [made["l1_structured"][..., rows, :] for rows in of_filters]
    assert all(kept.all() or not kept.any() for kept in whole)
    sums = np.array([np.abs(one.kernel[..., rows, :]).sum() for rows in of_filters])
    chosen = np.array([kept.all() for kept in whole])
    assert sums[chosen].min() >= sums[~chosen].max(initial=0)
    width = one.kernel.size / len(of_filters)
    assert abs(made["l1_structured"].sum() - one.kept) <= max(width / 2, width - one.kept)


def test_random_labels_have_the_clusters_sizes_and_one_seed(zeroed: dict[str, ZeroedLink]) -> None:
    def drawn(one: ZeroedLink) -> dict[str, np.ndarray]:
        seen = {}
        link = type("Asked", (), {"mask": lambda self, labels: seen.update(labels) or one.mask})()
        for name in ("sources", "target", "layer", "inputs"):
            setattr(link, name, getattr(one.link, name))
        asked = ZeroedLink(link, one.kernel, one.clusters, one.seed)
        LINK_VARIANTS["random"].masks([asked])
        return seen

    first, second = drawn(zeroed["three"]), drawn(zeroed["four"])
    assert set(first) == {"one", "two", "three"}
    np.testing.assert_array_equal(first["three"], second["three"])
    for path, sets in {**first, **second}.items():
        mine = zeroed["four"].clusters[path].in_cluster
        np.testing.assert_array_equal(sets.sum(axis=1), mine.sum(axis=1))
        used = sets.sum(axis=0)
        assert used.max() - used.min() <= 1


def test_the_largest_of_all_links_keep_as_many_as_all_of_them(
    zeroed: dict[str, ZeroedLink],
) -> None:
    every = list(zeroed.values())
    variant = LINK_VARIANTS["magnitude_global"]
    assert variant.is_made_of([one.link for one in every])
    assert not variant.is_made_of([every[0].link])
    masks = variant.masks(every)
    assert sum(int(mask.sum()) for mask in masks) == sum(one.kept for one in every)
    kept = min(np.abs(one.kernel)[m].min() for one, m in zip(every, masks, strict=True))
    assert kept >= max(np.abs(one.kernel)[~m].max() for one, m in zip(every, masks, strict=True))


def test_shares_of_random_label_sets() -> None:
    for count, share in ((5, 0.230), (4, 0.153), (3, 0.088), (10, 0.67)):
        sizes = np.full(9, count)
        assert expected_share(sizes, sizes, 100) == pytest.approx(share, abs=0.005)
    rng = np.random.default_rng(0)
    s, t = rng.integers(0, 9, 20), rng.integers(0, 9, 30)
    literal = np.mean([1 - math.comb(8 - a, b) / math.comb(8, b) for a in s for b in t])
    assert expected_share(s, t, 8) == pytest.approx(literal)
    assert expected_share(s, None, 8) == pytest.approx(s.mean() / 8)


def test_random_afcc_keeps_what_the_paper_says() -> None:
    net = keras.Sequential(
        [
            keras.Input((1, 1, 1)),
            keras.layers.Conv2D(200, 1, name="one"),
            keras.layers.Conv2D(200, 1, name="two"),
            keras.layers.Flatten(),
            keras.layers.Dense(100, name="output"),
        ]
    )
    numbers = FilterClusters(np.zeros((200, 100), int), np.ones((200, 100), int))
    of = {"one": numbers, "two": numbers}
    between, output = (
        ZeroedLink(link, np.zeros(link.kernel_shape, np.float32), of) for link in links(net)
    )
    (mask,) = LINK_VARIANTS["random_afcc"].masks([output])
    assert mask.mean() == pytest.approx(0.05)
    assert output.expected_share(5) == pytest.approx(0.05)
    assert set(mask.sum(axis=0)) == {10}
    (mask,) = LINK_VARIANTS["random_afcc"].masks([between])
    assert between.expected_share(5) == pytest.approx(0.230, abs=0.001)
    assert mask.mean() == pytest.approx(0.230, abs=0.01)
