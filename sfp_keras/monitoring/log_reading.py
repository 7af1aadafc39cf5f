"""Reads back what a monitor has measured, without TensorBoard."""

import dataclasses
import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from tensorboard.compat.proto import event_pb2

from sfp_keras.errors import InputError
from sfp_keras.filters import FilterFields
from sfp_keras.monitoring import schema
from sfp_keras.monitoring.event_file import masked_crc


@dataclasses.dataclass(frozen=True)
class MonitorLog:
    """The measurements of one training, of heads or of a network.

    Attributes:
        labels: names of the K labels; empty where the log does not name them.
        threshold: `float`. What its monitor clips fields at.
        stages: dict from each stage, input side first, to a dict from its steps, ascending, to the
            `FilterFields` measured. Measurements of which only numbers were kept are not among
            them.
    """

    labels: tuple[str, ...]
    threshold: float
    stages: Mapping[str, Mapping[int, FilterFields]]


def read_log(log_dir: str | Path) -> MonitorLog:
    """Read the measurements of a monitor, or of a run directory's `events/<phase>`.

    Where a training began again, the measurements it has replaced are left out. A record that was
    not written whole ends its file.

    Example:

    ```python
    log = read_log("runs/mine/events/heads")
    clusters = {step: find_clusters(at) for step, at in log.stages["layer13"].items()}
    follow_clusters(clusters).to_frame()
    ```

    Args:
        log_dir: folder with the event files of one TensorBoard run.

    Returns:
        `MonitorLog`.

    Raises:
        InputError: if the folder holds no measurements, is damaged, or is of a newer version.
    """
    files = sorted(Path(log_dir).glob("events.out.tfevents.*"))
    log = _Log()
    for file in files:
        try:
            for kind, tag, blobs in _blobs(file):
                log.add(kind, tag, blobs)
        except InputError as error:
            raise InputError(f"`log_dir`: {file}: {error}") from None
    if not any(log.measured.values()):
        raise InputError(
            f"`log_dir`: {log_dir} holds no measurements of filters; give the folder of one run, "
            "such as <run_dir>/events/heads"
        )
    try:
        return log.finished()
    except InputError as error:
        raise InputError(f"`log_dir`: {log_dir}: {error}") from None


class _Log:
    """What was read so far: a later record takes an earlier one's place."""

    def __init__(self) -> None:
        self.about = schema.About("", (), 0.3)
        self.measured: dict[str, dict[int, list[bytes]]] = {}
        self.features: dict[str, list[bytes]] = {}

    def add(self, kind: str, tag: str, blobs: list[bytes]) -> None:
        """Take in the blobs of one tag."""
        place = schema.parse_factors_tag(tag)
        if len(blobs) < (1 if kind in ("about", "header") else 2):
            raise InputError(f"{tag} is damaged")
        stage = schema.parse_stage_tag(tag, kind)
        if kind == "factors" and place is not None:
            self.measured.setdefault(place[0], {})[place[1]] = blobs
        elif kind == "features" and stage is not None:
            self.features[stage] = blobs
        elif kind == "header" and stage is not None:
            self._begin_again([stage], schema.decode_header(blobs[0]).first_step)
        elif kind == "about":
            self.about = schema.decode_about(blobs[0])
            self._begin_again(list(self.measured), self.about.first_step)

    def finished(self) -> MonitorLog:
        """The stages by depth, with their fields."""
        depths: dict[str, int] = {}
        stages: dict[str, dict[int, FilterFields]] = {}
        for stage, steps in self.measured.items():
            for step in sorted(steps):
                head, kernel, *own = steps[step]
                features = own[0] if own else self.features.get(stage, [b"", b""])[1]
                header = schema.decode_header(head)
                depths[stage] = header.depth
                fields = schema.decode_fields(header, kernel, features)
                stages.setdefault(stage, {})[step] = fields
        ordered = {stage: stages[stage] for stage in sorted(stages, key=lambda s: depths[s])}
        return MonitorLog(self.about.labels, self.about.threshold, ordered)

    def _begin_again(self, stages: list[str], first: int | None) -> None:
        """Forget what a training that begins at a step measures again."""
        for stage in stages:
            steps = self.measured.get(stage, {})
            kept = {step: at for step, at in steps.items() if first is None or step < first}
            self.measured[stage] = kept


def _blobs(file: Path) -> Iterator[tuple[str, str, list[bytes]]]:
    """Kind, tag and blobs of what is the tab's in an event file."""
    for record in _records(file):
        try:
            values = event_pb2.Event.FromString(record).summary.value
        except DecodeError:
            raise InputError("a record is damaged") from None
        for value in values:
            data = value.metadata.plugin_data
            if data.plugin_name == schema.PLUGIN_NAME:
                kind = schema.check_plugin_data(data.content)
                yield kind, value.tag, list(value.tensor.string_val)


def _records(file: Path) -> Iterator[bytes]:
    """The records of an event file, up to the first that is not whole."""
    with file.open("rb") as source:
        while len(head := source.read(12)) == 12:
            size, check = struct.unpack("<QI", head)
            if masked_crc(head[:8]) != check:
                return
            record, end = source.read(size), source.read(4)
            if len(end) < 4 or masked_crc(record) != struct.unpack("<I", end)[0]:
                return
            yield record
