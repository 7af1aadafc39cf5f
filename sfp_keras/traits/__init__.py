"""What kinds of layers do with filters: a file for each family of layers, found in this folder."""

import importlib
import pkgutil

from sfp_keras.traits.registry import (
    KernelAxes,
    LayerTraits,
    inherited_traits,
    register_traits,
    traits_of,
    traits_of_kind,
)

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = [
    "KernelAxes",
    "LayerTraits",
    "inherited_traits",
    "register_traits",
    "traits_of",
    "traits_of_kind",
]
