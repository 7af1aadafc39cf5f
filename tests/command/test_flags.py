"""Flags: one for each setting, bounds, and the command that gives an experiment again."""

import shlex
from collections.abc import Callable
from typing import Any

import pytest
from absl import flags as absl_flags
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras import models
from sfp_keras.data import source_names
from sfp_keras.experiment import PHASES, Experiment, all_declarations
from sfp_keras.settings import MODES

PRESETS = ["vgg6-digits", "vgg16-cifar100-k20", "efficientnetb0-cifar100-no9", "avgg16-cifar10"]


def again(experiment: Experiment, parse: Callable[..., Experiment]) -> Experiment:
    python, script, *flags = shlex.split(experiment.command())
    assert (python, script) == ("python", "main.py")
    return parse(*flags)


def test_command_leaves_overwrite_out(parsed: Callable) -> None:
    experiment = parsed("--dataset=cifar100", "--overwrite=heads")
    assert again(experiment, parsed) == experiment.changed(overwrite=None)


# Text as it comes from a shell: spaces, quotes, dollars, dashes; a list's items have no commas.
_TEXT = st.text("ab1 '\"$\\=:/.-*é#", min_size=1, max_size=8)
_ITEM = st.text("ab1/=:_#.", min_size=1, max_size=8)
_ITEMS = st.lists(_ITEM, max_size=3).map(tuple)
_GROUPS = st.lists(_TEXT, max_size=2).map(tuple)
_CHANGES: dict[str, Any] = {
    "mode": st.sampled_from(["probe", "train"]),
    "preset": st.sampled_from([None, *PRESETS]),
    "backend": st.sampled_from([None, "jax", "tensorflow"]),
    "run_dir": st.none() | _TEXT,
    "seed": st.integers(0, 2**40),
    "labels": st.none() | st.integers(1, 100),
    "data_dir": st.none() | _TEXT,
    "class_names": st.none() | _TEXT,
    "model": _TEXT,
    "image_size": _ITEMS,
    "stages": _ITEMS,
    "pool": _ITEMS,
    "conv_bias": st.sampled_from([None, True, False]),
    "fc_widths": st.none() | st.lists(_ITEM, min_size=1, max_size=2).map(tuple),
    "flip": st.booleans(),
    "keep_cache": st.booleans(),
    "list_stages": st.booleans(),
    "lr": st.floats(0, 10),
    "head_l2": st.floats(0, 1e-3),
    "epochs": st.none() | st.integers(1, 500),
    "group": _GROUPS,
    "head_group": _GROUPS,
    "split": st.sampled_from([("test",), ("train",), ("test", "train")]),
    "threshold": st.floats(0, 1, exclude_max=True),
}


@settings(deadline=None, derandomize=True, max_examples=60)
@given(changes=st.fixed_dictionaries({}, optional=_CHANGES))
def test_command_gives_the_experiment_again(changes: dict[str, Any], parsed: Callable) -> None:
    # What the command line can make: a preset's settings, some of them changed by hand.
    preset = changes.get("preset")
    start = parsed(f"--preset={preset}") if preset else Experiment()
    # A preset's setting cannot be taken back to "not given".
    kept = {
        name: value
        for name, value in changes.items()
        if not (value in (None, ()) and start.value(name) not in (None, ()))
    }
    experiment = start.changed(**kept)
    assert again(experiment, parsed) == experiment


def test_every_setting_of_a_phase_is_a_flag(parsed: Callable) -> None:
    # Between all networks and both recipes nothing is without effect.
    links = ("--mode=afcc", "--afcc_links=all", "--afcc_links_start=trained,scratch")
    common = ("--dataset=folder", "--labels=3", "--head_data=augmented", *links)
    recipe = ("--optimizer=adamw", "--decay=cosine", "--warmup_epochs=3", "--rand_augment=2")
    found = [
        parsed(f"--model={name}", *common, *more)
        for name in models.architectures()
        for more in ((), recipe)
    ]
    assert set.intersection(*(experiment.idle for experiment in found)) == {"train"}
    for phase in PHASES:
        of_phase = {n for n, one in all_declarations().items() if phase in one.setting.phases}
        of_any = {name for experiment in found for name in experiment.settings(phase)}
        assert of_any == of_phase - {"train"}
    assert set(found[0].to_json()) == set(all_declarations())


@pytest.mark.parametrize(
    ("flags", "idle"),
    [
        (
            ["--model=a.keras", "--dataset=folder", "--labels=2"],
            {"lr", "group", "flip", "fc_widths"},
        ),
        (["--model=vgg16", "--weights=a.h5", "--dataset=cifar10", "--labels=2"], {"lr", "flip"}),
        (["--model=a.keras", "--dataset=folder", "--head_data=augmented"], {"lr", "subset_seed"}),
        (["--dataset=digits"], {"data_dir", "test_fraction", "subset_seed"}),
        (["--model=vgg16", "--dataset=cifar10"], {"padding", "blocks", "stage9", "rotation"}),
        (["--model=efficientnetb0", "--dataset=cifar10"], {"conv_bias", "fc_widths"}),
        (["--dataset=digits", "--optimizer=adamw"], {"momentum", "l2", "warmup_lr"}),
        (["--dataset=digits", "--mixup=0.8"], {"rand_magnitude", "rand_magnitude_std"}),
        (["--model=a.keras", "--dataset=folder"], {"mixup", "resized_crop", "label_smoothing"}),
        (["--dataset=digits", "--warmup_epochs=2"], {"weight_decay", "min_lr", "cooldown_epochs"}),
    ],
)
def test_settings_without_effect_belong_to_no_phase(
    flags: list[str], idle: set[str], parsed: Callable
) -> None:
    found = parsed("--preset=none", *flags)
    assert idle <= found.idle
    assert not {name for phase in PHASES for name in found.settings(phase)} & idle
    assert ("shift" in found.settings("heads")) == (found.heads.data == "augmented")


@pytest.mark.parametrize("flag", ["--decay=Cosine", "--group=fc: lr=1 decay=cosine"])
def test_a_cosine_is_one_however_it_is_asked_for(flag: str, parsed: Callable) -> None:
    found = parsed("--preset=none", "--dataset=digits", flag, "--min_lr=1e-4")
    assert not {"min_lr", "cooldown_epochs"} & found.idle
    assert found.settings("train")["min_lr"] == 1e-4


def test_the_help_names_all_networks_and_sources() -> None:
    assert all(name in absl_flags.FLAGS["dataset"].help for name in source_names())
    assert all(name in absl_flags.FLAGS["model"].help for name in models.architectures())


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e308"])
def test_every_number_must_be_finite(value: str, parsed: Callable) -> None:
    numbers = [one.name for one in all_declarations().values() if isinstance(one.default, float)]
    assert {"lr", "head_l2", "threshold", "memory_gib", "monitor_mb"} <= set(numbers)
    for name in numbers:
        with pytest.raises(
            absl_flags.IllegalFlagValueError, match=f"--{name} must be (at least|above) 0"
        ):
            parsed(f"--{name}={value}")


# A value of each setting that is none's default and that the command can be given.
_TEXTS = {"scaling": "0..1", "decay": "0.5/3", "pool": ("avg:2",), "preset": "vgg6-digits"}


def _other_value(name: str) -> Any:
    """A value of a setting beside its default."""
    one = all_declarations()[name]
    if name in _TEXTS:
        return _TEXTS[name]
    if one.kind is bool:
        value: Any = not one.default
    elif one.setting.choices:
        value = next(c for c in one.setting.choices if one.default not in (c, (c,)))
    elif one.kind is str:
        value = "some text"
    else:
        bounds = [b for b in (one.setting.below, one.setting.high) if b is not None]
        value = one.kind(bounds[0] * 0.75 if bounds else 7)
    return (value,) if one.many and not isinstance(value, tuple) else value


@pytest.mark.parametrize("name", [n for n in all_declarations() if n != "overwrite"])
def test_every_setting_comes_back_from_command_and_record(name: str, parsed: Callable) -> None:
    value = _other_value(name)
    changed = Experiment.of(**{name: value})
    assert changed.value(name) == value
    assert changed != Experiment()
    assert Experiment.from_json(changed.to_json()) == changed
    found = again(changed, parsed)
    assert found.value(name) == value
    if name != "preset":
        assert found == changed


@pytest.mark.parametrize(
    ("flag", "message"),
    [
        ("--labels=0", "--labels=0"),
        ("--momentum=1", "--momentum must be at least 0 and below 1"),
        # As float32 it is 1.
        ("--threshold=0.99999999", "--threshold must be at least 0 and below 1"),
        ("--split=", "--split must be one or more of test, train, each once"),
        ("--split=test,test", "--split must be one or more of"),
        ("--afcc_variants=whole", "--afcc_variants must be one or more of clusters, full"),
        ("--afcc_thresholds=0.2,1", "--afcc_thresholds must be numbers of at least 0 and below 1"),
        ("--afcc_thresholds=much", "--afcc_thresholds must be numbers"),
        ("--sweep_labels=1", "--sweep_labels must be whole numbers of at least 2, each once"),
        ("--sweep_labels=2,2", "--sweep_labels must be whole numbers"),
        ("--report_filters=-1", "--report_filters must be numbers"),
        ("--ablate_widths=1.5", "--ablate_widths must be numbers"),
        ("--cache_dtype=float64", "should be one of <float16|float32>"),
    ],
)
def test_a_flag_out_of_bounds_is_refused(flag: str, message: str, parsed: Callable) -> None:
    with pytest.raises(absl_flags.IllegalFlagValueError) as refused:
        parsed(flag)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("given", "noted"),
    [
        (
            "--sweep_widths=3,6 --sweep_seeds=0,1 --report_filters=3 --afcc_links=output",
            "--sweep_seeds, --sweep_widths without effect but for --mode=sweep or --mode=report\n"
            "--report_filters without effect but for --mode=report\n"
            "--afcc_links without effect but for --mode=afcc",
        ),
        (
            "--ablate_widths=8 --members=runs/a",
            "--ablate_widths without effect but for --mode=ablate\n"
            "--members without effect but for --mode=committee",
        ),
        (
            "--monitor_stages_images=100 --monitor_stages_epochs=2 --model=vgg6",
            "--monitor_stages_epochs, --monitor_stages_images without effect without "
            "--monitor_stages_every",
        ),
        ("--monitor_stages_images=100 --monitor_stages_every=2 --model=vgg6", ""),
        ("--ablate_draws=3 --mode=ablate", ""),
        ("--sweep_widths=3,6 --mode=sweep", ""),
        ("--sweep_widths=3,6 --mode=report", ""),
        ("--bootstrap --head_seeds=2 --shuffled_labels --split=test,train", ""),
        (
            "--mode=afcc --bootstrap --head_seeds=2 --split=train --decisions",
            "--bootstrap, --head_seeds without effect but for --mode=probe or --mode=sweep\n"
            "--split without effect but for --mode=probe or --mode=ablate or --mode=sweep or "
            "--mode=report",
        ),
        (
            "--mode=report --overwrite=heads",
            "--overwrite without effect but for --mode=probe or --mode=train or --mode=afcc or "
            "--mode=ablate",
        ),
        # Of a head and of links most settings have a twin.
        (
            "--mode=afcc --afcc_links=output --afcc_lr=0.5 --afcc_variants=full --afcc_stage=conv",
            "--afcc_lr, --afcc_stage, --afcc_variants without effect with --afcc_links, whose own "
            "flags begin with --afcc_links_",
        ),
        (
            "--mode=afcc --afcc_links_lr=0.5 --afcc_lr=0.5",
            "--afcc_links_lr without effect without --afcc_links, which names the links",
        ),
        ("--mode=afcc --afcc_links=output --afcc_links_lr=0.5 --afcc_split=test", ""),
        (
            "--mode=afcc --afcc_links=output --afcc_links_scratch_epochs=3 "
            "--afcc_links_variants=random --afcc_links_random_labels=2",
            "--afcc_links_scratch_epochs without effect, for it needs scratch in "
            "--afcc_links_start\n"
            "--afcc_links_random_labels without effect, for it needs random_afcc in "
            "--afcc_links_variants",
        ),
        (
            "--mode=afcc --afcc_links=output --afcc_links_start=scratch --afcc_links_decay=1/2",
            "--afcc_links_decay without effect, for it needs trained in --afcc_links_start",
        ),
        # A run's own command repeats its preset.
        ("--preset=vgg16-cifar100 --afcc_split=test --afcc_l2=0.015", ""),
        (
            "--preset=vgg16-cifar100 --afcc_split=train --afcc_epochs=3",
            "--afcc_epochs without effect but for --mode=afcc",
        ),
        (
            "--preset=vgg6-digits --weights=w.h5 --lr=0.77 --momentum=0.95",
            "--lr without effect for vgg6, which is trained already, on all labels of digits",
        ),
    ],
)
def test_flags_without_effect_are_noted(
    given: str, noted: str, notes: Callable[..., list[str]]
) -> None:
    lines = notes("--dataset=digits", "--model=vgg6", *given.split())
    assert sorted(lines) == sorted(noted.splitlines())


def test_settings_are_of_modes_that_exist() -> None:
    for name, one in all_declarations().items():
        assert set(one.setting.modes) <= set(MODES), name


def test_help_names_other_settings_as_flags() -> None:
    for name in all_declarations():
        help_text = absl_flags.FLAGS[name].help
        assert not set(help_text.split("`")[1::2]) & set(all_declarations())
    assert "as --decay" in absl_flags.FLAGS["afcc_decay"].help


def test_no_section_has_many_settings() -> None:
    members: dict[tuple[str, ...], int] = {}
    for one in all_declarations().values():
        # Of options, each network has a section of its own.
        if one.path[:-1] != ("network", "options"):
            members[one.path[:-1]] = members.get(one.path[:-1], 0) + 1
    assert max(members.values()) <= 15
