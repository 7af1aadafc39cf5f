"""Phase 2: the heads of the stages."""

import dataclasses

from sfp_keras.settings.field import Checked, section, setting
from sfp_keras.settings.run import TABLE_MODES
from sfp_keras.settings.training import HeadSettings


@dataclasses.dataclass(frozen=True)
class ProbeSettings(Checked):
    """How heads are trained, on what, and where stage outputs are kept meanwhile."""

    training: HeadSettings = section(HeadSettings(), prefix="head_")
    data: str = setting(
        "cached",
        "cached: each training image passes once through the frozen network. augmented: new "
        "augmented images pass through it every epoch, or `head_versions` of each once.",
        phases=("heads",),
        choices=("cached", "augmented"),
        flag="head_data",
    )
    versions: int | None = setting(
        None,
        "With `head_data`=augmented: versions of each training image whose stage outputs are kept, "
        "for the heads to be trained on in turn. Default: new ones pass through the network every "
        "epoch.",
        phases=("heads",),
        low=1,
        flag="head_versions",
        newer=True,
    )
    own: bool = setting(
        False,
        "Where only linear layers stand between a stage and the network's outputs, these are its "
        "head, and none is trained. Biases belong to no filter and are left out, which changes the "
        "accuracy.",
        phases=("heads",),
        flag="own_head",
        newer=True,
    )
    seeds: int = setting(
        1,
        "Heads of each stage that are trained together, of different first weights: mean and "
        "deviation of their numbers are in heads.csv. The first is the run's own.",
        low=1,
        flag="head_seeds",
        modes=TABLE_MODES,
    )
    shuffled_labels: bool = setting(
        False,
        "Also train a head of each stage on labels shuffled among the training images: its numbers "
        "in heads.csv are chance.",
        modes=TABLE_MODES,
    )
    cache_gib: float = setting(
        4.0,
        "Stage outputs up to this size are kept in memory, larger ones in files under the run "
        "directory, deleted when the heads are done.",
        low=0,
    )
    cache_dtype: str = setting(
        "float16",
        "Type of cached stage outputs; sums and logits are float32. A stage beyond float16's range "
        "is kept as float32.",
        phases=("heads",),
        choices=("float16", "float32"),
    )
    keep_cache: bool = setting(
        False,
        "Keep the files of stage outputs above `cache_gib` when the heads are done; smaller ones "
        "are in memory and never in files. Of several processes they serve one command alone.",
    )
    inference_batch_size: int = setting(100, "Images a pass through the frozen network.", low=1)

    @property
    def augmented(self) -> bool:
        """Whether heads are trained on augmented images."""
        return self.data == "augmented"

    @property
    def kept_versions(self) -> int:
        """Versions of each training image whose stage outputs are kept.

        One, the image as it is, or of augmented images some or none.
        """
        # No epoch would use more.
        kept = min(self.versions or 0, self.training.total_epochs)
        return kept if self.augmented else 1
