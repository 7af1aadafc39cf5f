"""What an event file holds for the tab: tags, blobs, and how both are read back.

A *measurement* is one stage at one step. It is a blob sequence under a tag of its own,
`<stage>/factors/<step>`, because reading a tag of TensorBoard returns all its steps:

    blob 0   header: JSON, UTF-8 (`Header`)
    blob 1   kernel W, float32 little-endian, (P, F, K)
    blob 2   features X, float32 little-endian, (K, P, F); left out where they do not change
             between measurements: then `<stage>/features` holds [header, X]

Of a measurement that is too large for the log only scalars are written. What its stage is then
stands in the header that the tag `<stage>/header` holds, and where the stage's training began.

The tag `about` holds one blob: what is the same for the whole run (`About`). All that may be
written again is in blobs, never in the plugin data, of which TensorBoard keeps the first it sees.

TensorBoard's data server finds no blob of a tag whose name has a character that JSON escapes: a
quotation mark, a backslash, a control character. Of a stage's name these are written as `%22`.
"""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.filters import LAYER_MEASURES, FilterFields
from sfp_keras.monitoring.error_bars import ErrorBars

PLUGIN_NAME = "clusters"
SCHEMA_VERSION = 1
ABOUT_TAG = "about"
# Scalars written beside each measurement, as `<stage>/<name>`, for TensorBoard's own tabs.
SCALARS = tuple(one.key for one in LAYER_MEASURES)
# One more scalar of each measurement: the threshold its scalars were computed at.
THRESHOLD_SCALAR = "threshold"
# What JSON writes as an escape, and how it is written in a tag. A per cent sign is one only where
# it would be read as the beginning of another.
UNSERVED = re.compile(r'["\\\x00-\x1f]')
_TO_ESCAPE = re.compile(UNSERVED.pattern + "|%(?=22|25|5C|[01][0-9A-F])")
_ESCAPE = re.compile("%(22|25|5C|[01][0-9A-F])")


@dataclasses.dataclass(frozen=True)
class About:
    """What is the same for all measurements of a run.

    Attributes:
        phase: `str`. `train`, `heads`, `final` or a name of the user's.
        labels: names of the K labels; data from strangers, never to be read as markup.
        threshold: `float`. What the tab shows first. Scalars that do not name their own
            (`THRESHOLD_SCALAR`) were computed at it.
        biases_left_out: `bool`. Whether the head had biases, which fields leave out.
        title: `str`. What the network and the data are called.
        first_step: `int` or `None`. Where this training began. What the run holds of this step
            or later ones and was written before this record is left over from an earlier
            training. Defaults to `None`: nothing is.
    """

    phase: str
    labels: tuple[str, ...]
    threshold: float
    biases_left_out: bool = False
    title: str = ""
    first_step: int | None = None


@dataclasses.dataclass(frozen=True)
class Header:
    """What belongs to one measurement beside its arrays.

    Attributes:
        stage: `str`. Name of the stage.
        depth: `int`. Place of the stage in the network, ascending from the input side.
        step: `int`. Epoch, counted from 0.
        split: `str`. Images measured: `test`, `train`, `validation`.
        position_shape: shape of the P positions.
        filters: `int`. F.
        label_counts: number of images of each of the K labels.
        accuracy: `float` or `None`. Share of all images that the head classifies correctly.
        correct: number of images of each label that it does, or `None`.
        first_step: `int` or `None`. In the tag `<stage>/header`: where the training of this stage
            began. What the run holds of the stage, of this step or later ones, and was written
            before this record is left over from an earlier training. Defaults to `None`: nothing
            is.
        heads: `int` or `None`. Attention heads whose nodes, one head behind another, the filters
            are. Defaults to `None`: they are other filters.
        kind: `str`. What a filter is: `filter` of a map, `node` of a vector or of tokens, `head`,
            `branch` of a tree.
        bars: `ErrorBars` of its numbers, at each threshold they are known at. Defaults to none.
    """

    stage: str
    depth: int
    step: int
    split: str
    position_shape: tuple[int, ...]
    filters: int
    label_counts: tuple[int, ...]
    accuracy: float | None = None
    correct: tuple[int, ...] | None = None
    first_step: int | None = None
    heads: int | None = None
    kind: str = "filter"
    bars: tuple[ErrorBars, ...] = ()

    @property
    def features_shape(self) -> tuple[int, int, int]:
        """(K, P, F)."""
        return len(self.label_counts), self.positions, self.filters

    @property
    def kernel_shape(self) -> tuple[int, int, int]:
        """(P, F, K)."""
        return self.positions, self.filters, len(self.label_counts)

    @property
    def positions(self) -> int:
        """P."""
        return int(np.prod(self.position_shape, dtype=int))

    @property
    def label_accuracy(self) -> np.ndarray | None:
        """(K,) float64, the same for each label; NaN for a label without images."""
        if self.correct is None:
            return None
        counts = np.asarray(self.label_counts)
        return np.divide(self.correct, counts, out=np.full(len(counts), np.nan), where=counts > 0)


class NewerSchemaError(InputError):
    """A log that a newer version of this package wrote."""


def factors_tag(stage: str, step: int) -> str:
    """The tag of one measurement."""
    return f"{_escaped(stage)}/factors/{step}"


def features_tag(stage: str) -> str:
    """The tag of features that all measurements of a stage share."""
    return f"{_escaped(stage)}/features"


def header_tag(stage: str) -> str:
    """The tag of what a stage is."""
    return f"{_escaped(stage)}/header"


def parse_factors_tag(tag: str) -> tuple[str, int] | None:
    """(stage, step) of a measurement's tag, `None` for any other tag."""
    stage, slash, step = tag.rpartition("/factors/")
    if not slash or not stage or not (step.isascii() and step.isdigit()) or len(step) > 18:
        return None
    return _unescaped(stage), int(step)


def parse_stage_tag(tag: str, name: str) -> str | None:
    """The stage of a tag `<stage>/<name>`, `None` for any other tag."""
    stage, slash, last = tag.rpartition("/")
    return _unescaped(stage) if slash and last == name else None


def plugin_data(kind: str) -> bytes:
    """Content of a tag's plugin data; `kind` is `about`, `factors`, `features` or `header`."""
    return json.dumps({"version": SCHEMA_VERSION, "kind": kind}).encode()


def check_plugin_data(content: bytes) -> str:
    """Return the kind of a tag.

    Raises:
        NewerSchemaError: if the tag was written by a newer schema.
        InputError: if the content is none of ours.
    """
    try:
        data = json.loads(content)
        version, kind = data["version"], data["kind"]
    except (ValueError, KeyError, TypeError):
        raise InputError("the log holds plugin data that sfp_keras did not write") from None
    if not isinstance(version, int) or version > SCHEMA_VERSION:
        raise NewerSchemaError(
            f"the log has schema version {version}, this tab reads up to {SCHEMA_VERSION}: "
            "upgrade sfp-keras"
        )
    return str(kind)


def encode_about(about: About) -> list[bytes]:
    """The blobs of the tag `about`."""
    return [_to_json(about)]


def decode_about(blob: bytes) -> About:
    """Read back what `encode_about` made.

    Raises:
        InputError: if the blob is damaged.
    """
    return _from_json(About, blob)


def encode_measurement(
    header: Header, fields: FilterFields, with_features: bool = True
) -> list[bytes]:
    """The blobs of one measurement: header, kernel, and features unless they are shared."""
    blobs = [_to_json(header), _to_bytes(fields.kernel)]
    return [*blobs, _to_bytes(fields.features)] if with_features else blobs


def encode_header(header: Header) -> list[bytes]:
    """The blobs of the tag `<stage>/header`."""
    return [_to_json(header)]


def encode_features(header: Header, features: np.ndarray) -> list[bytes]:
    """The blobs of features that all measurements of a stage share."""
    return [_to_json(header), _to_bytes(features)]


def decode_header(blob: bytes) -> Header:
    """Read back the first blob of a measurement.

    Raises:
        InputError: if the blob is damaged.
    """
    return _from_json(Header, blob)


def decode_fields(header: Header, kernel: bytes, features: bytes) -> FilterFields:
    """Read back the exact float32 factors of a measurement.

    Raises:
        InputError: if the arrays are not what the header says.
    """
    return FilterFields(
        _from_bytes(features, header.features_shape, "features"),
        _from_bytes(kernel, header.kernel_shape, "kernel"),
        np.asarray(header.label_counts, np.int64),
        header.position_shape,
    )


def header_of(
    stage: str,
    depth: int,
    step: int,
    fields: FilterFields,
    *,
    correct: Sequence[int] | np.ndarray | None = None,
    accuracy: float | None = None,
    split: str = "test",
    heads: int | None = None,
    kind: str = "filter",
    bars: Sequence[ErrorBars] = (),
) -> Header:
    """The header of a measurement of these fields; the accuracy follows from `correct`."""
    if correct is not None:
        accuracy = int(np.sum(correct)) / max(1, int(fields.label_counts.sum()))
    return Header(
        stage,
        depth,
        step,
        split,
        tuple(int(n) for n in fields.position_shape),
        fields.num_filters,
        tuple(int(n) for n in fields.label_counts),
        accuracy,
        None if correct is None else tuple(int(n) for n in correct),
        heads=heads,
        kind=kind,
        bars=tuple(bars),
    )


def _escaped(stage: str) -> str:
    return _TO_ESCAPE.sub(lambda found: f"%{ord(found[0]):02X}", stage)


def _unescaped(stage: str) -> str:
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), stage)


def _to_json(record: About | Header) -> bytes:
    return json.dumps(dataclasses.asdict(record)).encode()


def _from_json(kind: Any, blob: bytes) -> Any:
    try:
        data: Mapping[str, Any] = json.loads(blob)
        # Fields that a later minor version adds are not ours to know.
        known = {field.name for field in dataclasses.fields(kind)}
        return kind(**{k: _restored(k, v) for k, v in data.items() if k in known})
    except (ValueError, TypeError, AttributeError, KeyError):
        raise InputError(f"the log's {kind.__name__.lower()} is damaged") from None


def _restored(name: str, value: Any) -> Any:
    if name == "bars":
        return tuple(ErrorBars.from_json(one) for one in value)
    return tuple(value) if isinstance(value, list) else value


def _to_bytes(array: np.ndarray) -> bytes:
    return np.ascontiguousarray(array, "<f4").tobytes()


def _from_bytes(blob: bytes, shape: tuple[int, ...], what: str) -> np.ndarray:
    if len(blob) != 4 * int(np.prod(shape, dtype=int)):
        raise InputError(f"the log's {what} has {len(blob)} bytes, not those of {shape}")
    return np.frombuffer(blob, "<f4").reshape(shape)
