"""Presets: the hyperparameters of the papers' experiments, as absl flagfiles."""

import contextlib
import difflib
import re
from collections.abc import Mapping
from typing import Any

from absl import flags

from sfp_keras.command.define import settings_of
from sfp_keras.command.place import PRESETS
from sfp_keras.data import check_dataset, find_source
from sfp_keras.errors import InputError, arguments_called
from sfp_keras.experiment import all_declarations
from sfp_keras.models import architectures


def names() -> list[str]:
    """All presets."""
    return sorted(path.stem for path in PRESETS.glob("*.flags"))


def apply(values: flags.FlagValues) -> str | None:
    """Set every flag that was not given by hand to what the preset says.

    Args:
        values: parsed flags. `--preset` names the preset; without it (model, dataset, labels)
            choose one.

    Returns:
        The preset's name, or `None` where there is none.

    Raises:
        InputError: if the preset, or a default network, does not exist.
    """
    chosen = values.preset
    if chosen is None:
        usual = find_source(values.dataset).model
        if values.model is None and usual is not None:
            values.set_default("model", usual)
        chosen = choose(values.model, values.dataset, values.labels)
    elif chosen == "none":
        chosen = None
    elif chosen not in names():
        near = difflib.get_close_matches(chosen, names(), 3, 0.4)
        raise InputError(
            f"--preset={chosen} does not exist; "
            + (f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(names())}")
        )
    if chosen is not None:
        settings = read(chosen)
        for name, value in settings.items():
            values.set_default(name, value)
        stages = _stages_in_place(values)
        for name in settings:
            if stages and not values[name].present:
                values.set_default(name, _replaced(values[name].value, stages))
    if values.model is None:
        default = find_source(values.dataset).model
        if default is None:
            with arguments_called(name="dataset"):
                if find_source(values.dataset).name == "*":  # A name may be wrong.
                    check_dataset(values.dataset, values.data_dir)
            raise InputError(
                f"--dataset={values.dataset} has no network by default: name one by --model "
                f"({', '.join(architectures())}, a .keras file, or package.module:factory)"
            )
        values.set_default("model", default)
    return chosen


def _stages_in_place(values: flags.FlagValues) -> dict[str, str]:
    """The stages that stand for those of the whole network, where its options change them.

    By place; none where the options change how many there are.
    """
    known = architectures().get(values.model)
    if known is None or known.stages is None:
        return {}
    options = settings_of(values).network.options
    whole = known.stages(known.read({}))
    try:
        changed = known.stages(known.read(options))
    except InputError:
        return {}  # The experiment is refused for them.
    same = changed == whole or len(changed) != len(whole)
    return {} if same else dict(zip(whole, changed, strict=True))


def _replaced(value: Any, stages: Mapping[str, str]) -> Any:
    """A flag's value about other stages."""
    if isinstance(value, list):
        return [_replaced(text, stages) for text in value]
    if not isinstance(value, str):
        return value
    # Longer names first: where `layer1` and `layer1_pool` are stages, the second is not the first.
    names = "|".join(map(re.escape, sorted(stages, key=len, reverse=True)))
    # Whole names, and those that begin the name of a layer, as in `stage9_`.
    pattern = rf"(?<![A-Za-z0-9])(?:{names})(?![A-Za-z0-9])"
    return re.sub(pattern, lambda match: stages[match[0]], value)


def choose(model: str | None, dataset: str, labels: int | None) -> str | None:
    """The preset of an experiment; between two numbers of labels the larger one's."""
    found: dict[int, str] = {}
    for name in names():
        # Others, such as a simplified network's, are for those who ask for them.
        match = re.fullmatch(rf".*-{re.escape(dataset)}(?:-k(\d+))?", name)
        if match and read(name).get("model") == model:
            found[int(match[1] or 10**9)] = name
    wanted = labels if labels is not None else 10**9
    enough = [count for count in found if count >= wanted]
    return found[min(enough)] if enough else None


def read(name: str) -> dict[str, Any]:
    """The flags of a preset: text, or a list of texts where a flag is repeated.

    Where a preset includes another one by `--flagfile=<name>.flags`, later lines win.
    """
    settings: dict[str, Any] = {}
    for line in _lines(name):
        key, equals, value = line.removeprefix("--").partition("=")
        if not equals:
            key, value = (key[2:], "false") if key.startswith("no") else (key, "true")
        if all_declarations()[key].setting.repeated:
            settings.setdefault(key, []).append(value)
        else:
            settings[key] = value
    return settings


def _lines(name: str) -> list[str]:
    """The flags of a preset and of those it includes, in their order."""
    # A preset names another one by its place in their folder.
    with contextlib.chdir(PRESETS):
        return flags.FlagValues().read_flags_from_files([f"--flagfile={name}.flags"])
