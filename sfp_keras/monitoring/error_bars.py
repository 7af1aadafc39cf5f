"""How sure a measurement's numbers are, as its header says it in an event file."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class ErrorBars:
    """Error bars of the numbers of a stage, at one threshold.

    Attributes:
        threshold: `float`. Of the clusters.
        intervals: dict from a column of layers.csv to (error, low, high) over the images measured,
            as of `bootstrap_intervals`; empty where they were not asked for.
        heads: dict from the name of each head of the stage, `seed<S>` or `shuffled<S>`, to a dict
            from a column of layers.csv to its number; empty where there is one head.
    """

    threshold: float
    intervals: Mapping[str, tuple[float, float, float]] = dataclasses.field(default_factory=dict)
    heads: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "ErrorBars":
        """Read back what `json` made of its dict.

        Raises:
            KeyError, TypeError, ValueError or AttributeError: if it is damaged.
        """
        intervals = {str(key): tuple(map(float, one)) for key, one in data["intervals"].items()}
        if any(len(one) != 3 for one in intervals.values()):
            raise ValueError("an interval is an error and two ends")
        heads = {
            str(name): {str(key): float(value) for key, value in numbers.items()}
            for name, numbers in data["heads"].items()
        }
        return cls(float(data["threshold"]), intervals, heads)  # type: ignore[arg-type]
