"""Committees: several trained networks that vote."""

import dataclasses

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class CommitteeSettings(Checked):
    """The members of a committee."""

    members: tuple[str, ...] = setting(
        (),
        "Run directories whose trained networks vote on the test images, such as runs/a,runs/b or "
        "runs/cct-*. Each keeps the settings it was made with, but for `data_dir`, `memory_gib` "
        "and `inference_batch_size` where they are given.",
    )
