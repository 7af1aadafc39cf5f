"""What a head reads of a stage: a file for each kind of view, found in this folder."""

import importlib
import pkgutil

from sfp_keras.probing.views.registry import Seen, View, register_view
from sfp_keras.probing.views.stage_view import StageView, apply_layers, pooling_weights

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["Seen", "StageView", "View", "apply_layers", "pooling_weights", "register_view"]
