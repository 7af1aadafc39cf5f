"""Presets: the papers' hyperparameters, and who wins."""

import dataclasses
import importlib
import shlex
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import pytest

from sfp_keras import models
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.training import ParameterGroup, StepDecay, parse_decay, parse_group

ROOT = Path(__file__).parents[2]

TWO_PHASES = "0.65/20<=140,0.55/20"

# Network, data, labels; then epochs, eta, mu, alpha and q/dt of the network and of the heads, as
# the papers' tables have them. CIFAR-10/100 has no row in paper 2: CIFAR-20/100's. VGG-11 has none
# anywhere: VGG-16's.
CIFAR100 = (0.002, 0.975, 0.004, "0.65/20")
CIFAR100_FEW = (0.004, 0.965, 0.003, "0.65/20")
CIFAR100_HEADS = (0.005, 0.975, 1.5e-5, "0.65/20")
CIFAR10_FEW = (0.01, 0.975, 0.0015, "0.65/20")
CIFAR10_FEW_HEADS = (0.02, 0.995, 1e-7, "0.6/20")
CIFAR10_HEADS = (0.1, 0.975, 1e-5, "0.6/20")
PAPERS = {
    "vgg16-cifar100": ("vgg16", "cifar100", None, 300, CIFAR100, CIFAR100_HEADS),
    "vgg16-cifar100-k60": ("vgg16", "cifar100", 60, 300, CIFAR100, CIFAR100_HEADS),
    "vgg16-cifar100-k40": ("vgg16", "cifar100", 40, 300, CIFAR100, CIFAR100_HEADS),
    "vgg16-cifar100-k20": ("vgg16", "cifar100", 20, 300, CIFAR100_FEW, CIFAR100_HEADS),
    "vgg16-cifar100-k10": ("vgg16", "cifar100", 10, 300, CIFAR100_FEW, CIFAR100_HEADS),
    "vgg11-cifar100": ("vgg11", "cifar100", None, 300, CIFAR100, CIFAR100_HEADS),
    "vgg11-cifar100-k10": ("vgg11", "cifar100", 10, 300, CIFAR100_FEW, CIFAR100_HEADS),
    "vgg16-cifar10-k8": ("vgg16", "cifar10", 8, 200, CIFAR10_FEW, CIFAR10_FEW_HEADS),
    "vgg16-cifar10-k6": ("vgg16", "cifar10", 6, 200, CIFAR10_FEW, CIFAR10_FEW_HEADS),
    "vgg16-cifar10-k3": ("vgg16", "cifar10", 3, 200, CIFAR10_FEW, CIFAR10_FEW_HEADS),
    "vgg16-cifar10": (
        *("vgg16", "cifar10", None, 200),
        *((0.028, 0.975, 0.0015, "0.6/20"), CIFAR10_HEADS),
    ),
    "vgg6-cifar10": (
        *("vgg6", "cifar10", None, 200),
        *((0.0145, 0.97, 0.001, TWO_PHASES), CIFAR10_HEADS),
    ),
    "avgg16-cifar10": (
        *("avgg16", "cifar10", None, 280),
        *((0.00721, 0.98, 0.00115, TWO_PHASES), (0.02, 0.995, 1e-8, "0.6/20")),
    ),
}
EFFICIENT = (0.01, 0.9, 0.001, "0.975/1")
EFFICIENT_HEADS = (0.005, 0.975, 1.5e-5, "0.975/1")
PAPERS |= {
    f"efficientnetb0-cifar100{name}": (
        *("efficientnetb0", "cifar100", labels, 200),
        *(hyperparameters, EFFICIENT_HEADS),
    )
    for name, labels, hyperparameters in [
        *[(f"-k{labels}", labels, EFFICIENT) for labels in (10, 20, 40, 60)],
        *[("", None, EFFICIENT), ("-no9", None, EFFICIENT)],
        ("-short34", None, (0.002, 0.98, 1e-4, "0.975/1")),
        ("-short5", None, (0.01, 0.965, 5e-4, "0.975/1")),
    ]
}
FC_GROUPS = {
    "vgg6-cifar10": (0.002, 0.975, 0.0012, "0.65/20<=140,0.5/20"),
    "avgg16-cifar10": (0.0045, 0.982, 0.00135, "0.65/20+10<=150,0.55/20+10"),
}
# Learning rates of parts of EfficientNet-B0, as shares of eta.
SHARES = {
    name: {"stage[1-7]": 0.1, "stage9": 0.2} for name in PAPERS if name.startswith("efficientnet")
}
SHARES["efficientnetb0-cifar100-no9"] = {"stage[1-7]": 0.1, "stage8": 0.2}
PRESETS = sorted(path.stem for path in (ROOT / "flags" / "presets").glob("*.flags"))


def network(experiment: Experiment) -> tuple[float, float, float, str]:
    of = experiment.training
    return of.lr, of.momentum, of.l2, of.decay


def heads(experiment: Experiment) -> tuple[float, float, float, str]:
    of = experiment.heads.training
    return of.lr, of.momentum, of.l2, of.decay


def test_the_papers_presets_are_there(parsed: Callable) -> None:
    assert importlib.import_module("sfp_keras.command.preset").names() == PRESETS
    assert set(PAPERS) < set(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_preset_is_an_experiment(name: str, parsed: Callable) -> None:
    experiment = parsed(f"--preset={name}")
    assert experiment.run.preset == name
    assert experiment.network.model in models.architectures()
    assert experiment.trains == (name != "efficientnetb0-imagenet2012")
    for decay in (experiment.training.decay, experiment.heads.training.decay):
        assert parse_decay(decay).rate(0.1, Fraction(0), 100) == 0.1
    file = ROOT / "flags" / "presets" / f"{name}.flags"
    # A reader of the file finds there how to run it, what to expect and how long it takes.
    for line in (f"--preset={name}", "# Expect:", "Time:"):
        assert line in file.read_text()


@pytest.mark.parametrize("name", PAPERS)
def test_hyperparameters_are_the_papers(name: str, parsed: Callable) -> None:
    model, dataset, labels, epochs, of_network, of_heads = PAPERS[name]
    found = parsed(f"--preset={name}")
    assert (found.network.model, found.data.dataset, found.data.labels) == (model, dataset, labels)
    assert (found.training.schedule_epochs, found.training.total_epochs) == (epochs, epochs)
    assert network(found) == of_network
    assert heads(found) == of_heads
    assert found.heads.training.total_epochs == 100
    assert (found.training.batch_size, found.heads.training.batch_size) == (100, 100)
    assert found.augmentation.flip
    assert found.augmentation.shift == 4
    assert found.analysis.threshold == 0.3


@pytest.mark.parametrize("name", PAPERS)
def test_groups_are_the_papers(name: str, parsed: Callable) -> None:
    found = parsed(f"--preset={name}")
    of = found.training
    default = ParameterGroup("all", "", *network(found)[:3], StepDecay.parse(of.decay))
    groups = [parse_group(text, default) for text in of.group]
    assert [(g.name, g.learning_rate, g.momentum, g.l2, g.decay) for g in groups] == [
        *(
            ("fc", *numbers, StepDecay.parse(decay))
            for *numbers, decay in ([FC_GROUPS[name]] if name in FC_GROUPS else [])
        ),
        *(
            (f"(^|/){part}_", share * of.lr, of.momentum, of.l2, default.decay)
            for part, share in SHARES.get(name, {}).items()
        ),
    ]
    assert found.heads.training.group == ()


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        ("rodib-cifar10", {}),
        ("rodib-cifar10-units", {"label_units": True}),
        ("rodib-cifar100", {"dataset": "cifar100"}),
    ],
)
def test_networks_with_delays_are_trained_as_vgg6(
    name: str, changed: dict, parsed: Callable
) -> None:
    usual = parsed("--preset=vgg6-cifar10")
    assert parsed(f"--preset={name}") == usual.changed(preset=name, model="rodib", **changed)


@pytest.mark.parametrize(
    ("name", "lr", "warmup_lr", "erasing"),
    [("cct7-cifar100", 6e-4, 1e-6, 0.25), ("cct7-cifar10", 5.5e-4, 1e-5, 0)],
)
def test_transformers_are_trained_as_by_their_authors(
    name: str, lr: float, warmup_lr: float, erasing: float, parsed: Callable
) -> None:
    found = parsed(f"--preset={name}")
    training, recipe = found.training, found.training.recipe
    assert (training.lr, recipe.warmup_lr, recipe.min_lr) == (lr, warmup_lr, 1e-5)
    assert (recipe.optimizer, recipe.weight_decay, training.decay) == ("adamw", 0.06, "cosine")
    assert (training.batch_size, recipe.label_smoothing) == (128, 0.1)
    images = found.augmentation.recipe
    assert (images.resized_crop, images.mixup, images.cutmix) == (0.8, 0.8, 1)
    assert (images.rand_augment, images.rand_magnitude, images.rand_magnitude_std) == (2, 9, 0.5)
    assert (images.erasing, found.augmentation.shift, found.augmentation.flip) == (erasing, 0, True)
    # The cosine goes over 300 epochs.
    assert (recipe.warmup_epochs, recipe.cooldown_epochs, training.total_epochs) == (10, 10, 310)


@pytest.mark.parametrize(
    ("flags", "name"),
    [
        ("--dataset=cifar10 --model=cct7_3x1", "cct7-cifar10"),
        ("--dataset=cifar10 --model=cct2_3x2", "cct2-cifar10"),
        ("--dataset=cifar100 --model=cct2_3x2", None),
        ("--dataset=cifar10 --model=rodib", "rodib-cifar10"),
        ("--dataset=cifar100 --model=rodib --labels=20", "rodib-cifar100"),
        ("", "vgg6-digits"),
        ("--dataset=digits --labels=3", "vgg6-digits"),
        ("--dataset=cifar100", "vgg16-cifar100"),
        ("--dataset=cifar10", "vgg16-cifar10"),
        ("--dataset=cifar10 --model=vgg6", "vgg6-cifar10"),
        ("--dataset=cifar10 --model=avgg16 --labels=5", "avgg16-cifar10"),
        ("--dataset=cifar100 --labels=5", "vgg16-cifar100-k10"),
        ("--dataset=cifar100 --labels=10", "vgg16-cifar100-k10"),
        ("--dataset=cifar100 --labels=11", "vgg16-cifar100-k20"),
        ("--dataset=cifar100 --labels=30", "vgg16-cifar100-k40"),
        ("--dataset=cifar100 --labels=40", "vgg16-cifar100-k40"),
        ("--dataset=cifar100 --labels=60", "vgg16-cifar100-k60"),
        ("--dataset=cifar100 --labels=61", "vgg16-cifar100"),
        ("--dataset=cifar100 --labels=100", "vgg16-cifar100"),
        ("--dataset=cifar10 --labels=2", "vgg16-cifar10-k3"),
        ("--dataset=cifar10 --labels=7", "vgg16-cifar10-k8"),
        ("--dataset=cifar10 --labels=9", "vgg16-cifar10"),
        ("--dataset=cifar100 --model=efficientnetb0", "efficientnetb0-cifar100"),
        ("--dataset=cifar100 --model=efficientnetb0 --labels=15", "efficientnetb0-cifar100-k20"),
        ("--dataset=imagenet2012", "efficientnetb0-imagenet2012"),
        ("--dataset=cifar100 --model=vgg6", None),
        ("--dataset=folder --model=vgg16", None),
        ("--dataset=cifar100 --model=keras.applications:ResNet50", None),
        ("--dataset=cifar100 --preset=none", None),
    ],
)
def test_preset_of_model_dataset_and_labels(flags: str, name: str | None, parsed: Callable) -> None:
    assert parsed(*flags.split()).run.preset == name


def test_without_stage_9_the_preset_speaks_of_stage_8(parsed: Callable) -> None:
    found = parsed("--dataset=cifar100", "--model=efficientnetb0", "--nostage9")
    simpler = parsed("--preset=efficientnetb0-cifar100-no9")
    assert found.changed(preset=simpler.run.preset) == simpler


@pytest.mark.parametrize(
    ("changed", "stage"),
    [
        (("layer2", "layer1"), "layer1"),  # Each name is replaced once.
        (("layer2", "layer10"), "layer10"),  # layer10 is not layer1 with a 0.
        (("layer1",), "layer10"),  # With another number of stages none stands for another.
    ],
)
def test_stages_stand_for_those_at_their_place(
    changed: tuple[str, ...], stage: str, parsed: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    vgg = dataclasses.replace(
        models.architectures()["vgg16"],
        stages=lambda options: changed if options.filters else ("layer1", "layer10"),
    )
    module = importlib.import_module("sfp_keras.command.preset")
    monkeypatch.setattr(module, "architectures", lambda: {"vgg16": vgg})
    found = parsed("--preset=vgg16-cifar100", "--filters=13:350")
    assert found.afcc.stage == stage


def test_chosen_preset_is_the_named_one(parsed: Callable) -> None:
    chosen = parsed("--dataset=cifar100", "--labels=30")
    named = parsed("--preset=vgg16-cifar100-k40", "--labels=30")
    assert chosen == named
    assert chosen.data.labels == 30


def test_flags_by_hand_win(parsed: Callable) -> None:
    plain = parsed("--preset=avgg16-cifar10")
    by_hand = {"lr": 0.5, "head_l2": 0.25, "schedule_epochs": 7, "labels": 4, "dataset": "cifar100"}
    # A value that is also the flag's default counts as given, too.
    defaults = {"momentum": 0.9, "head_decay": "0.65/20"}
    given_flags = {**by_hand, **defaults}
    found = parsed("--preset=avgg16-cifar10", *(f"--{k}={v}" for k, v in given_flags.items()))
    assert found == plain.changed(**given_flags)
    regrouped = parsed("--preset=avgg16-cifar10", "--group=conv: lr=0.1", "--group=fc: lr=1")
    assert regrouped == plain.changed(group=("conv: lr=0.1", "fc: lr=1"))
    assert parsed("--preset=vgg6-digits", "--flip").augmentation.flip
    assert not parsed("--preset=vgg6-digits").augmentation.flip


def test_without_flags_and_preset_defaults_agree(parsed: Callable) -> None:
    found = parsed("--preset=none")
    assert found == Experiment()


def test_unknown_preset_has_suggestions(parsed: Callable) -> None:
    with pytest.raises(InputError, match=r"--preset=vgg16-cifar-100 .*vgg16-cifar100"):
        parsed("--preset=vgg16-cifar-100")


def test_data_without_a_default_network_asks_for_one(parsed: Callable) -> None:
    with pytest.raises(InputError, match=r"--dataset=folder has no network by default.*--model"):
        parsed("--dataset=folder")


@pytest.mark.parametrize("name", PRESETS)
def test_command_of_a_preset_gives_it_again(name: str, parsed: Callable) -> None:
    experiment = parsed(f"--preset={name}", "--epochs=3", "--stages=layer5,layer2", "--noflip")
    assert parsed(*shlex.split(experiment.command())[2:]) == experiment
