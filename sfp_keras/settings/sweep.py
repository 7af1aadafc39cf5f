"""Sweeps: the whole procedure for several networks and seeds, and what they differ in."""

import dataclasses

from sfp_keras.settings.field import Checked, setting


@dataclasses.dataclass(frozen=True)
class SweepAxis:
    """What the members of a sweep differ in, beside their seeds.

    Attributes:
        column: `str`. Its name in tables and files.
        setting: `str`. The setting of a member that has a value of it, by its flag.
        values: `str`. The setting of a sweep that lists its values, by its flag.
        letter: `str`. Begins the names of members.
        folder: `str`. Ends the name of the sweep's folder, unless one is named.
        each: `str`. One of its values, in words.
        short: `str`. Its name in a figure's legend.
        results: numbers of the network, kept in the record of a run, that tables have beside.
    """

    column: str
    setting: str
    values: str
    letter: str
    folder: str
    each: str
    short: str
    results: tuple[str, ...] = ()

    def member(self, value: int, seed: int) -> str:
        """The name of a member, which is its folder's."""
        return f"{self.letter}{value}-seed{seed}"


LABELS = SweepAxis("K", "labels", "sweep_labels", "k", "sweep", "number of labels K", "$K$")
WIDTHS = SweepAxis(
    "width",
    "width",
    "sweep_widths",
    "w",
    "widths",
    "width",
    "width",
    results=("network_accuracy", "parameters", "operations"),
)
SWEEP_AXES = {axis.column: axis for axis in (LABELS, WIDTHS)}


@dataclasses.dataclass(frozen=True)
class SweepSettings(Checked):
    """The members of a sweep, and the stage that is drawn of them."""

    labels: tuple[int, ...] = setting(
        (),
        "Numbers of labels K, each with a network of its own, such as 20,40,60,100.",
        low=2,
        once=True,
    )
    widths: tuple[int, ...] = setting(
        (),
        "Instead of numbers of labels: widths of the network, such as 3,6,12,24,48, each the "
        "`width` of one of its own.",
        low=1,
        high=65_536,
        once=True,
    )
    seeds: tuple[int, ...] = setting(
        (0,),
        "Seeds; each draws its own labels (nested over K), weights and order of images.",
        low=0,
        once=True,
    )
    stage: str | None = setting(
        None,
        "The stage whose error is shown against K or width. Default: the paper's (layer10 of "
        "VGG-16), else the last.",
    )

    @property
    def axis(self) -> SweepAxis:
        """What the members differ in."""
        return WIDTHS if self.widths else LABELS
