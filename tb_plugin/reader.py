"""Reads runs, headers, factors and scalars of a log through TensorBoard's data provider."""

import contextlib
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from tensorboard.data.provider import DataProvider
from werkzeug.exceptions import NotFound, UnprocessableEntity

from sfp_keras.filters import FilterFields
from sfp_keras.monitoring import schema
from tb_plugin.cache import ByteCache
from tb_plugin.listing import Blobs, Restart, RunListing, list_run, without_replaced
from tb_plugin.parameters import DEFAULT_THRESHOLD, shown
from tb_plugin.provider import UNREADABLE, LogProvider, reading
from tb_plugin.records import check_about, check_header


@dataclasses.dataclass(frozen=True, eq=False)
class Measurement:
    """One stage at one step: its header, and where its arrays are.

    Attributes:
        run: `str`.
        stage: `str`.
        step: `int`.
        header: `Header`.
        kernel: what TensorBoard finds the kernel by.
        features: what TensorBoard finds the features by.
        shared: what all steps have in common that read the same features, or `None`.
        identity: hashable; another one means other data.
    """

    run: str
    stage: str
    step: int
    header: schema.Header
    kernel: str
    features: str
    shared: Blobs | None
    identity: tuple


class LogReader:
    """Reads the logs of one TensorBoard server.

    Everything it raises for a request is a `werkzeug.exceptions.HTTPException`: `NotFound` where
    the log does not hold what was asked for, `UnprocessableEntity` where it is damaged or newer.

    Args:
        provider: TensorBoard's data provider.
        cache: `ByteCache` for what was read.
    """

    def __init__(self, provider: DataProvider, cache: ByteCache):
        self._provider = LogProvider(provider)
        self._cache = cache

    def runs(self, ctx: Any, experiment: str) -> list[RunListing]:
        """All runs that hold anything of ours, by name."""
        return self._list(ctx, experiment, None)

    def revision(self, ctx: Any, experiment: str) -> str:
        """A text that changes with what the log holds of ours; those who ask at once share it."""

        def read() -> str:
            return self._provider.revision(ctx, experiment)

        return self._cache.get(("revision", experiment), read, len, keep=False)

    def run(self, ctx: Any, experiment: str, run: str) -> RunListing:
        """One run.

        Raises:
            NotFound: if there is no such run.
            UnprocessableEntity: if a newer schema wrote it, or TensorBoard does not serve it.
        """
        listed = self._list(ctx, experiment, run)
        if not listed:
            raise NotFound(f"there is no run {shown(run)} with filters in this log")
        if listed[0].unreadable:
            raise UnprocessableEntity(listed[0].unreadable)
        return listed[0]

    def about(self, ctx: Any, listing: RunListing) -> tuple[schema.About, list[str]]:
        """What a run says of itself, and what is wrong with that.

        Where it says nothing the run's name is the phase and labels have no names.
        """
        substitute = schema.About(listing.run, (), DEFAULT_THRESHOLD)
        if listing.about is None:
            return substitute, [f"{listing.run}: the log does not say what its labels are called"]
        try:
            return self._record(ctx, listing, listing.about, None, None), []
        except UNREADABLE as error:
            return substitute, [str(error.description)]

    def measurement(self, ctx: Any, listing: RunListing, stage: str, step: int) -> Measurement:
        """A measurement that the listing names; its arrays are not read."""
        blobs = listing.stages[stage][step]
        shared = listing.features.get(stage)
        if len(blobs.keys) not in (2, 3):
            raise UnprocessableEntity(f"{listing.run}: {blobs.tag} has {len(blobs.keys)} blobs")
        if len(blobs.keys) == 2 and (shared is None or len(shared.keys) != 2):
            raise UnprocessableEntity(
                f"{listing.run}: the features of {stage}, which {blobs.tag} needs, are missing"
            )
        header = self._record(ctx, listing, blobs, stage, step)
        if len(blobs.keys) == 3:
            shared = None
        features = blobs.keys[2] if shared is None else shared.keys[1]
        identity = (listing.experiment, listing.run, blobs, shared)
        return Measurement(
            listing.run, stage, step, header, blobs.keys[1], features, shared, identity
        )

    def stage_header(self, ctx: Any, listing: RunListing, stage: str) -> schema.Header:
        """What a stage is, of one that `listing.headers` names."""
        return self._record(ctx, listing, listing.headers[stage], stage, None)

    def read_ahead(self, ctx: Any, listing: RunListing, wanted: Iterable[tuple[str, int]]) -> None:
        """Read the headers of several stages and steps together, for `measurement` to find.

        `measurement` raises an error for what cannot be read.
        """

        def read(place: tuple[str, int]) -> None:
            with contextlib.suppress(*UNREADABLE):
                self.measurement(ctx, listing, *place)

        self._provider.together(read, wanted)

    def fields(self, ctx: Any, measurement: Measurement) -> FilterFields:
        """The exact factors of a measurement."""

        def read() -> FilterFields:
            where = f"{measurement.run}: {measurement.stage} at step {measurement.step}"
            with reading(where):
                kernel, features = self._provider.both_blobs(
                    ctx, measurement.kernel, lambda: self._features(ctx, measurement)
                )
                return schema.decode_fields(measurement.header, kernel, features)

        return self._cache.get(
            ("fields", measurement.identity),
            read,
            lambda made: made.kernel.nbytes + _own_bytes(made.features, measurement),
        )

    def scalars(
        self, ctx: Any, listing: RunListing, stages: Sequence[str]
    ) -> tuple[dict[str, dict[int, dict[str, float]]], list[str]]:
        """Of each step of each stage, the numbers written as ordinary scalars, and their threshold.

        Earlier versions wrote no threshold. What cannot be read is in the notices returned.
        """
        names = (*schema.SCALARS, schema.THRESHOLD_SCALAR)
        tags = {f"{stage}/{name}": (stage, name) for stage in stages for name in names}
        read, notices = self._provider.scalars(ctx, listing.experiment, listing.run, list(tags))
        numbers: dict[str, dict[int, dict[str, float]]] = {stage: {} for stage in stages}
        for tag, data in read.items():
            stage, name = tags[tag]
            # Where a step was written again, its last value counts.
            for datum in sorted(data, key=lambda datum: datum.wall_time):
                if listing.replaced(stage, datum.wall_time, datum.step):
                    continue
                numbers[stage].setdefault(int(datum.step), {})[name] = float(datum.value)
        return numbers, notices

    def _list(self, ctx: Any, experiment: str, run: str | None) -> list[RunListing]:
        # Only names and keys are read here: one blob sequence a tag, the last.
        found = self._provider.sequences(ctx, experiment, run)
        return [
            self._current(ctx, list_run(experiment, name, found[name])) for name in sorted(found)
        ]

    def _current(self, ctx: Any, listing: RunListing) -> RunListing:
        """The listing without what an earlier training left in the same folder."""
        if listing.unreadable:
            return listing
        restart = None
        if listing.about is not None:
            # The route that reads it answers with what is wrong with it.
            with contextlib.suppress(*UNREADABLE):
                about = self._record(ctx, listing, listing.about, None, None)
                if about.first_step is not None:
                    restart = Restart(listing.about.written[0], about.first_step)
        headers, notices = self._headers(ctx, listing)
        listing = dataclasses.replace(listing, notices=(*listing.notices, *notices))
        return without_replaced(listing, restart, headers)

    def _headers(self, ctx: Any, listing: RunListing) -> tuple[dict[str, schema.Header], list[str]]:
        """What stages say of themselves, and what is wrong with that."""

        def read(stage: str) -> schema.Header | str | None:
            try:
                return self.stage_header(ctx, listing, stage)
            except NotFound:
                return None
            except UnprocessableEntity as error:
                return str(error.description)

        together = self._provider.together(read, listing.headers)
        found = dict(zip(listing.headers, together, strict=True))
        headers = {stage: h for stage, h in found.items() if isinstance(h, schema.Header)}
        return headers, [text for text in found.values() if isinstance(text, str)]

    def _record(
        self, ctx: Any, listing: RunListing, blobs: Blobs, stage: str | None, step: int | None
    ) -> Any:
        """The checked JSON of a tag's first blob; arrays beside it are not read."""

        def read() -> tuple[Any, int]:
            with reading(f"{listing.run}: {shown(blobs.tag)}"):
                blob = self._provider.blob(ctx, blobs.keys[0])
                if stage is None:
                    return check_about(schema.decode_about(blob)), len(blob)
                return check_header(schema.decode_header(blob), stage, step), len(blob)

        # Python's integers and texts take some ten times their JSON.
        key = "record", listing.experiment, listing.run, blobs
        return self._cache.get(key, read, lambda made: 512 + 16 * made[1])[0]

    def _features(self, ctx: Any, measurement: Measurement) -> bytes:
        if measurement.shared is None:
            return self._provider.blob(ctx, measurement.features)
        experiment, run, *_ = measurement.identity
        key = "features", experiment, run, measurement.shared
        return self._cache.get(key, lambda: self._provider.blob(ctx, measurement.features), len)


def _own_bytes(features: np.ndarray, measurement: Measurement) -> int:
    # Features that steps share are held once, under a key of their own, unless copied.
    return 0 if measurement.shared and not features.flags.owndata else features.nbytes
