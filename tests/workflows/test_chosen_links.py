"""Which links the command zeroes."""

import keras
import pytest

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.workflows.inputs.stages import chosen_links


def chosen(*names: str) -> list[str]:
    inputs = keras.Input((4,))
    x = keras.layers.Dense(6, name="second")(keras.layers.Dense(5, name="first")(inputs))
    outputs = [keras.layers.Dense(size, name=name)(x) for size, name in ((3, "labels"), (2, "aux"))]
    experiment = Experiment().changed(afcc_links=names)
    return [link.name for link in chosen_links(experiment, keras.Model(inputs, outputs), 3)]


def test_an_output_of_another_number_than_the_labels_is_no_link() -> None:
    assert chosen("all") == ["second", "labels"]
    with pytest.raises(InputError, match="`afcc_links`: there is no link 'aux'"):
        chosen("second", "aux")
