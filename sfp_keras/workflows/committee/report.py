"""What a committee's folder shows: figures, tables, a page, and the tables on the terminal."""

from pathlib import Path

from sfp_keras.analyses import Committee, print_committee
from sfp_keras.files import write_text
from sfp_keras.reports import Listing, Part, page, terminal
from sfp_keras.runs import locked
from sfp_keras.runs.committee_results import read_committee
from sfp_keras.workflows.committee.directory import CommitteeDirectory
from sfp_keras.workflows.report.provenance import with_provenance
from sfp_keras.workflows.report.writer import ReportWriter


def committee_report(path: Path) -> None:
    """Write the figures, tables and page of a committee, and print its tables.

    Args:
        path: `Path` of the committee's folder.

    Raises:
        InputError: if its tables are missing or damaged.
    """
    folder = CommitteeDirectory(path)
    with locked(path):
        saved = folder.read()
        found = Committee(*read_committee(folder.members, folder.votes, folder.agreement))
        writer = ReportWriter(folder.figures)
        sections = with_provenance(writer.sections(found), _provenance_parts(saved))
        title = f"Committee of {len(found.members)} networks"
        summary = f"{saved.get('images', 0):,} test images. Folder: {path}"
        write_text(folder.report, page(title, sections, summary))
        writer.delete_previous()
    console = terminal()
    print_committee(found, console)
    console.print(
        f"results: {path}\n"
        f"  {folder.members}  the members and their accuracy\n"
        f"  {folder.votes}  accuracy and gains of both votes\n"
        f"  {folder.agreement}  how often two members choose the same label\n"
        f"  {path / 'probabilities'}  probabilities of every test image\n"
        f"  {folder.report}  all of it on one page"
    )


def _provenance_parts(saved: dict) -> list[Part]:
    names = ("command", "git_revision", "backend", "device", "platform")
    facts = {name: saved[name] for name in names if saved.get(name)}
    versions = ", ".join(f"{name} {number}" for name, number in saved.get("versions", {}).items())
    parts: list[Part] = [Listing({**facts, "versions": versions})]
    for title in ("commands", "weights"):
        of_members = {k: v for k, v in saved.get(title, {}).items() if v}
        if of_members:
            parts.append(
                Listing({f"{title} of {name}": value for name, value in of_members.items()})
            )
    return parts
