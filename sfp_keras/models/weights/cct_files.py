"""What files of the compact transformers' public PyTorch code call their tensors."""

import re
from pathlib import Path
from typing import Any

import numpy as np

from sfp_keras.errors import InputError
from sfp_keras.models.weights.pytorch_file import read_tensors, tensor_names

_PARTS = {
    "norm1": "pre_norm",
    "heads": "self_attn.qkv",
    "projection": "self_attn.proj",
    "norm2": "norm1",
    "ff1": "linear1",
    "ff2": "linear2",
}
_OUTSIDE = {
    "position": "classifier.positional_emb",
    "norm": "classifier.norm",
    "pooling": "classifier.attention_pool",
    "output": "classifier.fc",
}


def cct_module(layer: str) -> str:
    """The module of a layer of a compact transformer; an empty text where it has none."""
    token = re.fullmatch(r"token(\d+)_conv", layer)
    if token:
        return f"tokenizer.conv_layers.{int(token[1]) - 1}.0"
    encoder = re.fullmatch(r"encoder(\d+)_(\w+)", layer)
    if encoder and encoder[2] in _PARTS:
        return f"classifier.blocks.{int(encoder[1]) - 1}.{_PARTS[encoder[2]]}"
    return _OUTSIDE.get(layer, "")


def cct_arguments(source: str, trained: bool) -> dict[str, Any]:
    """The options that a trained network's file decides, as `WeightFiles.arguments`.

    Raises:
        InputError: if the file cannot be read or is of another network.
    """
    if not (trained and source.endswith(".safetensors")):
        return {}
    path = Path(source)
    tensors = tensor_names(path)
    shapes = {name: shape for name, (_, shape) in tensors.items()}
    found = (re.match(r"classifier\.blocks\.(\d+)\.", name) for name in shapes)
    blocks = [int(match[1]) for match in found if match]
    first, output = "classifier.blocks.0.linear1.weight", "classifier.fc.weight"
    if any(len(shapes.get(name, ())) != 2 or 0 in shapes[name] for name in (first, output)):
        raise InputError(
            f"{path} has no tensors {first} and {output} with two axes, so it is no compact "
            "transformer's file"
        )
    return {
        "num_labels": shapes[output][0],
        "output_bias": "classifier.fc.bias" in shapes,
        "encoders": max(blocks) + 1,
        "token_width": shapes[first][1],
        "ff_width": shapes[first][0],
        "position_embedding": _positions(path, tensors),
    }


def _positions(path: Path, tensors: dict[str, tuple[str, tuple[int, ...]]]) -> str:
    """The kind of the position embedding, which the numbers tell."""
    name, shape = tensors.get(_OUTSIDE["position"], ("", ()))
    if len(shape) != 3 or 0 in shape:
        raise InputError(f"{path} has no tensor {_OUTSIDE['position']} with three axes")
    from sfp_keras.layers.position_embedding import sine_positions

    [numbers] = read_tensors(path, [name])
    # Computed in float32 there.
    return "sine" if np.allclose(numbers[0], sine_positions(*shape[1:]), atol=1e-3) else "learned"
