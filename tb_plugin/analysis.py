"""Clusters and statistics of measurements, computed by `sfp_keras.filters` and kept in a cache."""

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters import (
    FilterClusters,
    FilterFields,
    HeadSpecialization,
    LabelStatistics,
    LayerStatistics,
    filter_columns,
    find_clusters,
    follow_clusters,
    head_specialization,
    label_statistics,
    layer_statistics,
)
from sfp_keras.monitoring.schema import Header
from tb_plugin.answers import Answer, notice
from tb_plugin.cache import ByteCache
from tb_plugin.concurrency import WorkLimit
from tb_plugin.following import check_steps
from tb_plugin.provider import UNREADABLE
from tb_plugin.reader import LogReader, Measurement

# Of attention heads: no p-value is below 0.001, and a stage takes a tenth of a second.
PERMUTATIONS = 999
# What an entry of the cache takes beside its arrays.
_ENTRY = 2048
# Work on whole stages, and on pages of filters, that runs at a time: each holds some blocks of
# matrices, and more at once than there are processors would only make all of it later.
STAGES_AT_ONCE = 2
PAGES_AT_ONCE = 2
# Work without matrices is many small steps: two threads would hand Python's lock to and fro at each
# of them, and both together take longer than one after the other.
WITHOUT_MATRICES_AT_ONCE = 1
# Work of this cost takes a tenth of a second, and one more of it runs beside the others.
SMALL_COST = 2**29


@dataclasses.dataclass(frozen=True)
class Followed:
    """Clusters followed over steps: columns of each step and of each filter, and what is left out.

    Attributes:
        steps: dict from keys to columns `(S,)`.
        filters: dict from keys to columns `(F,)`.
        notices: why steps are left out.
    """

    steps: dict[str, np.ndarray]
    filters: dict[str, np.ndarray]
    notices: list[str]

    def num_bytes(self) -> int:
        """The bytes that it holds."""
        columns = [*self.steps.values(), *self.filters.values()]
        return _ENTRY + sum(column.nbytes for column in columns)


class Analysis:
    """What follows from a measurement at a threshold.

    Whole stages are computed once and kept; of single filters only those asked for are computed,
    so that a page of a large stage comes at once. Where a stage cannot be computed an
    `InputError` or what `LogReader` raises says why.

    Args:
        reader: `LogReader`.
        cache: `ByteCache`.
    """

    def __init__(self, reader: LogReader, cache: ByteCache):
        self._reader = reader
        self._cache = cache
        self._stages = WorkLimit(STAGES_AT_ONCE, SMALL_COST)
        self._without_matrices = WorkLimit(WITHOUT_MATRICES_AT_ONCE, SMALL_COST)
        self._pages = WorkLimit(PAGES_AT_ONCE, SMALL_COST)

    def clusters(
        self, ctx: Any, measurement: Measurement, threshold: float, keep: bool = True
    ) -> FilterClusters:
        """The clusters of all filters."""
        return self._whole(
            measurement,
            ("clusters", measurement.identity, threshold),
            lambda: find_clusters(self._reader.fields(ctx, measurement), threshold),
            _clusters_bytes,
            keep,
        )

    def layer_statistics(
        self, ctx: Any, measurement: Measurement, threshold: float, keep: bool = True
    ) -> LayerStatistics:
        """The averages over all filters.

        They are always kept; `keep` says whether the clusters behind them are too, which a walk
        through all steps had better not ask for.
        """
        return self._whole(
            measurement,
            ("layer", measurement.identity, threshold),
            lambda: layer_statistics(self.clusters(ctx, measurement, threshold, keep)),
            lambda made: _ENTRY + 128 * len(made.size_fractions),
        )

    def label_statistics(
        self, ctx: Any, measurement: Measurement, threshold: float
    ) -> LabelStatistics:
        """Signal and noise of each label, also of fields."""
        return self._whole(
            measurement,
            ("labels", measurement.identity, threshold),
            lambda: label_statistics(
                self.clusters(ctx, measurement, threshold), self._reader.fields(ctx, measurement)
            ),
            lambda made: _ENTRY + 7 * made.appearances.nbytes,
        )

    def head_specialization(
        self, ctx: Any, measurement: Measurement, threshold: float, keep: bool = True
    ) -> HeadSpecialization:
        """Which labels each attention head is for, of a stage that has heads.

        It is always kept; `keep` is as of `layer_statistics`.
        """
        return self._whole(
            measurement,
            ("heads", measurement.identity, threshold),
            lambda: head_specialization(
                self.clusters(ctx, measurement, threshold, keep),
                measurement.header.heads or 1,
                self._reader.fields(ctx, measurement),
                permutations=PERMUTATIONS,
            ),
            lambda made: _ENTRY + 2 * made.nodes.matrix.nbytes + 32 * made.nodes.share.nbytes,
        )

    def followed(self, ctx: Any, measurements: Sequence[Measurement], threshold: float) -> Followed:
        """What is said of each step, and of each filter, where clusters are followed over steps.

        The clusters of each step are not kept.

        Raises:
            NotFound: if those of fewer than two can be computed.
        """

        def compute() -> Followed:
            clusters, notices = {}, []
            for at in measurements:
                # Each waits for a turn of its own, so that others are not kept waiting by all.
                try:
                    clusters[at.step] = self.clusters(ctx, at, threshold, keep=False)
                except (InputError, *UNREADABLE) as error:
                    notices.append(notice(at.run, at.stage, at.step, error))
            check_steps(measurements[0].stage, len(clusters))
            found = follow_clusters(clusters)
            return Followed(found.step_columns(), found.filter_columns(), notices)

        return self._cache.get(
            ("followed", *(at.identity for at in measurements), threshold),
            compute,
            Followed.num_bytes,
        )

    def filters_of_fields(self, ctx: Any, measurement: Measurement) -> dict[str, np.ndarray]:
        """What is the same of each filter at every threshold, by key: statistics, `own_label`."""
        return self._whole(
            measurement,
            ("filters", measurement.identity),
            lambda: self._of_fields(self._reader.fields(ctx, measurement)),
            lambda made: _ENTRY + sum(column.nbytes for column in made.values()),
        )

    @staticmethod
    def _of_fields(fields: FilterFields) -> dict[str, np.ndarray]:
        return {**filter_columns(fields), "own_label": own_labels(fields)}

    def of_some(
        self,
        ctx: Any,
        measurement: Measurement,
        filters: list[int],
        key: tuple,
        answer: Callable[[FilterFields], Answer],
    ) -> Answer:
        """What is answered about some filters alone, kept for others who ask the same.

        Args:
            ctx: TensorBoard's context of the request.
            measurement: `Measurement`.
            filters: the filters' numbers.
            key: what the answer depends on beside these.
            answer: makes it from the fields of these filters, in the order given.
        """
        return self.of_some_over_steps(
            ctx, [measurement], filters, key, lambda fields: answer(fields[measurement.step])
        )

    def of_some_over_steps(
        self,
        ctx: Any,
        measurements: Sequence[Measurement],
        filters: list[int],
        key: tuple,
        answer: Callable[[dict[int, FilterFields]], Answer],
    ) -> Answer:
        """The same about several steps; `answer` makes it from their fields, by step."""
        whole = (*key, *(at.identity for at in measurements), tuple(filters))
        found = self._cache.kept(whole)
        if found is None:
            with _turn(self._pages, measurements[-1], len(filters) * len(measurements)):
                found = self._cache.get(
                    whole,
                    lambda: answer(self._some_of(ctx, measurements, filters)),
                    lambda made: _ENTRY + len(made.content),
                )
        return found

    def _some_of(
        self, ctx: Any, measurements: Sequence[Measurement], filters: list[int]
    ) -> dict[int, FilterFields]:
        """Fields of some filters by step; of several steps, those that can be read."""
        found = {}
        for at in measurements:
            try:
                found[at.step] = self._some(ctx, at, filters)
            except UNREADABLE:
                if len(measurements) == 1:
                    raise
        return found

    def _some(self, ctx: Any, measurement: Measurement, filters: list[int]) -> FilterFields:
        fields = self._reader.fields(ctx, measurement)
        # The same numbers to the last bit: each filter's matrix is a product of its own.
        return FilterFields(
            fields.features[:, :, filters],
            fields.kernel[:, filters],
            fields.label_counts,
            fields.position_shape,
        )

    def _whole(
        self,
        measurement: Measurement,
        key: tuple,
        compute: Callable[[], Any],
        num_bytes: Callable[[Any], int],
        keep: bool = True,
    ) -> Any:
        """What is kept of a whole stage, at once, or computed when a slot is free."""
        found = self._cache.kept(key)
        if found is None:
            # The slot comes first: a thread that waits for one holds nothing that takes memory, and
            # one that waits for another's computation waits for a thread that has a slot.
            header = measurement.header
            limit = self._without_matrices if _without_matrices(header) else self._stages
            with _turn(limit, measurement, header.filters):
                found = self._cache.get(key, compute, num_bytes, keep)
        return found


def own_labels(fields: FilterFields) -> np.ndarray:
    """The label with the largest element on the diagonal of each filter's matrix, int64 `(F,)`.

    It is in a cluster, unless the filter has none.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # What overflows is refused by its matrix.
        return np.einsum("ipf,pfi->fi", fields.features, fields.kernel).argmax(axis=1)


def strongest_labels(own: np.ndarray, clusters: FilterClusters) -> np.ndarray:
    """`own_labels` where these are in a cluster, else `None`; an array of objects `(F,)`."""
    clustered = clusters.in_cluster[np.arange(len(own)), own]
    strongest = own.astype(object)
    strongest[~clustered] = None
    return strongest


@contextlib.contextmanager
def _turn(limit: WorkLimit, measurement: Measurement, filters: int) -> Iterator[None]:
    """Wait for a turn of the measurement's stage, to work on some of its filters."""
    experiment, run, *_ = measurement.identity
    with limit.slot((experiment, run, measurement.stage), _cost(measurement.header, filters)):
        try:
            yield
        except MemoryError:
            raise InputError("it needs more memory than there is") from None


def _without_matrices(header: Header) -> bool:
    """`FilterFields.without_matrices`."""
    return header.positions == 1 and len(header.label_counts) >= 128


def _cost(header: Header, filters: int) -> float:
    """The work on some filters, in products of factors; what each step takes was measured."""
    labels, positions = len(header.label_counts), header.positions
    reading = 32 * labels * positions * header.filters
    if _without_matrices(header):
        return reading + filters * (200_000 + 350 * labels)
    return reading + filters * labels**2 * (positions + 8)


def _clusters_bytes(clusters: FilterClusters) -> int:
    # The table of sizes, which is made when first asked for and stays, counts as well.
    most = int(clusters.num_clusters.max())
    table = clusters.num_filters * most * np.dtype(np.int64).itemsize
    return _ENTRY + clusters.cluster_id.nbytes + clusters.ones_per_row.nbytes + table
