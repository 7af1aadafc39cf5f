"""An event file that TensorBoard reads, written without TensorFlow and with a fast checksum."""

import contextlib
import io
import itertools
import os
import socket
import struct
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import google_crc32c
from tensorboard.compat.proto import event_pb2, summary_pb2, types_pb2
from tensorboard.plugins.scalar import metadata as scalar_metadata

_COUNTER = itertools.count()


class EventFile:
    """Appends summaries to a new event file; each is readable as soon as it is written.

    TensorBoard's own writer computes the checksums in Python, at 9 MB/s. Of a record that does not
    fit on the disk nothing is left behind: those before and after it stay readable.

    Args:
        folder: folder of one TensorBoard run; made with the first record.
    """

    def __init__(self, folder: str | Path):
        self.folder = Path(folder)
        self.bytes_written = 0
        self._file: io.RawIOBase | None = None
        self._time = 0.0

    def blobs(self, tag: str, step: int, blobs: Sequence[bytes], plugin: str, data: bytes) -> None:
        """Write a blob sequence with the plugin's name and data."""
        value = summary_pb2.Summary.Value(tag=tag)
        value.metadata.plugin_data.plugin_name = plugin
        value.metadata.plugin_data.content = data
        value.metadata.data_class = summary_pb2.DATA_CLASS_BLOB_SEQUENCE
        value.tensor.dtype = types_pb2.DT_STRING
        value.tensor.tensor_shape.dim.add(size=len(blobs))
        value.tensor.string_val.extend(blobs)
        self._append(step, [value])

    def scalars(self, step: int, numbers: Mapping[str, float]) -> None:
        """Write one scalar a tag, for TensorBoard's own tabs."""
        values = []
        for tag, number in numbers.items():
            value = summary_pb2.Summary.Value(tag=tag)
            value.metadata.CopyFrom(scalar_metadata.create_summary_metadata("", ""))
            value.metadata.data_class = summary_pb2.DATA_CLASS_SCALAR
            value.tensor.dtype = types_pb2.DT_FLOAT
            value.tensor.tensor_shape.SetInParent()
            value.tensor.float_val.append(number)
            values.append(value)
        self._append(step, values)

    def close(self) -> None:
        """Close the file; a later record opens another one."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _append(self, step: int, values: list) -> None:
        if self._file is None:
            self.folder.mkdir(parents=True, exist_ok=True)
            # TensorBoard reads a run's files in the order of their names, "10" before "9".
            name = (
                f"events.out.tfevents.{time.time_ns() // 10**9:010d}.{socket.gethostname()}."
                f"{os.getpid()}.{next(_COUNTER):06d}"
            )
            # Opened at the first record: a monitor that measures nothing leaves no file.
            # Unbuffered: what a full disk refused must not come back when the file is closed.
            self._file = open(self.folder / name, "xb", buffering=0)  # noqa: SIM115
            self._record(event_pb2.Event(wall_time=self._now(), file_version="brain.Event:2"))
        event = event_pb2.Event(wall_time=self._now(), step=step)
        event.summary.value.extend(values)
        self._record(event)

    def _now(self) -> float:
        # A clock that is set back must not make a measurement older than what came before it.
        self._time = max(self._time, time.time())
        return self._time

    def _record(self, event: event_pb2.Event) -> None:
        data = event.SerializeToString()
        length = struct.pack("<Q", len(data))
        record = b"".join((length, _check(length), data, _check(data)))
        file = self._file
        assert file is not None
        begin = file.tell()
        try:
            rest = memoryview(record)
            while rest:
                rest = rest[file.write(rest) or 0 :]
        except BaseException:
            self._undo(begin)
            raise
        self.bytes_written += len(record)

    def _undo(self, begin: int) -> None:
        """Take back what there is of a torn record; later ones go into another file."""
        file, self._file = self._file, None
        assert file is not None
        # A reader may have seen the torn record just now, and waits for its rest.
        with contextlib.suppress(OSError):
            file.truncate(begin)
        with contextlib.suppress(OSError):
            file.close()


def _check(data: bytes) -> bytes:
    return struct.pack("<I", masked_crc(data))


def masked_crc(data: bytes) -> int:
    """The checksum of a record's length and of its content."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
