"""One door for weights of every file kind."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from sfp_keras.errors import InputError
from sfp_keras.models import build_vgg, load_weights

FILTERS = dict.fromkeys(range(1, 6), 3)


def small(seed, labels=2):
    return build_vgg("vgg6", labels, filters=FILTERS, seed=seed)


@pytest.mark.parametrize("ending", ["net.weights.h5", "net.keras"])
def test_keras_files(tmp_path, ending):
    source, target = small(1), small(2)
    path = tmp_path / ending
    (source.save_weights if ending.endswith("h5") else source.save)(path)
    load_weights(target, path)
    for a, b in zip(source.get_weights(), target.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("ending", ["net.weights.h5", "net.keras"])
def test_keras_files_of_another_network_or_damaged(tmp_path, ending):
    source = small(1)
    path = tmp_path / ending
    (source.save_weights if ending.endswith("h5") else source.save)(path)
    with pytest.raises(InputError, match=f"{ending} does not fit model 'vgg6'") as error:
        load_weights(small(1, labels=3), path)
    assert "\n" not in str(error.value)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(InputError, match="damaged"):
        load_weights(small(1), path)


def test_safetensors_goes_to_pytorchs_loader(tmp_path):
    path = tmp_path / "net.safetensors"
    save_file({"a.weight": np.zeros((3, 3, 3, 3), "float32")}, path)
    with pytest.raises(InputError, match="1 convolution modules"):
        load_weights(small(1), path)


def test_other_kinds_and_missing_files(tmp_path):
    path = tmp_path / "net.pth"
    path.write_bytes(b"pickle")
    with pytest.raises(InputError, match=r"net\.pth.*save_file"):
        load_weights(small(1), path)
    with pytest.raises(InputError, match="does not exist"):
        load_weights(small(1), tmp_path / "none.weights.h5")
