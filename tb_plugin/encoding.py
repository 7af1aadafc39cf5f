"""Answers as JSON, CSV and the binary form the tab reads."""

import csv
import io
import json
import math
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from sfp_keras.csv_files import guard

# Halves of a pair, which a log's JSON may name and no encoding can write.
_SURROGATE = re.compile("[\ud800-\udfff]")
_ALIGNMENT = 4


def to_json(value: Any) -> str:
    """JSON in which NaN is `null` and an infinite number the string `"Infinity"`.

    Args:
        value: dicts with text keys, lists, tuples, NumPy arrays and numbers, text, `None`. A
            float32 becomes the shortest decimal of its exact value as a double.
    """
    try:
        return _dumps(value)
    except (TypeError, ValueError):  # It has a number that JSON has not, or another key than text.
        return _dumps(_plain(value))


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, separators=(",", ":"), default=_from_numpy)


def _from_numpy(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError


def to_binary(header: Mapping[str, Any], arrays: Iterable[bytes]) -> bytes:
    """A JSON header with its length before it, then the arrays.

    Args:
        header: what `to_json` takes.
        arrays: bytes of each array, put one after the other.
    """
    text = to_json(header).encode()
    text += b" " * (-(4 + len(text)) % _ALIGNMENT)
    return b"".join((struct.pack("<I", len(text)), text, *arrays))


def pack(boolean: np.ndarray) -> bytes:
    """A Boolean matrix row by row, first element in the highest bit, padded to whole bytes."""
    return np.packbits(boolean).tobytes()


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table as CSV (RFC 4180), safe to open in a spreadsheet.

    NaN and `None` are empty, infinity is `inf` as in layers.csv, numbers are the shortest text
    that reads back as the same double. Text that a spreadsheet would take for a formula gets a
    single quote before it (`sfp_keras.csv_files`), and what UTF-8 cannot write is the character
    U+FFFD.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_cell(column) for column in columns])
    writer.writerows([_cell(value) for value in row] for row in rows)
    return out.getvalue()


def file_name(*parts: str) -> str:
    """A harmless file name for a download, made of a run's and a stage's name."""
    words = (re.sub(r"[^A-Za-z0-9._-]+", "-", part).strip("-.")[:80] for part in parts)
    return "_".join(word for word in words if word) or "clusters"


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray | np.generic):
        if value.dtype.kind in "biu" or (value.dtype.kind == "f" and np.isfinite(value).all()):
            return value.tolist()
        value = value.tolist()
    if isinstance(value, float):
        if math.isnan(value):
            return None
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value


def _cell(value: Any) -> Any:
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    if isinstance(value, str):
        return guard(_SURROGATE.sub("\ufffd", value))
    return "" if value is None else value
