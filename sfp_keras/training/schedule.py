"""Step decay of the learning rate, with phases, as the papers write it: (q, dt)."""

import dataclasses
import re
from fractions import Fraction

from sfp_keras.errors import InputError

_PHASE = re.compile(
    r"(?P<factor>[0-9.eE-]+)/(?P<interval>\d+)(\+(?P<offset>\d+))?(<=(?P<last>\d+))?"
)


@dataclasses.dataclass(frozen=True)
class Phase:
    """One phase: multiply by `factor` at epochs `offset + k * interval` up to `last`.

    Attributes:
        factor: the papers' q.
        interval: the papers' dt, in epochs.
        offset: shift of the drops; 0 puts them at dt, 2 dt, ...
        last: the last epoch at which this phase drops, or `None` for no end.
    """

    factor: float
    interval: int
    offset: int = 0
    last: int | None = None


@dataclasses.dataclass(frozen=True)
class StepDecay:
    """The factor on the initial learning rate, epoch by epoch (counted from 0).

    Paper 1 and paper 2, supplements: "multiplied by the decay factor q every dt epochs".

    Attributes:
        phases: the phases in order; each begins where the one before it ended.

    Example:
        >>> StepDecay.parse("0.65/20<=140,0.55/20").factor(160)  # VGG-6 convolutions
        0.026962...
    """

    phases: tuple[Phase, ...] = ()

    @classmethod
    def parse(cls, text: str) -> "StepDecay":
        """Read `q/dt` phases separated by commas.

        Args:
            text: `str`. Each phase is `q/dt`, with `+offset` where the drops are out of step and
                `<=epoch` for the last epoch at which it drops: `0.65/20`,
                `0.65/20<=140,0.55/20`, `0.65/20+10<=150,0.55/20+10`. `none` or nothing keeps
                the learning rate constant.

        Returns:
            A `StepDecay`.

        Raises:
            InputError: if the text cannot be read.
        """
        if text.strip().lower() in ("", "none"):
            return cls()
        phases = []
        for part in text.replace(" ", "").split(","):
            match = _PHASE.fullmatch(part)
            try:
                if match is None:
                    raise ValueError
                last = match["last"]
                phase = Phase(
                    float(match["factor"]),
                    int(match["interval"]),
                    int(match["offset"] or 0),
                    None if last is None else int(last),
                )
                if not (0 < phase.factor <= 1 and phase.interval > 0):
                    raise ValueError
            except ValueError:
                raise InputError(
                    f"`decay`={text!r}: {part!r} cannot be read; write q/dt with 0 < q <= 1, "
                    "as in 0.65/20 or 0.65/20<=140,0.55/20; or cosine, or none"
                ) from None
            phases.append(phase)
        ends = [phase.last for phase in phases[:-1]]
        if None in ends or sorted(set(ends)) != ends:  # type: ignore[type-var]
            raise InputError(
                f"`decay`={text!r}: every phase but the last needs a later end, as in "
                "0.65/20<=140,0.55/20"
            )
        return cls(tuple(phases))

    def factor(self, epoch: int) -> float:
        """The product of all drops at epochs 1 .. `epoch`."""
        factor, begin = 1.0, 0
        for phase in self.phases:
            end = epoch if phase.last is None else min(epoch, phase.last)
            drops = _multiples(end, phase) - _multiples(begin, phase)
            if drops > 0:
                factor *= phase.factor**drops
            begin = phase.last if phase.last is not None else epoch
        return factor

    def rate(self, initial: float, epoch: Fraction, epochs: int) -> float:
        """The learning rate at an epoch, counted from 0, of a schedule of `epochs`."""
        return initial * self.factor(int(epoch))


CONSTANT = StepDecay()


def _multiples(epoch: int, phase: Phase) -> int:
    """How many drops of `phase` lie in 1 .. epoch."""
    first = phase.offset or phase.interval
    return 0 if epoch < first else (epoch - first) // phase.interval + 1
