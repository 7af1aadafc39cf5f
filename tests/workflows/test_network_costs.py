"""What the network with an AFCC head costs, where Keras can load it."""

import keras
import numpy as np
import pandas as pd
import pytest

from sfp_keras.probing import resolve_stages
from sfp_keras.runs import AfccFiles
from sfp_keras.workflows.phases.kept_network import save_model
from sfp_keras.workflows.phases.network_costs import write_costs


class Unregistered(keras.layers.Layer):
    """A layer that Keras finds by no name."""

    def call(self, inputs):
        return 2 * inputs


@pytest.mark.parametrize("own", [False, True])
def test_costs_are_left_out_where_the_network_cannot_be_loaded(own, tmp_path, capsys):
    from sfp_keras import MaskedDense

    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Conv2D(2, 3, name="conv")(inputs)
    x = keras.layers.Flatten()(Unregistered()(x) if own else x)
    model = keras.Model(inputs, MaskedDense(2, np.ones((8, 2), bool), name="head")(x))
    files = AfccFiles(tmp_path)
    model.save(files.model)
    np.savez(files.mask, mask=np.ones((2, 2), bool))
    write_costs(files, *resolve_stages(model, ["conv"]))
    said = capsys.readouterr()
    said = said.out + said.err
    assert files.networks.exists() == (not own)
    if own:
        assert "networks.csv is left out: Keras cannot load" in said
    else:
        assert "full head" in pd.read_csv(files.networks)["network"].tolist()


def test_a_network_that_cannot_be_saved_is_left_out_in_words(tmp_path, capsys):
    class Unsaved(Unregistered):
        def get_config(self):
            raise NotImplementedError("no configuration")

    inputs = keras.Input((4,))
    save_model(tmp_path / "model.keras", keras.Model(inputs, Unsaved()(inputs)))
    said = capsys.readouterr()
    assert "model.keras is left out: no configuration" in (said.out + said.err).replace("\n", " ")
    assert not list(tmp_path.iterdir())
