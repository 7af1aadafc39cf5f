"""What measurements a log holds, read from the names of its tags alone."""

import dataclasses
import re
from collections.abc import Mapping

from sfp_keras.errors import InputError
from sfp_keras.monitoring import schema
from tb_plugin.parameters import shown
from tb_plugin.provider import RunTags


@dataclasses.dataclass(frozen=True)
class Blobs:
    """Where the last blob sequence of a tag is.

    Attributes:
        tag: `str`.
        keys: what TensorBoard finds each blob by.
        written: when it was written, and at which step of TensorBoard's: another pair means
            other data.
    """

    tag: str
    keys: tuple[str, ...]
    written: tuple[float, int]


@dataclasses.dataclass(frozen=True)
class Restart:
    """When the training began that a run, or a stage of it, was last written by.

    Attributes:
        time: `float`. Time of writing.
        step: `int`. The first step it was to take.
    """

    time: float
    step: int

    def replaced(self, time: float, step: int) -> bool:
        """Whether what was written then, of that step, is left over from an earlier training."""
        return time < self.time and step >= self.step


@dataclasses.dataclass(frozen=True, eq=False)
class RunListing:
    """The measurements of one run.

    Attributes:
        experiment: `str`. TensorBoard's id of the experiment.
        run: `str`. Name of the run.
        about: the tag `about`, or `None`.
        stages: of each stage, where each step's factors lie, steps ascending; none of a stage
            that has only scalars.
        features: of each stage, where features lie that all its steps share.
        headers: of some stages, where it stands what they are.
        unreadable: the notice about a run that is not read: a newer schema wrote it, or
            TensorBoard does not serve it.
        notices: what else is wrong with the run.
        restart: when the training began that is shown, or `None` where that is not known.
        restarts: the same of single stages.
    """

    experiment: str
    run: str
    about: Blobs | None
    stages: Mapping[str, Mapping[int, Blobs]]
    features: Mapping[str, Blobs]
    headers: Mapping[str, Blobs]
    unreadable: str | None
    notices: tuple[str, ...]
    restart: Restart | None = None
    restarts: Mapping[str, Restart] = dataclasses.field(default_factory=dict)

    def replaced(self, stage: str, time: float, step: int) -> bool:
        """Whether what was written then, of that step, is left over from an earlier training."""
        known = (self.restart, self.restarts.get(stage))
        return any(restart is not None and restart.replaced(time, step) for restart in known)


def list_run(experiment: str, run: str, tags: RunTags) -> RunListing:
    """Sort a run's tags by what they hold.

    Args:
        experiment: `str`. TensorBoard's id of the experiment.
        run: `str`. Name of the run.
        tags: `RunTags`. Of the data of each tag, the last counts.
    """
    about, unreadable = None, tags.unreadable
    stages: dict[str, dict[int, Blobs]] = {}
    features: dict[str, Blobs] = {}
    headers: dict[str, Blobs] = {}
    notices = list(tags.notices)
    for tag in sorted(tags.series):
        try:
            kind = schema.check_plugin_data(tags.series[tag].plugin_content)
        except schema.NewerSchemaError as error:
            unreadable = unreadable or f"{run}: {error}"
            continue
        except (InputError, RecursionError):
            notices.append(f"{run}: {shown(tag)} was not written by sfp_keras and is left out")
            continue
        if not tags.data.get(tag):
            continue
        last = tags.data[tag][-1]
        blobs = Blobs(
            tag, tuple(value.blob_key for value in last.values), (last.wall_time, last.step)
        )
        place = schema.parse_factors_tag(tag)
        if kind == "about" and tag == schema.ABOUT_TAG:
            about = blobs
        elif kind == "factors" and place is not None:
            stages.setdefault(place[0], {})[place[1]] = blobs
        elif kind == "features" and (stage := schema.parse_stage_tag(tag, kind)) is not None:
            features[stage] = blobs
        elif kind == "header" and (stage := schema.parse_stage_tag(tag, kind)) is not None:
            headers[stage] = blobs
        else:
            notices.append(f"{run}: {shown(tag)} is of no kind this tab knows and is left out")
    ordered = {stage: dict(sorted(stages[stage].items())) for stage in sorted(stages, key=natural)}
    return RunListing(
        experiment, run, about, ordered, features, headers, unreadable, tuple(notices)
    )


def without_replaced(
    listing: RunListing, restart: Restart | None, headers: Mapping[str, schema.Header]
) -> RunListing:
    """The listing of the last training alone, and of what came before its first step.

    Args:
        listing: `RunListing` of all that the run holds.
        restart: when the training of the whole run began, or `None`.
        headers: what stands at `listing.headers`; those that could not be read are left out.
    """
    described = {
        stage: blobs
        for stage, blobs in listing.headers.items()
        if stage in headers
        and not (restart and restart.replaced(blobs.written[0], headers[stage].step))
    }
    restarts = {
        stage: Restart(blobs.written[0], first)
        for stage, blobs in described.items()
        if (first := headers[stage].first_step) is not None
    }
    current = dataclasses.replace(listing, headers=described, restart=restart, restarts=restarts)
    stages = {
        stage: {
            step: blobs
            for step, blobs in listing.stages.get(stage, {}).items()
            if not current.replaced(stage, blobs.written[0], step)
        }
        for stage in sorted(dict.fromkeys([*listing.stages, *described]), key=natural)
    }
    # Of a stage with a header there are scalars, if no factors.
    left = {stage: steps for stage, steps in stages.items() if steps or stage in described}
    return dataclasses.replace(current, stages=left)


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts `layer2` before `layer10`."""
    parts = re.split(r"([0-9]{1,18})", name, flags=re.ASCII)
    return [(int(part), "") if part.isascii() and part.isdigit() else (-1, part) for part in parts]
