"""What holds for every network that is known by name, and how options are read."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import sfp_keras
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, all_declarations
from sfp_keras.models import (
    architectures,
    default_stage_names,
    find_architecture,
    network_options,
    parameter_groups,
    registry,
)
from sfp_keras.models.graph import call_graph
from sfp_keras.models.options import NoOptions, Options
from sfp_keras.models.registry import Architecture, register
from sfp_keras.probing import cut_stages, default_stages, list_stages
from sfp_keras.settings import declared, setting

NETWORKS = list(architectures())
# Options that make a network small, for those that have them.
SMALL = {"width": 4, "fc_widths": (8,), "enlarge": 0, "blocks": dict.fromkeys(range(3, 8), 1)}
# Networks of one kind that differ in size alone: the smallest of them says it.
LARGER = (
    *("cct4_3x2", "cct6_3x1", "cct7_3x1", "cct7_7x2", "cct14_7x2"),
    *("avgg8", "avgg13", "avgg14", "avgg16"),
)
BUILT = [pytest.param(name, marks=pytest.mark.slow if name in LARGER else ()) for name in NETWORKS]


def build(name, **arguments):
    options = {field.name for field, _ in declared(find_architecture(name).options)}
    small = {option: value for option, value in SMALL.items() if option in options}
    return sfp_keras.build_network(name, 3, input_shape=(32, 32, 3), **small, **arguments)


@pytest.fixture(scope="module", params=BUILT)
def built(request):
    """Name of a network, and it for three labels."""
    return request.param, build(request.param, seed=1)


def test_it_tells_the_labels_apart_by_logits(built) -> None:
    name, network = built
    assert network.name == name
    assert network.output_shape == (None, 3)
    output = [layer for layer in network.layers if layer.weights][-1]
    assert isinstance(output, keras.layers.Dense)
    assert output.activation is keras.activations.linear
    # Some have one, as published; their probe heads have none.
    assert output.use_bias == name.startswith(("cct", "tree"))


def test_its_stages_are_there_and_can_be_cut(built) -> None:
    name, network = built
    stages = list(default_stage_names(name))
    found = default_stages(network)
    assert stages
    assert [stage.name for stage in found] == stages
    assert {stage.name for stage in list_stages(network)}
    cut = cut_stages(network, stages)
    images = np.zeros((1, 32, 32, 3), "float32")
    # Called once, a network is sooner run than compiled.
    shapes = [tuple(output.shape) for output in cut(images)]
    assert shapes == [(1, *stage.position_shape, stage.filters) for stage in found]


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


# One network of each kind.
WIDE = {
    find_architecture(one).options: one for one in NETWORKS if find_architecture(one).has("width")
}


@pytest.mark.parametrize("name", WIDE.values())
def test_a_width_is_that_of_the_first_convolution(name: str) -> None:
    network = sfp_keras.build_network(name, 3, input_shape=(32, 32, 3), width=3)
    first, second = [x for x in network.layers if isinstance(x, keras.layers.Conv2D)][:2]
    assert first.filters == 3
    assert second.filters in (3, 6, 8)


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
        ("vgg6", {"no_such": 3}, "`no_such` is no option of vgg6; it has filters, width, "),
        ("vgg6", {"filters": ["3"]}, "`filters`=3: give a layer and a number each"),
        ("vgg6", {"filters": ["3:1", "3:2"]}, "every layer once"),
        ("vgg6", {"filters": {3: 1.5}}, "`filters`=3:1.5: give a layer and a number each"),
        ("lenet5", {"filters": ["1:0"]}, "`filters`=1:0 must be whole numbers of at least 1"),
        ("lenet5", {"width": "6"}, "`width` must be a whole number, received '6'"),
        ("lenet5", {"scale_fc": "x"}, "`scale_fc` must be True or False, received 'x'"),
        ("avgg6", {"first_pooling": 2.5}, "`first_pooling` must be a whole number, received 2.5"),
        ("vgg6", {"fc_widths": ["wide"]}, "`fc_widths`=wide: give whole numbers"),
        ("vgg6", {"fc_activation": "tanh"}, "`fc_activation`=tanh must be one of linear, relu"),
        ("efficientnetb0", {"dropout": 1.0}, "`dropout`=1.0 must be at least 0"),
    ],
)
def test_wrong_options_are_refused(name, given, message) -> None:
    with pytest.raises(InputError, match=message):
        find_architecture(name).read(given)


@pytest.mark.parametrize(
    ("labels", "shape", "message"),
    [
        (0, (32, 32, 3), "`num_labels` must be a whole number from 1, not 0"),
        ("ten", (32, 32, 3), "`num_labels` must be a whole number from 1, not 'ten'"),
        (2, (32, 32), r"`input_shape` is \(height, width, channels\), not \(32, 32\)"),
        (2, (32, None, 3), "`input_shape`=.*: each must be a whole number from 1, not None"),
    ],
)
@pytest.mark.parametrize("name", ["lenet5", "tree3", "rodib"])
def test_no_network_of_these_labels_or_images(name, labels, shape, message) -> None:
    with pytest.raises(InputError, match=message):
        sfp_keras.build_network(name, labels, input_shape=shape)


def test_unknown_networks_are_refused() -> None:
    with pytest.raises(InputError, match=r"`name`='vgg19' is not one of .*vgg16"):
        sfp_keras.build_network("vgg19", 3)
    with pytest.raises(ValueError, match="two networks are called 'vgg16'"):
        register(find_architecture("vgg16"))
    with pytest.raises(InputError, match=r"`name`='vgg99' is not one of .*vgg16"):
        sfp_keras.models.default_stage_names("vgg99")


@dataclasses.dataclass(frozen=True)
class BlocksOptions(Options):
    num_blocks: int = setting(2, "Blocks.", low=1)


def build_blocks(num_labels, options, *, input_shape=(32, 32, 3), seed=0, dtype=None):
    layers = [keras.Input(input_shape)]
    for number in range(1, options.num_blocks + 1):
        layers += [keras.layers.Conv2D(4, 3), keras.layers.MaxPooling2D(2, name=f"end{number}")]
    layers += [keras.layers.Flatten(), keras.layers.Dense(num_labels, use_bias=False)]
    return keras.Sequential(layers, name="blocks")


def known(monkeypatch, options, **more):
    """Make a network of blocks known."""
    one = Architecture("blocks", build_blocks, options, **more)
    monkeypatch.setitem(registry._KNOWN, "blocks", one)
    return one


@pytest.mark.parametrize("blocks", [1, 2, 3])
def test_stages_may_depend_on_options_and_be_names_of_layers(blocks, monkeypatch) -> None:
    known(
        monkeypatch,
        BlocksOptions,
        stages=lambda options: tuple(f"end{i + 1}" for i in range(options.num_blocks)),
    )
    network = sfp_keras.build_network("blocks", 3, num_blocks=blocks)
    names = [stage.name for stage in default_stages(network)]
    assert names == [f"end{i + 1}" for i in range(blocks)]


@dataclasses.dataclass(frozen=True)
class ClashingOptions(Options):
    batch_size: int = setting(8, "Filters of the first block.", low=1)


@dataclasses.dataclass(frozen=True)
class OtherOptions(Options):
    fc_activation: int = setting(8, "Not a text, as elsewhere.", low=1)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (ClashingOptions, "option batch_size of blocks is a flag of the command already: rename"),
        (OtherOptions, "fc_activation of OtherOptions is another type than that of VGGOptions"),
    ],
)
def test_options_that_clash_with_others_are_refused(options, message, monkeypatch) -> None:
    known(monkeypatch, options)
    network_options.cache_clear()
    try:
        with pytest.raises(TypeError, match=message):
            all_declarations.__wrapped__()
    finally:
        network_options.cache_clear()


def test_options_and_defaults_that_will_not_do_are_refused() -> None:
    for options in (dict, NoOptions):
        with pytest.raises(TypeError, match="options of blocks must be a subclass of Options"):
            register(Architecture("blocks", build_blocks, options))
    with pytest.raises(ValueError, match="the default 0 of a setting must be at least 1: Blocks"):
        setting(0, "Blocks", low=1)


def test_options_reach_the_network() -> None:
    network = sfp_keras.build_network("vgg6", 3, filters={5: 7}, input_shape=(40, 32, 1))
    assert network.get_layer("layer5_conv").filters == 7
    assert network.input_shape == (None, 40, 32, 1)
    few = {"blocks": SMALL["blocks"], "stage9": False}
    small = sfp_keras.build_network("efficientnetb0", 3, input_shape=(32, 32, 3), **few)
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


def test_another_network_changes_no_other_network_s_settings(monkeypatch) -> None:
    experiment = Experiment.of(model="efficientnetb0")
    before = experiment.settings("train")
    caches = (network_options, all_declarations)

    @dataclasses.dataclass(frozen=True)
    class DroppingOptions(Options):
        dropout: float = setting(0.5, "Dropout.", low=0, below=1)

    known(monkeypatch, DroppingOptions)
    for cached in caches:
        cached.cache_clear()
    try:
        assert experiment.settings("train") == before
        assert before["dropout"] == 0.2
        mine = Experiment.of(model="blocks")
        assert mine.value("dropout") == 0.5
        assert mine.changed(dropout=0.2).settings("train")["dropout"] == 0.2
        assert Experiment.from_json(mine.to_json()) == mine
    finally:
        for cached in caches:
            cached.cache_clear()


@pytest.mark.parametrize("name", BUILT)
def test_channels_are_last_whatever_keras_default(name):
    keras.config.set_image_data_format("channels_first")
    try:
        calls = call_graph(build(name)).calls
    finally:
        keras.config.set_image_data_format("channels_last")
    found = {getattr(call.operation, "data_format", "channels_last") for call in calls}
    assert found == {"channels_last"}
    assert calls[-1].outputs[0].shape == (None, 3)


def test_lists_of_numbers_are_read_or_refused():
    vgg6 = find_architecture("vgg6")
    assert vgg6.read({"fc_widths": 512}).fc_widths == (512,)
    assert vgg6.read({"fc_widths": np.array([5, 4])}).fc_widths == (5, 4)
    assert vgg6.read({"fc_widths": range(3, 5)}).fc_widths == (3, 4)
    for wrong in ((None,), (64.9,)):
        with pytest.raises(InputError, match=r"`fc_widths`=.*: give whole numbers"):
            vgg6.read({"fc_widths": wrong})
