"""The whole run: what to do, where, and with what."""

import dataclasses

from sfp_keras.settings.field import Checked, setting

MODES = ("probe", "train", "afcc", "ablate", "sweep", "committee", "report")
# Those that write tables of layers, with their error bars and further heads.
TABLE_MODES = ("probe", "sweep")


@dataclasses.dataclass(frozen=True)
class RunSettings(Checked):
    """What is done, and where its results go."""

    mode: str = setting(
        "probe",
        "The workflow. probe: all three phases of the papers, each only where it is not finished. "
        "train: phase 1 alone. afcc: zero the head of a stage outside its filters' clusters, and "
        "fine-tune what is left. ablate: remove filters, and see what accuracy is left. sweep: "
        "probe for several `sweep_labels` or `sweep_widths`, and `sweep_seeds`. committee: let the "
        "trained networks of `members` vote. report: figures and tables of a run, a sweep or a "
        "committee.",
        choices=MODES,
    )
    preset: str | None = setting(
        None,
        "Name of a flagfile in flags/presets, without its ending, or 'none'. By default the preset "
        "of (model, dataset, labels), where there is one. Flags given by hand win.",
    )
    backend: str | None = setting(
        None,
        "Keras backend. Default: KERAS_BACKEND, or what is installed.",
        choices=("tensorflow", "jax"),
    )
    distribute: str | None = setting(
        None,
        "Spread every batch over all devices: on one machine with either backend, on several with "
        "jax (docs/distribution.md). It changes no result, `batch_size` is that of all devices "
        "together.",
        choices=("data_parallel",),
    )
    run_dir: str | None = setting(
        None, "Folder of the results. Default: runs/<model>-<dataset>[-<K>]-seed<S>."
    )
    overwrite: str | None = setting(
        None,
        "Redo this phase and those after it; without it finished phases are kept. all is for a "
        "network that comes trained: it stays as it is, and all is measured again.",
        choices=("all", "train", "heads", "analysis", "afcc"),
        modes=("probe", "train", "afcc", "ablate"),
    )
    seed: int = setting(
        0, "Seed of weights, order of images and augmentation.", phases=("train",), low=0
    )
