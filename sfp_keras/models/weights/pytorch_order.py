"""Which module of a PyTorch file belongs to which layer."""

import itertools
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from sfp_keras.errors import InputError
from sfp_keras.models.weights.pytorch_file import Module, numbered_apart

Shapes = dict[str, tuple[int, ...]]


def in_order_of_layers(
    path: Path, modules: Sequence[Module], layers: Sequence[str], shapes: Sequence[Shapes]
) -> list[Module]:
    """Put a file's modules of one kind into the order of the layers.

    A file does not say in which order modules are called. They belong to the layers of their
    names where all have the same; else each to a layer of its shapes. Of equal shapes, those come
    first whose names have the smaller numbers.

    Args:
        path: `Path` of the file, for errors.
        modules: as many as there are layers, by name.
        layers: the layers' names, input side first.
        shapes: of each layer's variables, by the names of their tensors.

    Returns:
        The modules; as they are where shapes do not fit, which setting them says.

    Raises:
        InputError: if two modules of equal shapes are not told apart by numbers.
    """
    named = {_plain(module.name): module for module in modules}
    if len(named) == len(modules) and named.keys() == set(map(_plain, layers)):
        return [named[_plain(layer)] for layer in layers]
    parts = {part for of_layer in shapes for part in of_layer}
    of_modules = [_key({p: s for p, s in m.shapes.items() if p in parts}) for m in modules]
    wanted = [_key(of_layer) for of_layer in shapes]
    if Counter(of_modules) != Counter(wanted):
        return list(modules)
    alike: dict[frozenset, list[Module]] = {}
    for key, module in zip(of_modules, modules, strict=True):
        alike.setdefault(key, []).append(module)
    for same in alike.values():
        for one, other in itertools.pairwise(same):
            if not numbered_apart(one.name, other.name):
                raise InputError(
                    f"{path}: modules {one.name} and {other.name} have the same shapes, and no "
                    "number in their names says which comes first; rename the tensors by numbers "
                    "in the order of the network (such as features.0, features.1), or by the "
                    f"names of the model's layers ({', '.join(layers[:3])}, ...)"
                )
    following = {key: iter(same) for key, same in alike.items()}
    return [next(following[key]) for key in wanted]


def _plain(name: str) -> str:
    return re.sub(r"[./_]+", "_", name)


def _key(shapes: Shapes) -> frozenset:
    return frozenset(shapes.items())
