"""What is kept of links: AFCC's kernels, and controls of the same size."""

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from sfp_keras.afcc.expected_share import expected_share
from sfp_keras.afcc.links import Link
from sfp_keras.afcc.masks import magnitude_mask, random_label_mask
from sfp_keras.data import random_words
from sfp_keras.filters import FilterClusters


@dataclasses.dataclass(frozen=True, eq=False)
class ZeroedLink:
    """A link that is to be masked, and what masks are made from.

    Attributes:
        link: `Link`.
        kernel: the weights of its layer, as they are now.
        clusters: `FilterClusters` of its sources and its target, by the paths of the stages.
        seed: `int`. Of random masks.
        random_labels: `int`. Labels a filter in Random AFCC.
    """

    link: Link
    kernel: np.ndarray
    clusters: Mapping[str, FilterClusters]
    seed: int = 0
    random_labels: int = 5

    @functools.cached_property
    def mask(self) -> np.ndarray:
        """AFCC's mask, bool, of the kernel's shape."""
        return self.masked_by(self.clusters)

    @property
    def kept(self) -> int:
        """Weights that AFCC keeps."""
        return int(self.mask.sum())

    @property
    def num_labels(self) -> int:
        """K."""
        return self.clusters[self.link.sources[0]].num_labels

    @property
    def stages(self) -> list[str]:
        """Paths of the stages whose labels decide."""
        target = [] if self.link.target is None else [self.link.target]
        return list(dict.fromkeys([*self.link.sources, *target]))

    @functools.cached_property
    def ends(self) -> tuple[np.ndarray, np.ndarray]:
        """Which filter each weight comes from and leads to; arrays of the kernel's shape."""
        inputs = self.link.inputs[:, None]
        outputs = np.arange(self.kernel.shape[self.link.axes.output])[None]
        source, target = (
            np.broadcast_to(self.link.in_kernel(end), self.kernel.shape)
            for end in np.broadcast_arrays(inputs, outputs)
        )
        return source, target

    @functools.cached_property
    def units(self) -> np.ndarray:
        """Which kernel, from a filter to a filter, each weight is in: numbers from 0."""
        source, target = self.ends
        _, numbers = np.unique(source * (target.max() + 1) + target, return_inverse=True)
        return numbers.reshape(self.kernel.shape)

    def masked_by(self, labels: Mapping[str, FilterClusters | np.ndarray]) -> np.ndarray:
        """The mask of some label sets, of the kernel's shape."""
        return np.broadcast_to(self.link.mask(labels), self.kernel.shape)

    def expected_share(self, num_labels: int | None = None) -> float:
        """The share that label sets keep which are drawn at random.

        Args:
            num_labels: `int`. Labels of each filter. Defaults to those in its clusters.
        """
        counts = {path: self.clusters[path].in_cluster.sum(axis=1) for path in self.stages}
        if num_labels is not None:
            alike = min(num_labels, self.num_labels)
            counts = {path: np.full_like(of, alike) for path, of in counts.items()}
        sources = np.concatenate([counts[path] for path in self.link.sources])[self.link.inputs]
        target = None if self.link.target is None else counts[self.link.target]
        return expected_share(sources, target, self.num_labels)


Masks = list[np.ndarray]


@dataclasses.dataclass(frozen=True)
class LinkVariant:
    """What is kept of links.

    Attributes:
        name: `str`. In commands and in results.csv.
        title: `str`. In tables and figures.
        colour: `str`. In figures; safe for the colour-blind (after Okabe and Ito).
        masks: makes a mask of each link that is masked at once, bool, of its kernel's shape, with
            the size of AFCC's unless it says otherwise; `None` where all weights are kept.
        of_clusters: whether masks depend on the clusters.
        of_several: whether it is made of several links at once only, and else equals another.
        of_filters: whether it is made of links between filters only, and else equals AFCC.
        of_labels: whether filters keep kernels where they share a label, of label sets that may
            share none.
    """

    name: str
    title: str
    colour: str
    masks: Callable[[Sequence[ZeroedLink]], Masks] | None
    of_clusters: bool = True
    of_several: bool = False
    of_filters: bool = False
    of_labels: bool = False

    def is_made_of(self, links: Sequence[Link]) -> bool:
        """Whether the variant is made of these links, masked at once."""
        if self.of_several and len(links) < 2:
            return False
        return not self.of_filters or any(link.target is not None for link in links)


def _each(mask: Callable[[ZeroedLink], np.ndarray]) -> Callable[[Sequence[ZeroedLink]], Masks]:
    return lambda links: [mask(one) for one in links]


def random_labels(one: ZeroedLink) -> np.ndarray:
    """Label sets drawn at random, as many labels a filter, every label equally often.

    Both ends of a link get others. The share kept is what chance gives, near `expected_share`.
    """
    return one.masked_by(
        {path: _random(one, path, one.clusters[path].in_cluster) for path in one.stages}
    )


def random_afcc(one: ZeroedLink) -> np.ndarray:
    """Random AFCC of paper 2501.12880: the same number of labels for every filter.

    Every label is used equally often. The share kept is not AFCC's.
    """
    count = min(one.random_labels, one.num_labels)
    row = np.arange(one.num_labels) < count
    alike = {path: np.tile(row, (one.clusters[path].num_filters, 1)) for path in one.stages}
    return one.masked_by({path: _random(one, path, sizes) for path, sizes in alike.items()})


def _random(one: ZeroedLink, path: str, sizes: np.ndarray) -> np.ndarray:
    # A stage has the same random labels at all links it belongs to.
    seed = int(random_words(1, f"labels of {path}", one.seed)[0])
    return random_label_mask(sizes[None], seed)[0]


def random_kernels(one: ZeroedLink) -> np.ndarray:
    """As many kernels, from a filter to a filter, drawn at random."""
    words = random_words(int(one.units.max()) + 1, f"kernels of {one.link.layer}", one.seed)
    return _first_units(one, np.argsort(words, kind="stable"))


def largest_kernels(one: ZeroedLink) -> np.ndarray:
    """As many kernels, those with the largest sum of absolute weights."""
    sums = np.bincount(one.units.ravel(), np.abs(one.kernel).ravel().astype(np.float64))
    return _first_units(one, np.argsort(-sums, kind="stable"))


def _first_units(one: ZeroedLink, order: np.ndarray) -> np.ndarray:
    kept = np.zeros(len(order), bool)
    kept[order[: len(np.unique(one.units[one.mask]))]] = True
    return kept[one.units]


def largest_filters(one: ZeroedLink) -> np.ndarray:
    """Whole filters of the sources, those with the largest sum of absolute weights in the link.

    All kernels from the others are zero. As whole filters are kept, the number of weights is the
    nearest to AFCC's, and not zero.
    """
    source = one.ends[0].ravel()
    sums = np.bincount(source, np.abs(one.kernel).ravel().astype(np.float64))
    order = np.argsort(-sums, kind="stable")
    sizes = np.cumsum(np.bincount(source)[order])
    kept = np.zeros(len(order), bool)
    kept[order[: int(np.abs(sizes - one.kept).argmin()) + 1]] = True
    return kept[one.ends[0]]


def largest_weights(one: ZeroedLink) -> np.ndarray:
    """As many weights, the largest of the link."""
    return magnitude_mask(one.kernel, one.kept)


def largest_of_all(links: Sequence[ZeroedLink]) -> Masks:
    """As many weights as AFCC keeps of all links together, the largest among all of them.

    A link keeps one weight at least.
    """
    sizes = np.abs(np.concatenate([one.kernel.ravel() for one in links]))
    begins = np.cumsum([0, *(one.kernel.size for one in links)])
    for one, begin in zip(links, begins, strict=False):
        sizes[begin + int(np.abs(one.kernel).argmax())] = np.inf
    mask = magnitude_mask(sizes, sum(one.kept for one in links))
    parts = np.split(mask, begins[1:-1])
    return [part.reshape(one.kernel.shape) for part, one in zip(parts, links, strict=True)]


def published_script(one: ZeroedLink) -> np.ndarray:
    """What the published script of paper 2501.12880 keeps of kernels between filters.

    Its list of a layer's clusters is indexed by the number of the filter: filter f gets the labels
    of the layer's f-th cluster, which are its own only where every filter has one cluster. The
    number of kernels is what comes out. A link to the labels is AFCC's.
    """
    if one.link.target is None:
        return one.mask
    return one.masked_by({path: _flat_labels(one.clusters[path]) for path in one.stages})


def _flat_labels(clusters: FilterClusters) -> np.ndarray:
    labels = np.zeros(clusters.in_cluster.shape, bool)
    flat = (found for f in range(clusters.num_filters) for found in clusters.members(f))
    for row, members in zip(labels, flat, strict=False):
        row[members] = True
    return labels


# In the order in which they are made.
LINK_VARIANTS: dict[str, LinkVariant] = {
    variant.name: variant
    for variant in (
        LinkVariant("clusters", "AFCC", "#0072B2", _each(lambda one: one.mask), of_labels=True),
        LinkVariant("full", "all weights", "#555555", None, of_clusters=False),
        LinkVariant("random", "random labels", "#E69F00", _each(random_labels), of_labels=True),
        LinkVariant("random_kernels", "random kernels", "#B8860B", _each(random_kernels)),
        LinkVariant("magnitude", "largest weights", "#009E73", _each(largest_weights)),
        LinkVariant("magnitude_kernels", "largest kernels", "#56B4E9", _each(largest_kernels)),
        LinkVariant(
            "magnitude_global", "largest of all links", "#004D40", largest_of_all, of_several=True
        ),
        LinkVariant("l1_structured", "largest filters (L1)", "#D55E00", _each(largest_filters)),
        LinkVariant(
            "published_script",
            "published script",
            "#CC79A7",
            _each(published_script),
            of_filters=True,
            of_labels=True,
        ),
        LinkVariant(
            "random_afcc",
            "Random AFCC",
            "#882255",
            _each(random_afcc),
            of_clusters=False,
            of_labels=True,
        ),
        # The same masks: `diagonal_labels` are the labels in clusters.
        LinkVariant("diagonal", "ANDC", "#994F00", _each(lambda one: one.mask), of_labels=True),
    )
}
