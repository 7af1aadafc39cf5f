"""The list of stages: names as they are typed, the chosen ones first, and no weights drawn."""

import keras
import pytest

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.models import build_network
from sfp_keras.probing import Stage, default_stages, list_stages
from sfp_keras.workflows.inputs.stage_settings import views_without_run
from sfp_keras.workflows.list_stages import head_numbers, named_stages, shapes_alone


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


MAP = Stage("map", "map", (4, 4, 6), (4, 4), 6, 96)
TOKENS = Stage("tokens", "tokens", (9, 6), (9,), 6, 54)


@pytest.mark.parametrize(
    ("pool", "of_map", "of_tokens"),
    [
        ((), (96, 96), (54, 54)),
        (("map=avg:2",), (24, 24), (54, 54)),
        (("tokens=sequence+heads:2", "max:4"), (6, 6), (54, 6)),
    ],
)
def test_numbers_are_those_of_what_a_head_reads(
    pool: tuple, of_map: tuple, of_tokens: tuple
) -> None:
    experiment = Experiment.of(model="vgg6", pool=pool)
    views = views_without_run(experiment, [MAP, TOKENS])
    found = [head_numbers(*pair) for pair in zip((MAP, TOKENS), views, strict=True)]
    assert found == [of_map, of_tokens]
    assert head_numbers(MAP, None) == (96, 96)


@pytest.mark.parametrize(
    ("pool", "words"),
    [
        ("avgg:2", "`pool`='avgg:2' is none of"),
        ("mapp=avg:2", "'mapp' is none of"),
        ("map=avg:9", "`pool`=avg:9"),
    ],
)
def test_pools_that_do_not_fit_are_refused(pool: str, words: str) -> None:
    experiment = Experiment.of(model="vgg6", pool=(pool,))
    with pytest.raises(InputError, match=words):
        head_numbers(MAP, *views_without_run(experiment, [MAP]))
