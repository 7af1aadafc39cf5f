"""The list of stages: names as they are typed, the chosen ones first, and no weights drawn."""

import keras
import pytest

from sfp_keras.experiment import Experiment
from sfp_keras.models import build_network
from sfp_keras.probing import Stage, default_stages, list_stages
from sfp_keras.workflows.list_stages import named_stages, shapes_alone


def stage(path: str, name: str | None = None) -> Stage:
    return Stage(name or path.replace("/", "."), path, (2, 3), (2,), 3, 6)


def test_the_chosen_ones_are_first_and_named_as_they_are_typed() -> None:
    candidates = [stage(path) for path in ("a_conv", "a_pool", "net/b", "net/c", "d")]
    chosen = [stage("a_pool", "a"), stage("net/b"), stage("net/c", "net.c")]
    names = [name for name, _ in named_stages(chosen, candidates, ["net.c", "a"])]
    assert names == ["* a", "* net/b", "* net.c", "  a_conv", "  d"]


@pytest.mark.parametrize("name", ["vgg6", "lenet5"])
def test_a_network_without_weights_has_the_same_stages(name: str) -> None:
    experiment = Experiment.of(model=name, dataset="digits", list_stages=True)
    with shapes_alone(experiment):
        listed = build_network(name, 10)
    assert all(weight._value is None for weight in listed.weights)
    whole = build_network(name, 10)
    assert list_stages(listed) == list_stages(whole)
    assert default_stages(listed) == default_stages(whole)


@pytest.mark.parametrize(
    "settings",
    [
        {"model": "vgg6", "weights": "some.safetensors"},
        {"model": "own:net"},
        {"model": "efficientnetb0", "filters": ("stage1_conv:16",)},
    ],
)
def test_weights_that_are_needed_are_made(settings: dict) -> None:
    with shapes_alone(Experiment.of(**settings)):
        dense = keras.layers.Dense(2)
        dense.build((None, 3))
    assert dense.kernel.numpy().shape == (3, 2)
