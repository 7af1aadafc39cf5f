"""The command's flags, by topic; importing this package defines them all."""

from flags import analysis, data, heads, monitoring, network, run, training

__all__ = ["analysis", "data", "heads", "monitoring", "network", "run", "training"]
