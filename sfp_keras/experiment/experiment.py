"""The settings of one experiment, section by section."""

import dataclasses
import difflib
import functools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from sfp_keras.data import find_source, source_names
from sfp_keras.errors import InputError
from sfp_keras.experiment.network_rules import NetworkRules
from sfp_keras.experiment.program import program, typed
from sfp_keras.experiment.recipe_rules import RecipeRules
from sfp_keras.models import architecture_of, architectures, network_options
from sfp_keras.settings import (
    AblationSettings,
    AfccSettings,
    AnalysisSettings,
    AugmentationSettings,
    CommitteeSettings,
    DataSettings,
    Declaration,
    MonitoringSettings,
    NetworkSettings,
    ProbeSettings,
    ReportSettings,
    RunSettings,
    SweepSettings,
    TrainingSettings,
    declarations,
    section,
    value_at,
    with_values,
)
from sfp_keras.text import did_you_mean

# In the order in which results depend on one another.
PHASES = ("train", "heads", "analysis", "ablate", "afcc", "links")
_OPTIONS = ("network", "options")


@dataclasses.dataclass(frozen=True)
class Experiment(NetworkRules, RecipeRules):
    """Everything one run of the command does, a section a topic.

    Each setting is a flag of the command. In `value`, `changed`, `of` and in JSON it has the
    flag's name: `experiment.value("head_lr")` is `experiment.heads.training.lr`.

    Attributes:
        run: what is done, and where its results go.
        data: the images and their labels.
        network: the network, its weights, and where it is probed.
        training: phase 1.
        augmentation: how training images are changed at random.
        heads: phase 2.
        analysis: phase 3.
        afcc: zeroing and fine-tuning a head, or links between layers.
        ablation: removing filters.
        sweep: several numbers of labels and seeds.
        committee: networks that vote.
        report: what a report shows.
        monitoring: what TensorBoard is shown.

    Example:
        >>> Experiment.of(dataset="cifar10", model="vgg6", lr=0.0145)
    """

    run: RunSettings = section(RunSettings())
    data: DataSettings = section(DataSettings())
    network: NetworkSettings = section(NetworkSettings())
    training: TrainingSettings = section(TrainingSettings(), used="trains")
    augmentation: AugmentationSettings = section(AugmentationSettings())
    heads: ProbeSettings = section(ProbeSettings())
    analysis: AnalysisSettings = section(AnalysisSettings())
    afcc: AfccSettings = section(AfccSettings(), prefix="afcc_", modes=("afcc",))
    ablation: AblationSettings = section(AblationSettings(), prefix="ablate_", modes=("ablate",))
    sweep: SweepSettings = section(SweepSettings(), prefix="sweep_", modes=("sweep", "report"))
    committee: CommitteeSettings = section(CommitteeSettings(), modes=("committee",))
    report: ReportSettings = section(ReportSettings(), prefix="report_", modes=("report",))
    monitoring: MonitoringSettings = section(MonitoringSettings(), prefix="monitor_")

    @classmethod
    def of(cls, **values: Any) -> Self:
        """The experiment with these settings, by the names of their flags."""
        return cls().changed(**values)

    def changed(self, **values: Any) -> Self:
        """A copy with other values, by the names of their flags.

        Raises:
            InputError: if there is no such setting, or a value is out of its bounds.
        """
        known = all_declarations()
        options = dict(self.network.options)
        network = [values.get(name, self.value(name)) for name in ("model", "train")]
        at: dict[tuple[str, ...], Any] = {}
        for name, value in values.items():
            if name not in known:
                asked = did_you_mean(difflib.get_close_matches(name, known))
                raise InputError(f"{name!r} is no setting{asked}")
            one = known[name]
            if one.path[:2] != _OPTIONS:
                one.setting.check(name, value)
                at[one.path] = value
            elif value == _option_default(name, *network):
                options.pop(name, None)
            else:
                options[name] = value
        if options != self.network.options:
            at[_OPTIONS] = options
        return with_values(self, at)

    def value(self, name: str) -> Any:
        """The value of the setting whose flag has a name."""
        one = all_declarations()[name]
        if one.path[:2] == _OPTIONS:
            default = _option_default(name, self.network.model, self.network.train)
            return self.network.options.get(name, default)
        return value_at(self, one.path)

    @property
    def directory(self) -> Path:
        """The run directory: `run_dir`, or runs/<model>-<dataset>[-<K>]-seed<S>."""
        if self.run.run_dir:
            return Path(self.run.run_dir)
        if self.run.mode == "committee":
            return Path("runs") / "committee"
        parts = [_short(self.network.model), _for_folder(self._data_name)]
        if self.data.labels is not None:
            parts.append(str(self.data.labels))
        return Path("runs") / f"{'-'.join(parts)}-seed{self.run.seed}"

    @property
    def _data_name(self) -> str:
        dataset, data_dir = self.data.dataset, self.data.data_dir
        if find_source(dataset).needs is not None and data_dir:
            return Path(data_dir).resolve().name.removesuffix(".npz")
        return dataset

    @property
    def reads_files(self) -> bool:
        """Whether images come from the user's disk."""
        return "data_dir" not in find_source(self.data.dataset).unused

    @property
    def draws_labels(self) -> bool:
        """Whether only some labels are used."""
        return self.data.labels is not None

    @property
    def divides_images(self) -> bool:
        """Whether images for testing may have to be kept from those for training."""
        of_source = "test_fraction" not in find_source(self.data.dataset).unused
        return of_source or (self.reads_files and self.data.only_split is not None)

    @property
    def augments(self) -> bool:
        """Whether any phase changes training images at random."""
        return self.trains or self.augments_heads or self.augments_links

    @property
    def augments_heads(self) -> bool:
        """Whether heads are trained on augmented images."""
        return self.heads.augmented

    @property
    def zeroes_links(self) -> bool:
        """Whether links between layers are zeroed."""
        return self.run.mode == "afcc" and bool(self.afcc.links.names)

    @property
    def fine_tunes_links(self) -> bool:
        """Whether networks with zeroed links go on from trained weights."""
        return "trained" in self.afcc.links.start

    @property
    def trains_links_from_scratch(self) -> bool:
        """Whether networks with zeroed links are trained from random weights."""
        return "scratch" in self.afcc.links.start

    @property
    def draws_labels_of_links(self) -> bool:
        """Whether a variant of zeroed links gives each filter labels at random."""
        return "random_afcc" in self.afcc.links.variants

    @property
    def augments_links(self) -> bool:
        """Whether networks with zeroed links are trained on augmented images."""
        whole = self.afcc.links.batch_norm == "updating" or self.trains_links_from_scratch
        return self.zeroes_links and whole

    @property
    def turns_images(self) -> bool:
        """Whether any phase rotates and shears training images."""
        return self.augments and self.architecture.augmentation == "geometry"

    @property
    def kind(self) -> str:
        """What decides which settings do nothing, in words."""
        trained = "" if self.trains else ", which is trained already"
        labels = "all" if self.data.labels is None else str(self.data.labels)
        return f"{self.network.model}{trained}, on {labels} labels of {self.data.dataset}"

    @property
    def idle(self) -> set[str]:
        """Settings that do nothing in this experiment, by the names of their flags."""
        return {
            one.name
            for one in all_declarations().values()
            if (one.setting.used is not None and not getattr(self, one.setting.used))
            or (one.path[:2] == _OPTIONS and not self.depends_on(one.name))
        }

    def reads(self, name: str) -> bool:
        """Whether the experiment's mode reads the setting whose flag has a name."""
        modes = all_declarations()[name].setting.modes
        return not modes or self.run.mode in modes

    def settings(self, phase: str) -> dict[str, Any]:
        """The settings that a phase's result depends on beside those of earlier phases."""
        augmented = {
            "train": self.trains,
            "heads": self.augments_heads,
            "links": self.augments_links,
        }
        idle = self.idle
        return {
            one.name: one.plain(self.value(one.name))
            for one in all_declarations().values()
            if phase in one.setting.phases
            and one.name not in idle
            and (one.topic != "augmentation" or augmented.get(phase))
        }

    def to_json(self) -> dict[str, Any]:
        """All settings as JSON types, by the names of their flags."""
        known = all_declarations().values()
        return {one.name: one.plain(self.value(one.name)) for one in known}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Experiment":
        """The experiment that `to_json` wrote down, or a part of it.

        Args:
            values: dict from names of flags to values; other names are left out.

        Raises:
            InputError: if a value cannot be read.
        """
        known = all_declarations()
        read: dict[str, Any] = {}
        for name, value in values.items():
            if name in known:
                try:
                    read[name] = known[name].read(value)
                except (ValueError, TypeError) as error:
                    raise InputError(f"`{name}`={value} cannot be read: {error}") from None
        return cls.of(**read)

    def command(self) -> str:
        """The command that runs this experiment again, as it is typed in a shell."""
        return typed(program(), self.arguments())

    def arguments(self) -> list[str]:
        """The flags of the command that runs this experiment again."""
        parts, idle = [], self.idle
        for name, one in all_declarations().items():
            value = one.plain(self.value(name))
            if name == "preset":
                # Without a preset the flags would choose one again.
                value = value or "none"
            if value == one.plain(one.default) and one.path[:2] == _OPTIONS and name in idle:
                continue
            if value is None or (value == [] and one.default == ()) or name == "overwrite":
                continue
            if one.setting.repeated:
                parts += [f"--{name}={item}" for item in value]
            elif isinstance(value, bool):
                parts.append(f"--{'' if value else 'no'}{name}")
            else:
                text = ",".join(value) if isinstance(value, list) else str(value)
                parts.append(f"--{name}={text}")
        return parts


@functools.cache
def all_declarations() -> Mapping[str, Declaration]:
    """Every setting of an experiment and of its network.

    Returns:
        Mapping from the name of a flag to its `Declaration`.
    """
    found = dict(declarations(Experiment))
    registered = (("model", "Networks", [*architectures()]), ("dataset", "Sources", source_names()))
    for flag, what, names in registered:
        known = found[flag].setting
        text = f"{known.help} {what} with a name: {', '.join(names)}."
        known = dataclasses.replace(known, help=text)
        found[flag] = dataclasses.replace(found[flag], setting=known)
    for one in declarations(network_options()).values():
        if one.name in found:
            networks = [name for name, each in architectures().items() if each.has(one.name)]
            raise TypeError(
                f"option {one.name} of {', '.join(networks)} is a flag of the command already: "
                "rename it"
            )
        found[one.name] = dataclasses.replace(one, path=(*_OPTIONS, one.name))
    return found


def _option_default(name: str, model: str, train: bool) -> Any:
    """The default of an option in a network, or where it lacks the option that of its flag."""
    try:
        own = architecture_of(model, train).option_defaults
    except InputError:
        own = {}  # The experiment is refused for its network.
    return own.get(name, all_declarations()[name].default)


def _short(name: str) -> str:
    """A name for a folder: a file's stem, or what stands behind the colon of a factory."""
    stem = Path(name).stem if name.endswith(".keras") else name.rsplit(":", 1)[-1]
    return _for_folder(stem)


def _for_folder(name: str) -> str:
    return re.sub(r"[^\w.]+", "_", name)
