"""Checks what a log's JSON says before anything is computed with it."""

import math
from collections.abc import Iterable
from typing import Any

from sfp_keras.errors import InputError
from sfp_keras.monitoring.schema import About, Header

# One matrix of 5000 labels takes 100 MB; a forged header must not ask for more.
MAX_LABELS = 5000
_MAX_BYTES = 2**33
# Sums of images are exact as doubles.
_MAX_IMAGES = 2**53


def check_about(about: About) -> About:
    """Return what a run says of itself, with every value of its kind.

    Raises:
        InputError: if a value is not what the schema says.
    """
    _expect("about", "phase", isinstance(about.phase, str))
    _expect("about", "title", isinstance(about.title, str))
    _expect("about", "biases_left_out", isinstance(about.biases_left_out, bool))
    _expect("about", "labels", _tuple_of(str, about.labels))
    _expect("about", "threshold", _number(about.threshold) and 0 <= about.threshold < 1)
    _expect("about", "first_step", about.first_step is None or _natural(about.first_step))
    return about


def check_header(header: Header, stage: str | None = None, step: int | None = None) -> Header:
    """Return a measurement's header, with every value of its kind and size.

    Args:
        header: `Header`.
        stage: `str`. The stage its tag names.
        step: `int`. The step its tag names, or `None` where features are shared by all steps.

    Raises:
        InputError: if a value is not what the schema or the tag says, or there are more than
            5000 labels.
    """
    labels = len(header.label_counts) if isinstance(header.label_counts, tuple) else 0
    _expect("header", "stage", stage is None or header.stage == stage)
    _expect("header", "step", _natural(header.step) and step in (None, header.step))
    _expect("header", "depth", _integer(header.depth))
    _expect("header", "split", isinstance(header.split, str))
    _expect("header", "filters", _natural(header.filters) and header.filters > 0)
    _expect("header", "label_counts", labels > 0 and _naturals(header.label_counts))
    _expect("header", "label_counts", sum(header.label_counts) < _MAX_IMAGES)
    shape = header.position_shape
    _expect("header", "position_shape", isinstance(shape, tuple) and _naturals(shape))
    size = 4 * labels * header.filters * math.prod(shape)
    _expect("header", "position_shape", 0 < size < _MAX_BYTES)
    _expect("header", "accuracy", header.accuracy is None or _number(header.accuracy))
    if header.correct is not None:
        valid = isinstance(header.correct, tuple) and _naturals(header.correct)
        _expect("header", "correct", valid and len(header.correct) == labels)
        within = zip(header.correct, header.label_counts, strict=True)
        _expect("header", "correct", all(correct <= images for correct, images in within))
    _expect("header", "kind", header.kind in ("filter", "node", "head", "branch"))
    whole = header.heads is None or (_natural(header.heads) and header.heads > 0)
    _expect("header", "heads", whole and header.filters % (header.heads or 1) == 0)
    _expect("header", "first_step", header.first_step is None or _natural(header.first_step))
    _expect("header", "bars", all(0 <= one.threshold < 1 for one in header.bars))
    if labels > MAX_LABELS:
        raise InputError(f"{labels} labels are more than the tab shows ({MAX_LABELS})")
    return header


def _expect(record: str, name: str, valid: bool) -> None:
    if not valid:
        raise InputError(f"the log's {record} is damaged: {name} is not what it must be")


def _number(value: Any) -> bool:
    return isinstance(value, float) or _integer(value)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62


def _natural(value: Any) -> bool:
    return _integer(value) and value >= 0


def _naturals(values: Iterable[Any]) -> bool:
    return all(_natural(value) for value in values)


def _tuple_of(kind: type, values: Any) -> bool:
    return isinstance(values, tuple) and all(isinstance(value, kind) for value in values)
