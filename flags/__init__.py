"""The command's flags, by topic; importing this package defines them all."""

from flags import ablate, afcc, analysis, data, heads, monitoring, network, run, sweep, training

__all__ = [
    "ablate",
    "afcc",
    "analysis",
    "data",
    "heads",
    "monitoring",
    "network",
    "run",
    "sweep",
    "training",
]
