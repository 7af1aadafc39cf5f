"""Which labels the nodes of each attention head recognise, against heads of random nodes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sfp_keras.errors import as_whole
from sfp_keras.filters.clusters import FilterClusters, check_clusters, check_same_layer
from sfp_keras.filters.fields import FilterFields
from sfp_keras.filters.grouping import check_groups
from sfp_keras.short_repr import ShortRepr

if TYPE_CHECKING:
    import pandas as pd

# Numbers of one block of assignments of nodes to heads.
_BLOCK = 2**20
# Sums of the same numbers in another order are equal.
_ROUNDING = 1e-9


@dataclass(frozen=True, eq=False, repr=False)
class HeadShares(ShortRepr):
    """How much of each label each head has, and how much heads of random nodes would have.

    A label that no head has is led by none: its shares and its p-value are NaN.

    Attributes:
        matrix: array `(H, K)`, not negative. What head `h` has of label `j`.
        expected_share: float64 array `(K,)`. The share of each label's strongest head, averaged
            over random assignments of the nodes to heads. It is above `1 / H`, more so the fewer
            nodes have the label.
        label_p_values: float64 array `(K,)`. How often the strongest head of random nodes has
            as large a share of the label, or a larger one.
        expected_mean_share: `float`. `mean_share`, averaged over the random assignments.
        p_value: `float`. How often `mean_share` of random assignments is as large, or larger.
    """

    matrix: np.ndarray
    expected_share: np.ndarray
    label_p_values: np.ndarray
    expected_mean_share: float
    p_value: float

    @property
    def shares(self) -> np.ndarray:
        """Share of each head in each label, float64 `(H, K)`; columns add up to 1."""
        totals = self.matrix.sum(axis=0, dtype=np.float64)
        return np.divide(
            self.matrix, totals, out=np.full(self.matrix.shape, np.nan), where=totals > 0
        )

    @property
    def share(self) -> np.ndarray:
        """Share of each label's strongest head, float64 `(K,)`: from `1 / H` to 1."""
        return self.shares.max(axis=0)

    @property
    def mean_share(self) -> float:
        """Mean of `share` over the labels that a head has; NaN where there is none."""
        found = self.share[~np.isnan(self.share)]
        return float(found.mean()) if found.size else np.nan

    @property
    def leads(self) -> np.ndarray:
        """bool `(H, K)`: whether no head has more of the label than this one, which has some."""
        return (self.matrix == self.matrix.max(axis=0)) & (self.matrix > 0)

    @property
    def leading_head(self) -> np.ndarray:
        """The strongest head of each label, int64 `(K,)`: the first of equals, -1 for none."""
        leads = self.leads
        return np.where(leads.any(axis=0), leads.argmax(axis=0), -1)

    @property
    def labels_led(self) -> np.ndarray:
        """Number of labels that each head leads, float64 `(H,)`; equals have equal parts of one."""
        return (self.leads / np.maximum(self.leads.sum(axis=0), 1)).sum(axis=1)


@dataclass(frozen=True, eq=False, repr=False)
class HeadSpecialization(ShortRepr):
    """Which labels each head is for: the head by label matrix, by nodes and by fields.

    Attributes:
        nodes: `HeadShares`. `matrix` counts the nodes of head `h` with label `j` in a cluster,
            int64.
        fields: `HeadShares`, or `None` without fields. `matrix` is the sum of the fields of
            these nodes on the label's own unit, mean over its inputs, float64.
        nodes_per_head: `int`.
        permutations: `int`. Random assignments of nodes to heads.
    """

    nodes: HeadShares
    fields: HeadShares | None
    nodes_per_head: int
    permutations: int

    @property
    def num_heads(self) -> int:
        """Number of heads, `H`."""
        return len(self.nodes.matrix)

    def to_frame(self) -> pd.DataFrame:
        """A table with a row for each label: nodes of each head, leading head, shares, p-values."""
        import pandas as pd

        nodes = self.nodes
        columns = {f"nodes_head{h}": row for h, row in enumerate(nodes.matrix)}
        columns |= _columns(nodes, "")
        if self.fields is not None:
            columns |= {f"field_head{h}": row for h, row in enumerate(self.fields.matrix)}
            columns |= _columns(self.fields, "field_")
        return pd.DataFrame(columns).rename_axis("label")


def _columns(shares: HeadShares, prefix: str) -> dict[str, np.ndarray]:
    return {
        f"{prefix}leading_head": shares.leading_head,
        f"{prefix}share": shares.share,
        f"{prefix}expected_share": shares.expected_share,
        f"{prefix}p_value": shares.label_p_values,
    }


def head_specialization(
    clusters: FilterClusters,
    heads: int,
    fields: FilterFields | None = None,
    *,
    permutations: int = 9999,
    seed: int = 0,
) -> HeadSpecialization:
    """Find which labels each head of an attention layer is for, and test it against chance.

    The filters of the layer are nodes, those of a head one behind another: of `F` nodes the first
    `F / heads` are head 0's. Under the null hypothesis a node's labels do not depend on its head:
    nodes are assigned to heads at random, with all their labels, so many to each as it has. The
    p-value is `(1 + assignments with as large a value) / (1 + assignments)`.

    Example:

    ```python
    found = head_specialization(clusters, heads=4)
    found.nodes.matrix       # (4, K): nodes of each head with each label in a cluster
    found.nodes.share        # (K,): share of each label's strongest head, to compare with
    found.nodes.expected_share   # (K,): that of heads of random nodes
    found.nodes.p_value      # of the mean share
    ```

    Args:
        clusters: `FilterClusters` of the layer.
        heads: `int`. Number of heads; it divides the number of nodes.
        fields: `FilterFields` the clusters were found in, for the field version. Default None:
            counts alone.
        permutations: `int`, default 9999. Random assignments. No p-value is below
            `1 / (1 + permutations)`.
        seed: `int`, not negative, default 0. Of the assignments.

    Returns:
        `HeadSpecialization`.

    Raises:
        InputError: if `heads` does not divide the nodes, fields and clusters differ in shape, or
            `permutations` or `seed` is no whole number in its range.

    Source: "head symmetry breaking" of arXiv:2501.12900, after its abstract. The matrix, the
    shares and the test are this package's.
    """
    check_clusters(clusters)
    check_groups(heads, clusters.num_filters)
    size = clusters.num_filters // heads
    permutations, seed = as_whole("permutations", permutations, 1), as_whole("seed", seed, 0)
    node, label = np.nonzero(clusters.in_cluster)
    members = _Members(node // size, node, label, heads, clusters.num_labels)
    ones = np.ones(node.size, np.int64)
    nodes = _head_shares(members, ones, size, permutations, seed)
    of_fields = None
    if fields is not None:
        check_same_layer(clusters, fields)
        own = _own_fields(fields)[node, label]
        of_fields = _head_shares(members, own, size, permutations, seed)
    return HeadSpecialization(nodes, of_fields, size, permutations)


class _Members(NamedTuple):
    """Nodes with labels in their clusters: a head, a node and a label for each such pair."""

    head: np.ndarray
    node: np.ndarray
    label: np.ndarray
    num_heads: int
    num_labels: int


def _own_fields(fields: FilterFields) -> np.ndarray:
    """Mean field of each node on each label's own unit, float64 `(F, K)`."""
    return np.einsum("kpf,pfk->fk", fields.features, fields.kernel, dtype=np.float64)


def _head_shares(
    members: _Members, weights: np.ndarray, size: int, permutations: int, seed: int
) -> HeadShares:
    heads, labels = members.num_heads, members.num_labels
    matrix = np.zeros((heads, labels), weights.dtype)
    np.add.at(matrix, (members.head, members.label), weights)
    totals = matrix.sum(axis=0)
    present = totals > 0
    share = matrix.max(axis=0)[present] / totals[present]
    sums, as_large = np.zeros(share.size), np.zeros(share.size, np.int64)
    means_as_large = 0
    for maxima in _maxima_of_random_heads(members, weights, size, permutations, seed):
        shares = maxima[:, present] / totals[present]
        sums += shares.sum(axis=0)
        as_large += (shares >= share * (1 - _ROUNDING)).sum(axis=0)
        if share.size:
            means_as_large += int((shares.mean(axis=1) >= share.mean() * (1 - _ROUNDING)).sum())
    expected, p_values = np.full((2, labels), np.nan)
    expected[present] = sums / permutations
    p_values[present] = (1 + as_large) / (1 + permutations)
    if not share.size:
        return HeadShares(matrix, expected, p_values, np.nan, np.nan)
    p_value = (1 + means_as_large) / (1 + permutations)
    return HeadShares(matrix, expected, p_values, float(expected[present].mean()), p_value)


def _maxima_of_random_heads(
    members: _Members, weights: np.ndarray, size: int, permutations: int, seed: int
) -> Iterator[np.ndarray]:
    """The largest sum of any head, of each label: `(n, K)` for blocks of random assignments."""
    _, node, label, heads, labels = members
    random = np.random.default_rng(seed)
    head_of = np.repeat(np.arange(heads), size)
    together = max(1, _BLOCK // max(node.size, heads * labels, head_of.size))
    for start in range(0, permutations, together):
        count = min(together, permutations - start)
        assigned = random.permuted(np.tile(head_of, (count, 1)), axis=1)
        first_cell = np.arange(count)[:, None] * heads * labels
        cells = first_cell + assigned[:, node] * labels + label
        sums = np.bincount(cells.ravel(), np.tile(weights, count), count * heads * labels)
        yield sums.reshape(count, heads, labels).max(axis=1)
