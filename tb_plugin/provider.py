"""Asks TensorBoard's data provider so that what is wrong with one run or tag stays with it."""

import contextlib
import dataclasses
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from tensorboard import errors
from tensorboard.data.grpc_provider import GrpcDataProvider
from tensorboard.data.provider import (
    BlobSequenceDatum,
    BlobSequenceTimeSeries,
    DataProvider,
    RunTagFilter,
    ScalarDatum,
)
from tensorboard.plugins.scalar import metadata as scalar_metadata
from werkzeug.exceptions import HTTPException, NotFound, ServiceUnavailable, UnprocessableEntity

from sfp_keras.errors import InputError
from sfp_keras.monitoring import schema
from tb_plugin.parameters import shown

# What the reading of one run, stage or step raises: the others are read all the same.
UNREADABLE = (NotFound, UnprocessableEntity)
# A measurement has three. TensorBoard's Python loader makes as many references as an event's
# shape declares, be it 10^12.
MAX_BLOBS = 64
# TensorBoard's loaders keep 1000 scalars of a tag.
_MAX_SCALARS = 1000
# Every call to its fast loader waits some 40 ms, so that independent ones go together.
_CALLS_AT_ONCE = 8
# A log that TensorBoard is just loading may change between two looks at it.
_ATTEMPTS = 3
_REFUSED = (
    "is not served by TensorBoard's data server, as its name has a quotation mark, a backslash or "
    "a control character: rename it, or start TensorBoard with --load_fast=false"
)


@dataclasses.dataclass
class RunTags:
    """The blob sequences of one run.

    Attributes:
        series: of each tag, its plugin data.
        data: of each tag that can be read, its last blob sequence.
        notices: what cannot be read, and why.
        unreadable: why nothing of the run can be read, or `None`.
    """

    series: Mapping[str, BlobSequenceTimeSeries]
    data: Mapping[str, list[BlobSequenceDatum]] = dataclasses.field(default_factory=dict)
    notices: list[str] = dataclasses.field(default_factory=list)
    unreadable: str | None = None

    def long(self) -> set[str]:
        """The tags of which an event declares more blobs than a measurement can have."""
        return {tag for tag, one in self.series.items() if (one.max_length or 0) > MAX_BLOBS}


class LogProvider:
    """What the tab asks of TensorBoard's data provider.

    Args:
        provider: TensorBoard's data provider.
    """

    def __init__(self, provider: DataProvider):
        self._provider = provider
        self._served = isinstance(provider, GrpcDataProvider)
        self._at_once = self._served
        self._calls = ThreadPoolExecutor(_CALLS_AT_ONCE, thread_name_prefix="clusters-log")

    def together(self, call: Callable[[Any], Any], arguments: Iterable[Any]) -> list[Any]:
        """Call a function with each argument, several at a time; the results in order."""
        return list(self._calls.map(call, arguments))

    def sequences(self, ctx: Any, experiment: str, run: str | None) -> dict[str, RunTags]:
        """The blob sequences of all runs that have some of ours, or of one run, by name."""
        asked = {"experiment_id": experiment, "plugin_name": schema.PLUGIN_NAME}
        only = None if run is None else RunTagFilter(runs=[run])
        listed = self._calls.submit(
            self._listed,
            lambda: self._provider.list_blob_sequences(ctx, **asked, run_tag_filter=only),
        )
        # The data server answers with the blobs that there are: it need not be listed before.
        data = self._data(ctx, asked, only) if self._at_once else None
        found = {name: RunTags(series) for name, series in listed.result().items()}
        plain = [name for name, tags in found.items() if not tags.long()]
        if len(plain) < len(found):
            self._at_once = False
        if data is None:
            data = self._data(ctx, asked, RunTagFilter(runs=plain)) or {}
        for name, tags in found.items():
            wanted = self._readable(name, tags)
            if tags.unreadable:
                continue
            if name in data:
                tags.data = {tag: data[name][tag] for tag in wanted if tag in data[name]}
            else:
                self._read(ctx, asked, name, wanted, tags)
        return found

    def revision(self, ctx: Any, experiment: str) -> str:
        """A text that changes with what the log holds of ours; no more than names are read."""
        asked = {"experiment_id": experiment, "plugin_name": schema.PLUGIN_NAME}
        found = self._listed(lambda: self._provider.list_blob_sequences(ctx, **asked))
        known = [
            (run, tag, one.max_step, one.max_wall_time, one.max_length)
            for run, tags in found.items()
            for tag, one in tags.items()
        ]
        # A stage with a header may have steps of which only scalars were written.
        described = {
            run: [stage for tag in tags if (stage := schema.parse_stage_tag(tag, "header"))]
            for run, tags in found.items()
        }
        only = RunTagFilter(
            runs=[run for run, stages in described.items() if stages and self._may_ask(run)],
            tags=sorted(
                tag
                for stages in described.values()
                for stage in stages
                if self._may_ask(tag := f"{stage}/{schema.THRESHOLD_SCALAR}")
            ),
        )
        scalars: Mapping[str, Mapping[str, Any]] = {}
        if only.runs and only.tags:
            asked = {"experiment_id": experiment, "plugin_name": scalar_metadata.PLUGIN_NAME}
            with contextlib.suppress(NotFound):  # A run that was deleted meanwhile.
                scalars = self._listed(
                    lambda: self._provider.list_scalars(ctx, **asked, run_tag_filter=only)
                )
        known += [
            (run, tag, one.max_step, one.max_wall_time, None)
            for run, tags in scalars.items()
            for tag, one in tags.items()
        ]
        return hashlib.sha256(repr(sorted(known)).encode("utf-8", "replace")).hexdigest()[:16]

    def blob(self, ctx: Any, key: str) -> bytes:
        """One blob. Call it within `reading`."""
        blob = self._provider.read_blob(ctx, blob_key=key)
        if not isinstance(blob, bytes):
            raise InputError("it holds no bytes")
        return blob

    def both_blobs(self, ctx: Any, key: str, other: Callable[[], bytes]) -> tuple[bytes, bytes]:
        """One blob, and what a function returns that reads another one meanwhile."""
        first = self._calls.submit(self.blob, ctx, key)
        second = other()
        return first.result(), second

    def scalars(
        self, ctx: Any, experiment: str, run: str, tags: Sequence[str]
    ) -> tuple[dict[str, Sequence[ScalarDatum]], list[str]]:
        """The scalars of some tags of a run, and what of them cannot be read."""

        def read(chosen: Sequence[str]) -> dict[str, Sequence[ScalarDatum]]:
            with reading(f"{run}: {shown(chosen[0])}"):
                found = self._provider.read_scalars(
                    ctx,
                    experiment_id=experiment,
                    plugin_name=scalar_metadata.PLUGIN_NAME,
                    downsample=_MAX_SCALARS,
                    run_tag_filter=RunTagFilter(runs=[run], tags=chosen),
                )
                return dict(found.get(run, {}))

        def read_one(tag: str) -> dict[str, Sequence[ScalarDatum]] | str:
            try:
                return read([tag])
            except UNREADABLE as error:
                return str(error.description)

        with contextlib.suppress(*UNREADABLE):
            return read(tags), []
        single = self.together(read_one, tags)
        numbers = [found for found in single if not isinstance(found, str)]
        merged = {tag: data for found in numbers for tag, data in found.items()}
        return merged, [text for text in single if isinstance(text, str)]

    def _listed(self, names: Callable[[], Mapping[str, Any]]) -> Mapping[str, Any]:
        """The time series that a question to the provider names, by run and tag."""
        for _ in range(_ATTEMPTS):
            try:
                return names()
            except grpc.RpcError as error:
                raise ServiceUnavailable(
                    f"TensorBoard's data server does not answer ({_status(error)}): start "
                    "tensorboard again"
                ) from None
            except (KeyError, RuntimeError):
                continue
        raise NotFound("TensorBoard is just loading the log: reload")

    def _may_ask(self, name: str) -> bool:
        """Whether the provider can be asked for a run or a tag of this name."""
        try:
            name.encode()
        except UnicodeEncodeError:
            return False
        return not (self._served and schema.UNSERVED.search(name))

    def _data(
        self, ctx: Any, asked: Mapping[str, str], only: RunTagFilter | None
    ) -> Mapping[str, Mapping[str, list[BlobSequenceDatum]]] | None:
        """Of each tag of each run the last sequence; `None` where one spoils it for all."""
        try:
            with reading("the log"):
                return self._provider.read_blob_sequences(
                    ctx, **asked, run_tag_filter=only, downsample=1
                )
        except UNREADABLE:
            return None

    def _readable(self, run: str, tags: RunTags) -> list[str]:
        """The tags that TensorBoard can read; what is wrong with others is noted."""
        if self._served and schema.UNSERVED.search(run):
            tags.unreadable = f"{shown(run)} {_REFUSED}"
        try:
            run.encode()
        except UnicodeEncodeError:
            tags.unreadable = f"{shown(run)} cannot be asked for: its name is not valid UTF-8"
        wanted, long = [], tags.long()
        for tag in tags.series:
            if self._served and schema.UNSERVED.search(tag):
                tags.notices.append(f"{run}: {shown(tag)} {_REFUSED}")
            elif tag in long:
                tags.notices.append(
                    f"{run}: {shown(tag)} is damaged and left out: an event of it declares more "
                    f"than {MAX_BLOBS} arrays"
                )
            else:
                wanted.append(tag)
        return wanted

    def _read(
        self, ctx: Any, asked: Mapping[str, str], run: str, wanted: list[str], tags: RunTags
    ) -> None:
        """Read the tags of one run alone."""
        try:
            with reading(run):
                found = self._provider.read_blob_sequences(
                    ctx, **asked, run_tag_filter=RunTagFilter([run], wanted), downsample=1
                )
                tags.data = found.get(run, {})
        except UNREADABLE as error:
            tags.unreadable = str(error.description)


@contextlib.contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what a damaged log or a run that was deleted meanwhile raises into an answer.

    Raises:
        NotFound: for what is not in the log any more.
        UnprocessableEntity: for what cannot be read.
    """
    try:
        yield
    except HTTPException:
        raise
    except (KeyError, errors.NotFoundError):
        raise NotFound(f"{what} is no longer in the log: reload") from None
    except InputError as error:
        raise UnprocessableEntity(f"{what} cannot be read: {error}") from None
    except MemoryError:
        raise UnprocessableEntity(f"{what} cannot be read: it needs too much memory") from None
    except grpc.RpcError as error:
        raise UnprocessableEntity(
            f"{what} cannot be read: TensorBoard's data server answers {_status(error)}"
        ) from None
    except (ValueError, TypeError, IndexError, AttributeError, ArithmeticError, RuntimeError):
        # TensorBoard's own errors, of an argument that its server refuses, are RuntimeErrors.
        raise UnprocessableEntity(f"{what} cannot be read: it is damaged") from None


def _status(error: grpc.RpcError) -> str:
    code = getattr(error, "code", None)
    return str(code().name) if callable(code) else type(error).__name__
