"""Phase 3: the fields, clusters and noise of single filters."""

import dataclasses

from sfp_keras.settings.field import Checked, setting
from sfp_keras.settings.run import TABLE_MODES


@dataclasses.dataclass(frozen=True)
class AnalysisSettings(Checked):
    """What is measured of the filters."""

    threshold: float = setting(
        0.3,
        "Normalised fields above it, strictly, count as one. Another threshold re-reads the saved "
        "fields in seconds.",
        low=0,
        below=1,
    )
    split: tuple[str, ...] = setting(
        ("test",),
        "Images the fields are measured on: test, train, or test,train.",
        choices=("test", "train"),
        least=1,
        once=True,
        modes=("probe", "ablate", "sweep", "report"),
    )
    decisions: bool = setting(
        False,
        "Also let every filter alone decide on every image: decisions.csv of each stage.",
    )
    bootstrap: bool = setting(
        False,
        "Also give every number of a layer its standard error over the images: intervals.csv. It "
        "keeps mean outputs of 20 parts of each label's images, and redraws these 200 times.",
        modes=TABLE_MODES,
    )
    zero_gradients: int | None = setting(
        None,
        "Also find the share of every variable's gradient that is exactly zero, of one image at a "
        "time, over this many training images: network/zero_gradients.csv.",
        low=1,
        high=10_000,
    )
