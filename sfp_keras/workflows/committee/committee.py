"""`--mode=committee`: several trained networks vote on the test images (arXiv 2506.23832)."""

from collections.abc import Sequence

import pandas as pd

from sfp_keras.csv_files import csv_text
from sfp_keras.experiment import Experiment, program, typed
from sfp_keras.files import write_text
from sfp_keras.filters import CommitteeVotes, committee_votes
from sfp_keras.runs.provenance import provenance
from sfp_keras.workflows.committee.directory import FORMAT, CommitteeDirectory
from sfp_keras.workflows.committee.members import Member, find_members
from sfp_keras.workflows.committee.probabilities import all_probabilities
from sfp_keras.workflows.committee.report import committee_report


def committee(experiment: Experiment) -> None:
    """Let the members vote, and write and print what that gives."""
    hold_vote(experiment)
    committee_report(experiment.directory)


def hold_vote(experiment: Experiment) -> CommitteeVotes:
    """Let the members vote, and write the tables.

    Args:
        experiment: `Experiment` with the members.

    Returns:
        `CommitteeVotes`.

    Raises:
        InputError: if members do not go together, or the folder is used for something else.
    """
    members = find_members(experiment.committee.members)
    folder, command = CommitteeDirectory(experiment.directory), _command(experiment)
    paths = [str(member.files.path) for member in members]
    with folder.opened(paths, command):
        probabilities, labels = all_probabilities(members, folder, experiment)
        votes = committee_votes(probabilities, labels)
        for path, table in (
            (folder.members, _members(members, votes)),
            (folder.votes, votes.to_frame()),
            (folder.agreement, _agreement(members, votes)),
        ):
            write_text(path, csv_text(table))
        folder.write(
            {
                "format": FORMAT,
                "command": command,
                "members": paths,
                "images": len(labels),
                "commands": {member.name: member.saved.get("command") for member in members},
                "weights": {
                    member.name: member.saved["results"].get("weights") for member in members
                },
                **provenance(),
            }
        )
    return votes


def _command(experiment: Experiment) -> str:
    """The command of a committee: all but these flags are the members' own."""
    given = {name: experiment.value(name) for name in ("data_dir", "run_dir")}
    flags = {"members": ",".join(experiment.committee.members), **given}
    return typed(
        program(),
        ["--mode=committee", *(f"--{name}={value}" for name, value in flags.items() if value)],
    )


def _members(members: Sequence[Member], votes: CommitteeVotes) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "member": member.name,
            "run_dir": str(member.files.path),
            "model": member.experiment.network.model,
            "seed": member.experiment.run.seed,
            "accuracy": accuracy.value,
            "accuracy_error": accuracy.error,
        }
        for member, accuracy in zip(members, votes.member_accuracy, strict=True)
    )


def _agreement(members: Sequence[Member], votes: CommitteeVotes) -> pd.DataFrame:
    rows = []
    for second in range(len(members)):
        for first in range(second):
            share = votes.agreement(first, second)
            names = {"member": members[first].name, "other": members[second].name}
            rows.append({**names, "agreement": share.value, "agreement_error": share.error})
    return pd.DataFrame(rows)
