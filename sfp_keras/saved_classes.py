"""Classes of saved models are found by Keras after `import sfp_keras` alone.

Keras finds a class by its registered name, under which a class is only known once its module is
imported. Stand-ins take these names, and import the module when a model needs the class.
"""

import importlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Public names of the package, too.
PUBLIC_CLASSES = {
    "AdamW": "sfp_keras.training",
    "AttentionHeads": "sfp_keras.layers",
    "CompactDense": "sfp_keras.layers",
    "GatheredDense": "sfp_keras.layers",
    "MaskConstraint": "sfp_keras.layers",
    "MaskedConv2D": "sfp_keras.layers",
    "MaskedDense": "sfp_keras.layers",
    "MaskedDepthwiseConv2D": "sfp_keras.layers",
    "MaskedEinsumDense": "sfp_keras.layers",
    "PositionEmbedding": "sfp_keras.layers",
    "SequencePooling": "sfp_keras.layers",
    "StochasticDepth": "sfp_keras.layers",
    "TreeSampling": "sfp_keras.layers",
    "Enlarge": "sfp_keras.models",
    "RandomGeometry": "sfp_keras.models",
    "SGD": "sfp_keras.training",
}
ROOM_OF = {
    **PUBLIC_CLASSES,
    "CrossEntropy": "sfp_keras.training.loss",
    "EpochAccuracy": "sfp_keras.training.loss",
    "EpochCrossEntropy": "sfp_keras.training.loss",
    "InsideLayer": "sfp_keras.probing.inside_layer",
    "StageModel": "sfp_keras.probing.cutting",
}


def register_saved_classes() -> None:
    """Tell Keras of the stand-ins, now or as soon as it is imported; Keras is not imported here."""
    keras = sys.modules.get("keras")
    if keras is not None and hasattr(keras, "saving"):
        _register(keras)
    elif not any(isinstance(finder, _KerasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _KerasFinder())


def _register(keras: ModuleType) -> None:
    known = keras.saving.get_custom_objects()
    for name, room in ROOM_OF.items():
        known.setdefault(f"sfp_keras>{name}", _stand_in(name, room))


def _stand_in(name: str, room: str) -> type:
    def from_config(cls: type, config: dict[str, Any], **more: Any) -> Any:
        # The import puts the class itself in the place of its stand-in.
        return getattr(importlib.import_module(room), name).from_config(config, **more)

    return type(name, (), {"from_config": classmethod(from_config)})


class _KerasFinder(importlib.abc.MetaPathFinder):
    """Lets the import of Keras end with the registration."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("keras")
        if spec is not None and spec.loader is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module: ModuleType) -> None:
                execute(module)
                _register(module)

            spec.loader.exec_module = execute_and_register  # type: ignore[method-assign]
        return spec
