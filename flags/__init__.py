"""The command's flags, by topic; importing this package defines them all."""

from flags import analysis, data, heads, network, run, training

__all__ = ["analysis", "data", "heads", "network", "run", "training"]
