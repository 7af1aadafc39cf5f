"""What a safetensors file with PyTorch's names holds: its modules in order, and its tensors."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open

from sfp_keras.errors import InputError, first_line

_KIND_BY_AXES = {4: "convolution", 1: "batch norm", 2: "linear"}
_PARTS = {
    "convolution": {"weight", "bias"},
    "batch norm": {"weight", "bias", "running_mean", "running_var"},
    "linear": {"weight", "bias"},
}
MODULE_KINDS = tuple(_PARTS)


@dataclass(frozen=True)
class Module:
    """One module of a PyTorch network with weights.

    Attributes:
        name: its name in the file, such as `features.0`.
        shapes: shape of each of its tensors by the tensor's last name, such as `weight`.
    """

    name: str
    shapes: dict[str, tuple[int, ...]]

    def tensor(self, part: str) -> str:
        """Return the full name of one of its tensors."""
        return f"{self.name}.{part}" if self.name else part


def read_modules(path: Path) -> dict[str, list[Module]]:
    """List a file's modules by kind, without reading the numbers.

    Args:
        path: `Path` of a safetensors file.

    Returns:
        For each of `MODULE_KINDS` its modules, ordered by name with numbers as numbers
        (`features.3` before `features.10`). `num_batches_tracked` is left out.

    Raises:
        InputError: if the file cannot be read, or a tensor belongs to none of these kinds.
    """
    shapes: dict[str, dict[str, tuple[int, ...]]] = {}
    with _opened(path) as file:
        for name in file.keys():  # noqa: SIM118 - the opened file is no mapping
            module, _, part = name.rpartition(".")
            if part != "num_batches_tracked":
                shapes.setdefault(module, {})[part] = tuple(file.get_slice(name).get_shape())
    modules: dict[str, list[Module]] = {kind: [] for kind in MODULE_KINDS}
    for name in sorted(shapes, key=_natural_order):
        module_found = Module(name, shapes[name])
        kind = _KIND_BY_AXES.get(len(shapes[name].get("weight", ())))
        strange = sorted(set(shapes[name]) - _PARTS.get(kind or "", set()))
        if strange:
            raise InputError(
                f"{path}: tensor {module_found.tensor(strange[0])} of shape "
                f"{shapes[name][strange[0]]} belongs to no 2-D convolution, batch norm or linear "
                "layer: give other networks as a .keras file (--model)"
            )
        modules[kind or ""].append(module_found)
    return modules


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


def vgg_arguments_of(path: str | Path) -> dict[str, Any]:
    """Read from a safetensors file which arguments `build_vgg` needs for it.

    Example:

    ```
    model = build_vgg("vgg16", fc_activation="relu", **vgg_arguments_of(path))
    load_pytorch_weights(model, path)
    ```

    Args:
        path: `str` or `Path`. A file of a VGG network with PyTorch's names.

    Returns:
        The arguments `num_labels`, `conv_bias`, `batch_norm`, `fc_widths` and `output_bias`.
        Missing is what a file does not say: `fc_activation`.

    Raises:
        InputError: if the file cannot be read or lacks convolutions or linear layers.
    """
    modules = read_modules(Path(path))
    for kind in ("convolution", "linear"):
        if not modules[kind]:
            raise InputError(f"{path} holds no {kind} weights, so it is no VGG network's file")
    *hidden, output = modules["linear"]
    return {
        "num_labels": output.shapes["weight"][0],
        "conv_bias": "bias" in modules["convolution"][0].shapes,
        "batch_norm": bool(modules["batch norm"]),
        "fc_widths": tuple(module.shapes["weight"][0] for module in hidden),
        "output_bias": "bias" in output.shapes,
    }


def efficientnet_arguments_of(path: str | Path) -> dict[str, Any]:
    """Read from a safetensors file which arguments `build_efficientnet` needs for it.

    Args:
        path: `str` or `Path`. A file of an EfficientNet-B0 with torchvision's names.

    Returns:
        The arguments `num_labels` (`None` where the file has no output layer), `output_bias`,
        `blocks` and `stage9`.

    Raises:
        InputError: if the file cannot be read or has other names.
    """
    modules = read_modules(Path(path))
    blocks: dict[int, int] = {}
    for module in modules["convolution"]:
        match = re.match(r"features\.(\d+)\.(\d+)\.", module.name)
        if match:
            stage, block = int(match[1]) + 1, int(match[2]) + 1
            blocks[stage] = max(block, blocks.get(stage, 0))
    if not blocks:
        raise InputError(
            f"{path} has no tensors features.<stage>.<block>. ..., so it is no torchvision "
            "EfficientNet's file"
        )
    linear = modules["linear"][-1:]
    return {
        "num_labels": linear[0].shapes["weight"][0] if linear else None,
        "output_bias": bool(linear) and "bias" in linear[0].shapes,
        "blocks": {stage: count for stage, count in blocks.items() if 2 <= stage <= 8},
        "stage9": any(m.name.startswith("features.8.") for m in modules["convolution"]),
    }


def _opened(path: Path) -> Any:
    if not path.is_file():
        raise InputError(f"weights file {path} does not exist (--weights)")
    try:
        return safe_open(path, framework="numpy")
    except (SafetensorError, OSError) as error:
        raise InputError(
            f"weights file {path} is not a whole safetensors file ({first_line(error)}): write it "
            "with safetensors.torch.save_file(model.state_dict(), path)"
        ) from None


def _natural_order(name: str) -> list[tuple[int, int, str]]:
    pieces = re.split(r"(\d+)|\.", name)
    return [(0, int(p), "") if p.isdigit() else (1, 0, p) for p in pieces if p]
