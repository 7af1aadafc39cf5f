"""Monitoring: what TensorBoard is fed while networks and heads train, and when they are done.

The tab's server imports `sfp_keras.monitoring.schema`, so nothing here loads Keras before it is
asked for.
"""

import importlib
from typing import Any

_MODULE_OF = {
    "FilterMonitor": "filter_monitor",
    "HeadsMonitor": "heads_monitor",
    "StageMonitor": "stage_monitor",
    "MonitorWriter": "writer",
    "MonitorLog": "log_reading",
    "read_log": "log_reading",
    "MAX_MB": "plan",
    "MAX_MEASUREMENTS": "plan",
}

__all__ = [*_MODULE_OF]


def __getattr__(name: str) -> Any:
    """Import the module of a public name when it is first asked for."""
    if name in _MODULE_OF:
        module = importlib.import_module(f"sfp_keras.monitoring.{_MODULE_OF[name]}")
        return getattr(module, name)
    raise AttributeError(f"module 'sfp_keras.monitoring' has no attribute {name!r}")
