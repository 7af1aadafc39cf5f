"""Networks known by name, a user's own, and weights from files.

Names are loaded when first used: `architectures` and what it says of networks load no framework.
"""

import importlib
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sfp_keras.models.enlarging import Enlarge
    from sfp_keras.models.geometric import RandomGeometry
    from sfp_keras.models.networks.efficientnet import (
        build_efficientnet,
        efficientnet_arguments_of,
    )
    from sfp_keras.models.networks.vgg import VGG_NAMES, build_vgg, vgg_arguments_of
    from sfp_keras.models.own import load_own_model
    from sfp_keras.models.own_architecture import architecture_of, own_input_shape
    from sfp_keras.models.own_spec import check_own_spec
    from sfp_keras.models.registry import (
        Architecture,
        architectures,
        build_network,
        default_stage_names,
        find_architecture,
        network_options,
        parameter_groups,
    )
    from sfp_keras.models.weights.applications import load_applications_weights
    from sfp_keras.models.weights.loading import load_initial_weights, load_weights
    from sfp_keras.models.weights.pytorch import load_pytorch_weights
    from sfp_keras.traits import KernelAxes, LayerTraits, register_traits

# As relative imports have them: `.traits` is the room beside this one.
_FILE_OF = {
    "Architecture": "registry",
    "Enlarge": "enlarging",
    "KernelAxes": ".traits",
    "LayerTraits": ".traits",
    "RandomGeometry": "geometric",
    "VGG_NAMES": "networks.vgg",
    "architecture_of": "own_architecture",
    "architectures": "registry",
    "build_efficientnet": "networks.efficientnet",
    "build_network": "registry",
    "build_vgg": "networks.vgg",
    "check_own_spec": "own_spec",
    "default_stage_names": "registry",
    "efficientnet_arguments_of": "networks.efficientnet",
    "find_architecture": "registry",
    "load_applications_weights": "weights.applications",
    "load_initial_weights": "weights.loading",
    "load_own_model": "own",
    "load_pytorch_weights": "weights.pytorch",
    "load_weights": "weights.loading",
    "network_options": "registry",
    "own_input_shape": "own_architecture",
    "parameter_groups": "registry",
    "register_traits": ".traits",
    "vgg_arguments_of": "networks.vgg",
}

__all__ = [
    "VGG_NAMES",
    "Architecture",
    "Enlarge",
    "KernelAxes",
    "LayerTraits",
    "RandomGeometry",
    "architecture_of",
    "architectures",
    "build_efficientnet",
    "build_network",
    "build_vgg",
    "check_own_spec",
    "default_stage_names",
    "efficientnet_arguments_of",
    "find_architecture",
    "load_applications_weights",
    "load_initial_weights",
    "load_own_model",
    "load_pytorch_weights",
    "load_weights",
    "network_options",
    "own_input_shape",
    "parameter_groups",
    "register_traits",
    "vgg_arguments_of",
]


def __getattr__(name: str) -> Any:
    """Import the file of a name when it is first asked for."""
    if name in _FILE_OF:
        return getattr(importlib.import_module(f".{_FILE_OF[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if "keras" in sys.modules:
    # Layers that saved networks have: Keras finds them once they are imported.
    importlib.import_module(f"{__name__}.enlarging")
    importlib.import_module(f"{__name__}.geometric")
