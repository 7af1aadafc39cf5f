"""The experiment that a call of `probe` describes."""

import difflib
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment, all_declarations
from sfp_keras.models import architectures
from sfp_keras.settings import Declaration
from sfp_keras.settings.kinds import of_kind
from sfp_keras.text import did_you_mean

# Arguments of `probe` that are settings of the command under another name.
ARGUMENTS = {"epochs": "head_epochs", "lr": "head_lr", "batch_size": "head_batch_size"}
_SAME = ("stages", "pool", "scaling", "threshold", "split", "seed", "run_dir")
_FURTHER_TOPICS = ("heads", "analysis", "monitoring", "augmentation")
_OF_FOLDERS = ("image_size", "memory_gib", "only_split", "resize", "test_fraction")
_FURTHER = (*_OF_FOLDERS, "overwrite")


class CalledExperiment(Experiment):
    """An experiment that was not asked for by a command."""

    def command(self) -> str:
        """The call, as far as it can be written down."""
        known = all_declarations()
        further = [name for name in known if _may_be_given(name) and name != "overwrite"]
        given = []
        for argument, name in {**_arguments(), **dict(zip(further, further, strict=True))}.items():
            value = self.value(name)
            if value != known[name].default:
                shown = list(value) if isinstance(value, tuple) else value
                given.append(f", {argument}={shown!r}")
        return f"sfp_keras.probe(model, train, test{''.join(given)})"


def called_experiment(
    model: str, data_dir: str | None, given: Mapping[str, Any], further: Mapping[str, Any]
) -> CalledExperiment:
    """The experiment of a call.

    Args:
        model: `str`. The model's name or file.
        data_dir: `str`. The folder of the images, or `None` for arrays.
        given: dict from arguments of `probe` to values; `None` for the default.
        further: dict from other settings, by the names of their flags, to values.

    Raises:
        InputError: if a value is none of its setting, or a setting is of folders alone.
    """
    arguments, known = _arguments(), all_declarations()
    of_folders = [
        name
        for name, value in further.items()
        if name in _OF_FOLDERS and value not in (None, known[name].default)
    ]
    if of_folders and data_dir is None:
        raise InputError(
            f"{_listed(of_folders)} without effect for images that are given: leave it out, or "
            "give `train` as a folder"
        )
    values = {arguments[name]: value for name, value in given.items() if value is not None}
    values |= further
    dataset = "arrays" if data_dir is None else "folder"
    return CalledExperiment.of(
        # A network that Python made is not the one the command makes under its name.
        model=f"{model}.keras" if model in architectures() else model,
        dataset=dataset,
        data_dir=data_dir,
        **{name: _checked(known[name], value) for name, value in values.items()},
    )


def check_further(names: Iterable[str]) -> None:
    """Refuse what is neither an argument of `probe` nor one of the further settings.

    Args:
        names: names of arguments.

    Raises:
        InputError: if there is no such setting; the message says what it is called here.
    """
    here = {setting: argument for argument, setting in {**ARGUMENTS, "train": "data_dir"}.items()}
    for name in names:
        if name in here:
            raise InputError(f"`{name}` is no argument of probe: it is called `{here[name]}` here")
        if not _may_be_given(name):
            known = [*_arguments(), *filter(_may_be_given, all_declarations())]
            # A head's settings have names of their own, where the network's would be idle.
            close = [f"head_{name}"] if f"head_{name}" in known else []
            asked = did_you_mean(close or difflib.get_close_matches(name, known))
            raise InputError(f"`{name}` is no argument of probe{asked}")


def warn_of_idle(experiment: CalledExperiment, further: Iterable[str]) -> None:
    """Warn of settings that were given and do nothing.

    Args:
        experiment: `CalledExperiment`.
        further: names of the settings that were given.
    """
    known = all_declarations()
    idle = [
        name
        for name in sorted({*further} & experiment.idle)
        if experiment.value(name) != known[name].default
    ]
    augment = [name for name in idle if known[name].setting.used == "augments"]
    others = [name for name in idle if name not in augment]
    for names, why in (
        (augment, "without `head_data`='augmented'"),
        (others, "for a trained model"),
    ):
        if names:
            warnings.warn(f"{_listed(names)} without effect {why}", stacklevel=3)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _arguments() -> dict[str, str]:
    """The setting of each argument of `probe`."""
    return {**dict(zip(_SAME, _SAME, strict=True)), **ARGUMENTS}


def _may_be_given(name: str) -> bool:
    one = all_declarations().get(name)
    if one is None or name in _arguments().values():
        return False
    return name in _FURTHER or one.topic in _FURTHER_TOPICS


def _checked(one: Declaration, value: Any) -> Any:
    """A value of a setting's type."""
    if one.many:
        items = value if isinstance(value, list | tuple) else [value]
        if one.name == "pool" and isinstance(value, Mapping):
            items = [f"{stage}={pool}" for stage, pool in value.items()]
        return tuple(_of_kind(one, str(i) if one.name == "image_size" else i) for i in items)
    return None if value is None else _of_kind(one, value)


def _of_kind(one: Declaration, value: Any) -> Any:
    return of_kind(one.name, one.kind, str(value) if isinstance(value, Path) else value)
