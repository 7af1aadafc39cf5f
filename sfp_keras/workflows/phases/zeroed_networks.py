"""Networks with masks on links, kept and loaded again."""

import warnings
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np

from sfp_keras.afcc import mask_layers
from sfp_keras.files import damaged, load_npz, save_npz
from sfp_keras.runs.link_files import LinkFiles, LinkTraining
from sfp_keras.workflows.phases.kept_network import save_model
from sfp_keras.workflows.phases.link_masks import masks_in


def keep_zeroed_network(files: LinkFiles, training: LinkTraining, network: keras.Model) -> None:
    """Write model.keras and mask.npz.

    Args:
        files: `LinkFiles`.
        training: `LinkTraining` that the network comes from.
        network: `keras.Model` with masked layers.
    """
    save_npz(
        files.mask,
        **_arrays(masks_in(network)),
        variant=np.array(training.variant),
        split=np.array(training.images),
        threshold=np.float64(training.threshold),
        seed=np.int64(training.seed),
        start=np.array(training.start),
    )
    save_model(files.model, network)


def keep_state(path: Path, network: keras.Model) -> None:
    """Write masks and weights of a network that a sequence goes on with."""
    weights = {f"weights{i}": array for i, array in enumerate(network.get_weights())}
    save_npz(path, **_arrays(masks_in(network)), **weights)


def restored(network: keras.Model, path: Path) -> keras.Model:
    """A copy of a network with the masks and weights that `keep_state` wrote.

    Raises:
        InputError: if the file is damaged.
    """
    state = load_npz(path)
    try:
        masks = {str(layer): state[f"mask{i}"] for i, layer in enumerate(state["layers"])}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "mask: .* units have no free weight")
            copy = mask_layers(network, masks)
        copy.set_weights([state[f"weights{i}"] for i in range(len(copy.weights))])
    except (KeyError, ValueError) as error:
        raise damaged(path, error, "delete it and run again") from None
    return copy


def _arrays(masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    numbered = {f"mask{i}": mask for i, mask in enumerate(masks.values())}
    return {"layers": np.array(list(masks), dtype=np.str_), **numbered}
