"""The command's flags, by topic; importing this package defines them all."""

from flags import afcc, analysis, data, heads, monitoring, network, run, training

__all__ = ["afcc", "analysis", "data", "heads", "monitoring", "network", "run", "training"]
