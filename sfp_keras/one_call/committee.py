"""Committees from Python: trained runs vote in one call."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

from sfp_keras.errors import InputError
from sfp_keras.filters import CommitteeVotes


def committee(
    members: str | os.PathLike | Sequence[str | os.PathLike],
    *,
    data_dir: str | os.PathLike | None = None,
    run_dir: str | os.PathLike | None = None,
) -> CommitteeVotes:
    """Let the trained networks of run directories vote on their test images.

    Networks of other structures, and of other image sizes, vote together if they were trained for
    the same labels in the same order, and are tested on the same images.

    Example:

    ```
    votes = sfp_keras.committee(["runs/heads4", "runs/heads16", "runs/heads32"])
    votes.accuracy("soft"), votes.gain_over_mean("soft")
    ```

    Args:
        members: run directories with a `model.keras`, or patterns such as `"runs/cct-*"`; or a
            single pattern.
        data_dir: folder of the images. Default: where each member had them.
        run_dir: folder that takes the tables, probabilities, figures and page, as of
            `--mode=committee`. Default: none is kept.

    Returns:
        `CommitteeVotes`.

    Raises:
        InputError: if there are fewer than two members, or they do not go together.
    """
    from sfp_keras.backend import float32_products, without_tracing_notes
    from sfp_keras.experiment import Experiment
    from sfp_keras.one_call.held_folder import HeldFolder
    from sfp_keras.workflows.committee.committee import hold_vote
    from sfp_keras.workflows.committee.report import committee_report

    alone = isinstance(members, str | os.PathLike) or not isinstance(members, Iterable)
    given: list[Any] = [members] if alone else list(members)  # type: ignore[arg-type]
    if not all(isinstance(member, str | os.PathLike) for member in given):
        raise InputError(f"`members` must be paths of run directories, received {members!r}")
    held = HeldFolder()
    experiment = Experiment.of(
        mode="committee",
        members=tuple(map(os.fspath, given)),
        data_dir=None if data_dir is None else os.fspath(data_dir),
        run_dir=str(held.path if run_dir is None else os.fspath(run_dir)),
    )
    with float32_products(), without_tracing_notes():
        votes = hold_vote(experiment)
    if run_dir is not None:
        committee_report(experiment.directory)
    return votes
