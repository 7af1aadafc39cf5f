"""What holds for every network that is known by name, and how options are read."""

import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import sfp_keras
from sfp_keras.errors import InputError
from sfp_keras.models import (
    architectures,
    default_stage_names,
    find_architecture,
    network_options,
    parameter_groups,
)
from sfp_keras.models.registry import register
from sfp_keras.probing import cut_stages, default_stages, list_stages
from sfp_keras.settings import declared

NETWORKS = list(architectures())
# Options that make a network small, for those that have them.
SMALL = {"fc_widths": (8,), "enlarge": 0, "blocks": dict.fromkeys(range(3, 8), 1)}


def build(name, **arguments):
    options = {field.name for field, _ in declared(find_architecture(name).options)}
    small = {option: value for option, value in SMALL.items() if option in options}
    return sfp_keras.build_network(name, 3, input_shape=(32, 32, 3), **small, **arguments)


@pytest.fixture(scope="module", params=NETWORKS)
def built(request):
    """Name of a network, and it for three labels."""
    return request.param, build(request.param, seed=1)


def test_it_tells_the_labels_apart_by_logits(built) -> None:
    name, network = built
    assert network.name == name
    assert network.output_shape == (None, 3)
    output = network.layers[-1]
    assert isinstance(output, keras.layers.Dense)
    assert output.activation is keras.activations.linear
    assert not output.use_bias


def test_its_stages_are_there_and_can_be_cut(built) -> None:
    name, network = built
    stages = list(default_stage_names(name))
    assert stages
    assert [stage.name for stage in default_stages(network)] == stages
    assert {stage.name for stage in list_stages(network)}
    cut = cut_stages(network, stages)
    images = np.zeros((1, 32, 32, 3), "float32")
    shapes = [output.shape for output in cut.predict_on_batch(images)]
    assert [shape[-1] for shape in shapes] == [output.shape[-1] for output in cut.outputs]


def test_its_weights_are_a_function_of_the_seed(built) -> None:
    name, network = built
    same, other = (build(name, seed=seed).weights for seed in (1, 2))
    kernels = [i for i, weight in enumerate(same) if "kernel" in weight.path]
    for index, weight in enumerate(network.weights):
        np.testing.assert_array_equal(weight, same[index])
    for index in kernels:
        assert not np.array_equal(network.weights[index], other[index]), other[index].path


def test_it_is_the_same_after_saving_and_loading(built, tmp_path: Path) -> None:
    _, network = built
    network.save(tmp_path / "network.keras")
    loaded = keras.saving.load_model(tmp_path / "network.keras")
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3))
    np.testing.assert_array_equal(network(images), loaded(images))


def test_its_groups_of_parameters_are_found(built) -> None:
    name, network = built
    paths = [variable.path for variable in network.trainable_variables]
    for pattern in find_architecture(name).groups.values():
        assert any(re.search(pattern, path) for path in paths)


def test_a_group_of_several_networks_is_found_in_each() -> None:
    groups = parameter_groups()
    for path in ("layer1_conv/kernel", "vgg/stage3_project/kernel"):
        assert re.search(groups["conv"], path)
    for path in ("output/kernel", "fc14/kernel"):
        assert re.search(groups["fc"], path)
        assert not re.search(groups["conv"], path)


@pytest.mark.parametrize("name", NETWORKS)
def test_options_that_are_named_are_there(name: str) -> None:
    architecture = find_architecture(name)
    options = vars(architecture.options())
    assert {*architecture.defining, *architecture.files.unsaid} <= set(options)
    assert not architecture.changed({})


def test_options_are_listed_without_keras() -> None:
    code = (
        "import sys; from sfp_keras.models import architectures, network_options;"
        "network_options(); print(*{'keras', 'tensorflow', 'jax'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, ""), done.stderr


def test_every_option_with_a_flag_has_one_meaning() -> None:
    flags = {field.name: field for field, _ in declared(network_options())}
    for architecture in architectures().values():
        assert {field.name for field, _ in declared(architecture.options)} <= set(flags)
    assert flags["filters"].default == ()
    assert flags["stage9"].default is True


@pytest.mark.parametrize(
    ("name", "given", "want"),
    [
        ("vgg16", {"filters": ("13:350", "12:20")}, {"filters": {13: 350, 12: 20}}),
        ("vgg16", {"filters": {13: 350}}, {"filters": {13: 350}}),
        ("vgg16", {"filters": ()}, {"filters": None}),
        ("vgg16", {"fc_widths": ("512", "64")}, {"fc_widths": (512, 64)}),
        ("vgg16", {"fc_widths": ["none"]}, {"fc_widths": ()}),
        ("efficientnetb0", {"blocks": ["3:1"], "stage9": False}, {"blocks": {3: 1}}),
    ],
)
def test_options_are_read_from_values_and_texts(name, given, want) -> None:
    options = find_architecture(name).read(given)
    assert {key: getattr(options, key) for key in want} == want


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("efficientnetb0", {"fc_widths": (5,)}, "`fc_widths` is no option of efficientnetb0; vgg6"),
        ("vgg6", {"blocks": {3: 1}}, "`blocks` is no option of vgg6; efficientnetb0 has it"),
        ("vgg6", {"width": 3}, "`width` is no option of vgg6; it has filters, conv_bias"),
        ("vgg6", {"filters": ["3"]}, "`filters`=3: give a layer and a number each"),
        ("vgg6", {"filters": ["3:1", "3:2"]}, "every layer once"),
        ("vgg6", {"fc_widths": ["wide"]}, "`fc_widths`=wide: give whole numbers"),
        ("vgg6", {"fc_activation": "tanh"}, "`fc_activation`=tanh must be one of linear, relu"),
        ("efficientnetb0", {"dropout": 1.0}, "`dropout`=1.0 must be at least 0"),
    ],
)
def test_wrong_options_are_refused(name, given, message) -> None:
    with pytest.raises(InputError, match=message):
        find_architecture(name).read(given)


def test_unknown_networks_are_refused() -> None:
    with pytest.raises(InputError, match=r"`model`='vgg19' is not one of .*vgg16"):
        sfp_keras.build_network("vgg19", 3)
    with pytest.raises(ValueError, match="two networks are called 'vgg16'"):
        register(find_architecture("vgg16"))


def test_options_reach_the_network() -> None:
    network = sfp_keras.build_network("vgg6", 3, filters={5: 7}, input_shape=(40, 32, 1))
    assert network.get_layer("layer5_conv").filters == 7
    assert network.input_shape == (None, 40, 32, 1)
    small = sfp_keras.build_network("efficientnetb0", 3, input_shape=(32, 32, 3), stage9=False)
    assert small.get_layer("enlarge").size == (224, 224)
    names = default_stage_names("efficientnetb0", stage9=False)
    assert names[-1] == "stage8"
    assert [stage.name for stage in default_stages(small)] == list(names)


@pytest.mark.parametrize(
    ("name", "given", "source", "changed"),
    [
        ("vgg16", {"conv_bias": False}, None, False),
        ("vgg16", {"filters": ["13:350"]}, None, True),
        ("efficientnetb0", {"blocks": ("3:1", "4:1")}, None, True),
        ("efficientnetb0", {"padding": "same"}, None, True),
        ("efficientnetb0", {"padding": "same"}, "imagenet", False),
    ],
)
def test_what_makes_it_another_network(name, given, source, changed) -> None:
    assert bool(find_architecture(name).changed(given, source)) == changed
