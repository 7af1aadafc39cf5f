"""What a safetensors file with PyTorch's names holds: its modules in order, and its tensors."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from sfp_keras.errors import InputError, first_line
from sfp_keras.files import meant

_KIND_BY_AXES = {4: "convolution", 1: "batch norm", 2: "linear"}
_PARTS = {
    "convolution": {"weight", "bias"},
    "batch norm": {"weight", "bias", "running_mean", "running_var"},
    "linear": {"weight", "bias"},
}
MODULE_KINDS = tuple(_PARTS)
# Heads of more linear layers are none that we know, and every order of them may be tried.
_MOST_IN_CHAIN = 8
# What nn.DataParallel puts before all names.
_PARALLEL = "module."


@dataclass(frozen=True)
class Module:
    """One module of a PyTorch network with weights.

    Attributes:
        name: its name in the network, such as `features.0`.
        shapes: shape of each of its tensors by the tensor's last name, such as `weight`.
        prefix: what the file puts before all names.
    """

    name: str
    shapes: dict[str, tuple[int, ...]]
    prefix: str = ""

    def tensor(self, part: str) -> str:
        """Return the full name of one of its tensors in the file."""
        return self.prefix + (f"{self.name}.{part}" if self.name else part)


def read_modules(path: Path) -> dict[str, list[Module]]:
    """List a file's modules by kind, without reading the numbers.

    Args:
        path: `Path` of a safetensors file.

    Returns:
        For each of `MODULE_KINDS` its modules, ordered by name with numbers as numbers
        (`features.3` before `features.10`). Linear ones of which each reads what another puts out
        are in that order, so that `classifier` may come after `fc1`. `num_batches_tracked` is left
        out.

    Raises:
        InputError: if the file cannot be read, or a tensor belongs to none of these kinds.
    """
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    prefix = ""
    for name, (in_file, shape) in tensor_names(path).items():
        module, _, part = name.rpartition(".")
        shapes.setdefault(module, {})[part] = shape
        prefix = in_file.removesuffix(name)
    modules: dict[str, list[Module]] = {kind: [] for kind in MODULE_KINDS}
    for name in sorted(shapes, key=_natural_order):
        module_found = Module(name, shapes[name], prefix)
        kind = _KIND_BY_AXES.get(len(shapes[name].get("weight", ())))
        strange = sorted(set(shapes[name]) - _PARTS.get(kind or "", set()))
        if strange:
            raise InputError(
                f"{path}: tensor {module_found.tensor(strange[0])} of shape "
                f"{shapes[name][strange[0]]} belongs to no 2-D convolution, batch norm or linear "
                "layer: give other networks as a .keras file"
            )
        modules[kind or ""].append(module_found)
    if 1 < len(modules["linear"]) <= _MOST_IN_CHAIN:
        modules["linear"] = _chain([], modules["linear"]) or modules["linear"]
    return modules


def _chain(begun: list[Module], rest: list[Module]) -> list[Module] | None:
    """Linear modules so that each reads what the one before puts out; `None` if none are so."""
    if not rest:
        return begun
    for place, module in enumerate(rest):
        if begun and module.shapes["weight"][1] != begun[-1].shapes["weight"][0]:
            continue
        found = _chain([*begun, module], rest[:place] + rest[place + 1 :])
        if found is not None:
            return found
    return None


def read_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """The shapes of a file's tensors by name, without reading the numbers.

    Args:
        path: `Path` of a safetensors file.

    Returns:
        Dict; `num_batches_tracked` is left out.

    Raises:
        InputError: if the file cannot be read.
    """
    with _opened(path) as file:
        return {
            name: tuple(file.get_slice(name).get_shape())
            for name in file.keys()  # noqa: SIM118 - the opened file is no mapping
            if name.rpartition(".")[2] != "num_batches_tracked"
        }


def tensor_names(path: Path) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The tensors of a file: by their names in the network, those in the file and the shapes.

    Raises:
        InputError: if the file cannot be read.
    """
    shapes = read_shapes(path)
    prefix = _PARALLEL if all(name.startswith(_PARALLEL) for name in shapes) else ""
    return {name.removeprefix(prefix): (name, shape) for name, shape in shapes.items()}


def read_tensors(path: Path, names: list[str]) -> list[np.ndarray]:
    """Read tensors by name as float32.

    Args:
        path: `Path` of a safetensors file.
        names: names of tensors in the file.

    Returns:
        The arrays, in the order of `names`.

    Raises:
        InputError: if the file or a tensor cannot be read.
    """
    tensors = []
    with _opened(path) as file:
        for name in names:
            try:
                tensors.append(file.get_tensor(name).astype(np.float32))
            except (SafetensorError, TypeError, AttributeError, ValueError) as error:
                raise InputError(
                    f"{path}: tensor {name} cannot be read ({first_line(error)}): save it as "
                    "float32"
                ) from None
    return tensors


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"`weights`: file {path} does not exist{meant(path)}")
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"weights file {path} is not a whole safetensors file ({first_line(error)}): write it "
            "with safetensors.torch.save_file(model.state_dict(), path)"
        ) from None


def _natural_order(name: str) -> list[tuple[int, int, str]]:
    # Of digits only 0 to 9 number modules: others, such as superscripts, are letters.
    pieces = re.split(r"([0-9]+)|\.", name)
    return [(0, int(p), "") if re.fullmatch("[0-9]+", p) else (1, 0, p) for p in pieces if p]


def numbered_apart(first: str, second: str) -> bool:
    """Whether it is a number that tells two modules' names apart, and so says their order.

    Args:
        first: `str`. A name, such as `features.3` or `block1.conv`.
        second: `str`. Another.
    """
    for one, other in zip(_natural_order(first), _natural_order(second), strict=False):
        if one != other:
            return one[0] == other[0] == 0
    return False
