"""What experiment.json must look like."""

import math
from collections.abc import Callable, Mapping
from typing import Any

SECTIONS = ("phases", "seconds", "results")
_Check = Callable[[Any], bool]


def fault(saved: Any) -> str | None:
    """What is wrong with the content of experiment.json, or `None`.

    Args:
        saved: as read from JSON.
    """
    if not isinstance(saved, dict):
        return "it is no object"
    for section in SECTIONS:
        if not isinstance(saved.get(section), dict):
            return f"{section} is no object"
    heads = saved["phases"].get("heads", {})
    parts = (
        ("", saved, _RECORD),
        ("results.", saved["results"], _RESULTS),
        ("phases.", saved["phases"], dict.fromkeys(saved["phases"], _is_object)),
        ("phases.heads.", heads if isinstance(heads, dict) else {}, {"stages": _are_stages}),
    )
    for place, part, checks in parts:
        for name, fits in checks.items():
            if name in part and not fits(part[name]):
                return f"{place}{name} is {_shown(part[name])}"
    return None


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]}..."


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_text_or_none(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _is_number(value: Any, least: float, most: float) -> bool:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and least <= value <= most


def _all(value: Any, fits: _Check) -> bool:
    return isinstance(value, dict) and all(map(fits, value.values()))


def _is_accuracy(value: Any) -> bool:
    return value is None or _is_number(value, 0, 1)


def _is_count_if_any(value: Any) -> bool:
    return value is None or (_is_number(value, 0, math.inf) and math.isfinite(value))


def _is_place(value: Any) -> bool:
    return isinstance(value, int) and _is_number(value, 0, 2**31)


def _are_numbers(value: Any) -> bool:
    numbers = isinstance(value, list) and all(_is_number(v, -math.inf, math.inf) for v in value)
    return numbers and all(map(math.isfinite, value))


def _are_stages(value: Any) -> bool:
    return _all(value, lambda of_stage: _all(of_stage, _is_text))


_RECORD: Mapping[str, _Check] = {
    "flags": _is_object,
    "command": _is_text,
    "versions": lambda value: _all(value, _is_text),
    **dict.fromkeys(("git_revision", "backend", "device", "platform"), _is_text_or_none),
    "data": _is_text,
    "seconds": lambda value: _all(
        value, lambda spent: _is_number(spent, 0, math.inf) and math.isfinite(spent)
    ),
}
_RESULTS: Mapping[str, _Check] = {
    **dict.fromkeys(("weights", "model"), _is_text),
    "network_accuracy": _is_accuracy,
    "scaled": _are_numbers,
    **dict.fromkeys(("parameters", "operations"), _is_count_if_any),
    "stage_order": lambda value: _all(value, _is_place),
    "kinds": lambda value: _all(value, _is_text),
    "attention_heads": lambda value: _all(value, _is_place),
}
