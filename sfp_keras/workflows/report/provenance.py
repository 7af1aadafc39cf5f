"""The parts of a report that say how the run was made, with what, and after which papers."""

from collections.abc import Sequence

from sfp_keras._version import __version__
from sfp_keras.papers import references
from sfp_keras.reports import Folded, Listing, Paragraph, Part, Section
from sfp_keras.workflows.report.recorded_run import RecordedRun


def provenance_parts(run: RecordedRun) -> list[Part]:
    """Command, versions, device and times, and the settings of each phase."""
    saved = run.saved
    versions = saved.get("versions", {})
    facts = {
        "command": saved.get("command"),
        "seed": saved["flags"].get("seed"),
        "versions": ", ".join(f"{name} {version}" for name, version in versions.items()),
        "git revision": saved.get("git_revision"),
        "backend": saved.get("backend"),
        "device": saved.get("device"),
        "platform": saved.get("platform"),
        "images and labels (fingerprint)": saved.get("data"),
        "weights (SHA-256)": saved["results"].get("weights"),
        **{f"seconds of phase {name}": spent for name, spent in saved["seconds"].items()},
        "report": f"sfp-keras {__version__}, threshold {run.threshold:g}, split "
        f"{','.join(run.splits)}",
    }
    parts: list[Part] = [Listing({k: v for k, v in facts.items() if v not in (None, "")})]
    for phase, settings in saved["phases"].items():
        given = {k: v for k, v in settings.items() if v not in (None, [])}
        if given:
            parts.append(Folded(f"settings of phase {phase}", [Listing(given)]))
    return parts


def with_provenance(sections: Sequence[Section], provenance: Sequence[Part]) -> list[Section]:
    """The sections of a page and behind them its last two.

    Args:
        sections: what was found.
        provenance: how it was made.

    Returns:
        The sections, provenance, and references: the method's papers and those that the sections
        name.
    """
    text = "\n".join(part.html() for section in sections for part in section.parts)
    return [
        *sections,
        Section("Settings and provenance", provenance),
        Section("References", [Paragraph(paper) for paper in references(text)]),
    ]
