"""What TensorBoard is shown while a run goes on, in <run_dir>/events."""

import dataclasses

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class MonitoringSettings(Checked):
    """Whether and how often TensorBoard is shown something."""

    on: bool = setting(
        True,
        "Write events for TensorBoard: `tensorboard --logdir=<run_dir>` shows them.",
        flag="monitor",
    )
    every: int | None = setting(
        None,
        "Epochs between measurements, however many these are. Default: as few as "
        "`monitor_measurements` allows, and, while the network trains, so that they take at most "
        "5% of the time.",
        low=1,
    )
    measurements: int = setting(
        20, "Most measurements of a phase; the last epoch is always one.", low=1
    )
    mb: float = setting(
        50.0,
        "Megabytes a phase's measurements may take; large stages keep fewer of them. TensorBoard "
        "gets slow with much more.",
        low=0,
    )
    stages_every: int = setting(
        0,
        "Epochs of phase 1 between measurements of all `stages` through heads trained for it on "
        "the network as it is then; 0 for none. The training stays the same.",
        low=0,
        used="trains",
    )
    stages_epochs: int = setting(
        10,
        "Epochs of those heads, which are trained as in phase 2 otherwise.",
        low=1,
        used="trains",
    )
    stages_images: int = setting(
        5000,
        "Training images those heads are trained on, the same ones always.",
        low=1,
        used="trains",
    )
