"""Flags of the whole run: what to do, where, and with what."""

from absl import flags

MODES = ("probe", "train", "afcc", "ablate", "sweep", "report")
BACKENDS = ("tensorflow", "jax")
PHASES = ("train", "heads", "analysis", "afcc")

flags.DEFINE_enum(
    "mode",
    "probe",
    MODES,
    "The workflow. probe: all three phases of the papers, each only where it is not finished. "
    "train: phase 1 alone. afcc: zero the head of a stage outside its filters' clusters, and "
    "fine-tune what is left. ablate: remove filters, and see what accuracy is left. sweep: probe "
    "for several --sweep_labels and --sweep_seeds. report: figures and tables of a run or a sweep.",
)
flags.DEFINE_string(
    "preset",
    None,
    "Name of a flagfile in flags/presets, without its ending, or 'none'. By default the preset "
    "of (model, dataset, labels), if the papers have that experiment. Flags given by hand win.",
)
flags.DEFINE_string(
    "run_dir", None, "Folder of the results. Default: runs/<model>-<dataset>[-<K>]-seed<S>."
)
flags.DEFINE_enum(
    "overwrite",
    None,
    PHASES,
    "Redo this phase and those after it; without it finished phases are kept.",
)
flags.DEFINE_integer("seed", 0, "Seed of weights, order of images and augmentation.", lower_bound=0)
flags.DEFINE_enum(
    "backend", None, BACKENDS, "Keras backend. Default: KERAS_BACKEND, or what is installed."
)
flags.DEFINE_enum(
    "distribute",
    None,
    ["data_parallel"],
    "Spread every batch over all devices: on one machine with either backend, on several with jax "
    "(docs/distribution.md). It changes no result, --batch_size is that of all devices together.",
)
