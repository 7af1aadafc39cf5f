"""The settings of one experiment, as one reads them from the command line."""

import dataclasses
import re
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sfp_keras.files import of_applications

PAPER_MODELS = ("vgg6", "vgg11", "vgg16", "avgg16", "efficientnetb0")

# Mean and deviation of each channel of ImageNet, for images in 0..1.
IMAGENET_SCALING = "0.485,0.456,0.406/0.229,0.224,0.225"

# Phases, each with the settings its result depends on beside those of the phases before it.
# Where and how fast things run is left out; so are --stages, for stages do not influence one
# another, --pool and --head_group, which a run directory keeps for each stage, and --threshold
# and --split, of which it holds several.
PHASES = {
    "train": (
        *("dataset", "labels", "subset_seed", "test_fraction", "only_split", "image_size"),
        *("resize", "scaling"),
        *("class_names", "model", "weights", "conv_bias", "fc_widths", "fc_activation"),
        "filters",
        *("initial_weights", "padding", "blocks", "stage9", "drop_connect", "dropout", "enlarge"),
        *("epochs", "schedule_epochs", "batch_size", "lr", "momentum", "l2", "decay", "group"),
        *("flip", "shift", "rotation", "shear", "precision", "seed"),
    ),
    "heads": (
        *("head_epochs", "head_schedule_epochs", "head_batch_size", "head_lr", "head_momentum"),
        *("head_l2", "head_decay", "head_data", "flip", "shift", "rotation", "shear"),
        "cache_dtype",
    ),
    "analysis": (),
    "ablate": (),
    "afcc": (
        *("afcc_trainable", "afcc_epochs", "afcc_batch_size", "afcc_lr", "afcc_momentum"),
        *("afcc_l2", "afcc_decay", "afcc_group", "afcc_precision"),
    ),
}

_TRAINING = (
    *("epochs", "schedule_epochs", "batch_size", "lr", "momentum", "l2", "decay", "group"),
    *("precision", "initial_weights"),
)
_ARCHITECTURE = {
    "vgg": ("conv_bias", "fc_widths", "fc_activation", "filters"),
    "efficientnet": ("padding", "blocks", "stage9", "drop_connect", "dropout", "enlarge"),
}
_AUGMENTATION = {"all": ("flip", "shift"), "efficientnet": ("rotation", "shear")}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """Everything one run of the command does; each attribute is the flag of the same name.

    Attributes:
        mode: the workflow: train, probe, afcc, ablate, sweep or report.
        dataset: name of the data.
        model: name of one of the papers' networks, a `.keras` file, or `package.module:factory`.
        preset: the preset the hyperparameters came from, or `None`.
        run_dir: where results go.
        overwrite: first phase to redo, or `None`.

    The other attributes are described by `python main.py --helpfull`.
    """

    mode: str = "probe"
    preset: str | None = None
    backend: str | None = None
    distribute: str | None = None
    run_dir: str | None = None
    overwrite: str | None = None
    seed: int = 0
    # Data.
    dataset: str = "digits"
    data_dir: str | None = None
    labels: int | None = None
    subset_seed: int = 0
    test_fraction: float = 0.2
    only_split: str | None = None
    resize: str = "stretch"
    image_size: tuple[str, ...] = ()
    scaling: str | None = None
    class_names: str | None = None
    memory_gib: float = 2.0
    # Network.
    model: str = "vgg6"
    weights: str | None = None
    conv_bias: bool | None = None
    fc_widths: tuple[str, ...] | None = None
    fc_activation: str | None = None
    filters: tuple[str, ...] = ()
    initial_weights: str | None = None
    padding: str | None = None
    blocks: tuple[str, ...] = ()
    stage9: bool = True
    drop_connect: float = 0.2
    dropout: float = 0.2
    enlarge: int | None = None
    # Phase 1.
    epochs: int | None = None
    schedule_epochs: int = 100
    batch_size: int = 100
    lr: float = 0.01
    momentum: float = 0.9
    l2: float = 5e-4
    decay: str = "none"
    group: tuple[str, ...] = ()
    flip: bool = True
    shift: int = 4
    rotation: float = 2.0
    shear: float = 2.0
    precision: str = "float32"
    images_on: str = "auto"
    # Phase 2.
    stages: tuple[str, ...] = ()
    list_stages: bool = False
    pool: tuple[str, ...] = ()
    head_epochs: int | None = None
    head_schedule_epochs: int = 100
    head_batch_size: int = 100
    head_lr: float = 0.005
    head_momentum: float = 0.975
    head_l2: float = 1.5e-5
    head_decay: str = "0.65/20"
    head_group: tuple[str, ...] = ()
    head_data: str = "cached"
    cache_gib: float = 4.0
    cache_dtype: str = "float16"
    keep_cache: bool = False
    inference_batch_size: int = 100
    # Phase 3.
    threshold: float = 0.3
    split: tuple[str, ...] = ("test",)
    # AFCC.
    afcc_stage: str | None = None
    afcc_split: tuple[str, ...] = ("train",)
    afcc_thresholds: tuple[str, ...] = ()
    afcc_variants: tuple[str, ...] = ("clusters", "full", "random", "magnitude")
    afcc_trainable: tuple[str, ...] = ("last",)
    afcc_epochs: int = 10
    afcc_batch_size: int = 100
    afcc_lr: float = 1e-5
    afcc_momentum: float = 0.9
    afcc_l2: float = 0.015
    afcc_decay: str = "none"
    afcc_group: tuple[str, ...] = ()
    afcc_precision: str = "float32"
    # Decisions and ablation.
    decisions: bool = False
    ablate_stage: str | None = None
    ablate_removed: tuple[str, ...] = ()
    ablate_draws: int = 10
    ablate_widths: tuple[str, ...] = ()
    ablate_layers: tuple[str, ...] = ()
    # Sweeps and reports.
    sweep_labels: tuple[str, ...] = ()
    sweep_seeds: tuple[str, ...] = ("0",)
    sweep_stage: str | None = None
    report_stages: tuple[str, ...] = ()
    report_filters: tuple[str, ...] = ()
    # What TensorBoard is shown.
    monitor: bool = True
    monitor_every: int | None = None
    monitor_measurements: int = 20
    monitor_mb: float = 50.0

    @property
    def directory(self) -> Path:
        """The run directory: --run_dir, or runs/<model>-<dataset>[-<K>]-seed<S>."""
        if self.run_dir:
            return Path(self.run_dir)
        parts = [_short(self.model), _for_folder(self._data_name)]
        if self.labels is not None:
            parts.append(str(self.labels))
        return Path("runs") / f"{'-'.join(parts)}-seed{self.seed}"

    @property
    def _data_name(self) -> str:
        if self.dataset in ("folder", "arrays") and self.data_dir:
            return Path(self.data_dir).resolve().name.removesuffix(".npz")
        return self.dataset

    @property
    def own_model(self) -> bool:
        """Whether the network is the user's, not one of the papers'."""
        return self.model not in PAPER_MODELS

    @property
    def trains(self) -> bool:
        """Whether phase 1 is ours to do: a paper's network without given weights."""
        return not self.own_model and self.weights is None

    @property
    def training_epochs(self) -> int:
        """--epochs, or the preset's number."""
        return self.epochs if self.epochs is not None else self.schedule_epochs

    @property
    def head_training_epochs(self) -> int:
        """--head_epochs, or the preset's number."""
        return self.head_epochs if self.head_epochs is not None else self.head_schedule_epochs

    @property
    def efficientnet(self) -> bool:
        """Whether the network is EfficientNet-B0, which scales and enlarges images itself."""
        return self.model.startswith("efficientnet") and not self.own_model

    @property
    def resolved_scaling(self) -> str:
        """--scaling, or what the papers give their networks, or 0..255 for own networks.

        EfficientNet-B0 gets the training images' mean and deviation, and ImageNet's where it
        stays as it came from there.
        """
        if self.scaling or self.own_model:
            return self.scaling or "0..255"
        if self.efficientnet:
            return "dataset" if self.trains else IMAGENET_SCALING
        return "-1..1"

    @property
    def resolved_padding(self) -> str:
        """--padding, or `same` for weights of keras.applications and PyTorch's for others."""
        source = self.weights or self.initial_weights or ""
        return self.padding or ("same" if of_applications(source) else "symmetric")

    @property
    def changed_architecture(self) -> bool:
        """Whether flags make a paper's network another one, of which its numbers are not."""
        if self.own_model:
            return False
        if not self.efficientnet:
            return bool(self.filters)
        usual = dataclasses.replace(self, padding=None).resolved_padding
        return bool(self.blocks) or not self.stage9 or self.resolved_padding != usual

    @property
    def resolved_pool(self) -> tuple[str, ...]:
        """--pool, with paper 2's 7x7 average for stages of EfficientNet-B0 it does not name."""
        if self.efficientnet and all("=" in text for text in self.pool):
            return ("avg:7", *self.pool)
        return self.pool

    def enlarged(self, image_shape: tuple[int, ...]) -> int | None:
        """What EfficientNet-B0 enlarges images of a shape to; `None` for images as they are."""
        if not self.efficientnet or self.enlarge == 0:
            return None
        return self.enlarge or (224 if max(image_shape[:2]) < 224 else None)

    @property
    def kind(self) -> str:
        """What decides which settings do nothing, in words."""
        trained = "" if self.trains else ", which is trained already"
        labels = "all" if self.labels is None else str(self.labels)
        return f"{self.model}{trained}, on {labels} labels of {self.dataset}"

    @property
    def idle(self) -> set[str]:
        """Settings that do nothing in this experiment."""
        idle: set[str] = set()
        if not self.trains:
            idle.update(_TRAINING)
        augmented = self.trains or self.head_data == "augmented"
        for kind, names in _AUGMENTATION.items():
            if not augmented or (kind == "efficientnet" and not self.efficientnet):
                idle.update(names)
        for kind, of_network in _ARCHITECTURE.items():
            if self.own_model or (kind == "efficientnet") != self.efficientnet:
                idle.update(of_network)
        if self.dataset == "digits":
            idle.add("data_dir")
        cifar = self.dataset in ("cifar10", "cifar100")
        if self.dataset == "digits" or (cifar and self.only_split is None):
            idle.add("test_fraction")
        if self.labels is None:
            idle.add("subset_seed")
        return idle

    def settings(self, phase: str) -> dict[str, Any]:
        """The settings that a phase's result depends on beside those of earlier phases."""
        augmented = {"train": self.trains, "heads": self.head_data == "augmented"}
        unused = () if augmented.get(phase) else sum(_AUGMENTATION.values(), ())
        idle = self.idle.union(unused)
        return {name: _plain(getattr(self, name)) for name in PHASES[phase] if name not in idle}

    def to_json(self) -> dict[str, Any]:
        """All settings, as JSON types."""
        return {field.name: _plain(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @classmethod
    def from_json(cls, settings: Mapping[str, Any]) -> "Experiment":
        """The experiment that `to_json` told, or a part of it; what is no setting is left out."""
        names = {field.name for field in dataclasses.fields(cls)}
        known: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in settings.items()
            if name in names
        }
        return cls(**known)

    def command(self) -> str:
        """The command that runs this experiment again."""
        parts = ["python main.py"]
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.name == "preset":
                # Without a preset the flags would choose one again.
                value = value or "none"
            if value is None or value == field.default == () or field.name == "overwrite":
                continue
            if field.name in ("group", "head_group", "afcc_group"):
                parts += [f"--{field.name}={shlex.quote(item)}" for item in value]
            elif isinstance(value, bool):
                parts.append(f"--{'' if value else 'no'}{field.name}")
            else:
                text = ",".join(value) if isinstance(value, tuple) else str(value)
                parts.append(f"--{field.name}={shlex.quote(text) if text else ''}")
        return " ".join(parts)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _short(name: str) -> str:
    """A name for a folder: a file's stem, or what stands behind the colon of a factory."""
    stem = Path(name).stem if name.endswith(".keras") else name.rsplit(":", 1)[-1]
    return _for_folder(stem)


def _for_folder(name: str) -> str:
    return re.sub(r"[^\w.]+", "_", name)
