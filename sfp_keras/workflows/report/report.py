"""A run's figures and tables in the papers' form, and one page with all of them."""

from sfp_keras.analyses import Run
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import write_text
from sfp_keras.reports import page, print_layers, terminal, text_of_kind
from sfp_keras.workflows.report.provenance import provenance_parts, with_provenance
from sfp_keras.workflows.report.recorded_run import RecordedRun, read_run
from sfp_keras.workflows.report.writer import ReportWriter


def report(experiment: Experiment) -> None:
    """`--mode=report`: reads a run directory alone; no images, no network."""
    recorded = read_run(experiment)
    run = recorded.measured(experiment.report.filters)
    check_filters(experiment, run)
    writer = ReportWriter(recorded.files.figures)
    sections = with_provenance(writer.sections(run), provenance_parts(recorded))
    write_text(recorded.files.report, page(recorded.title, sections, summary(recorded, run.kind)))
    writer.delete_previous()
    console = terminal()
    # The paper's rows go below those of the test images.
    print_layers(run.rows, recorded.papers, console, run.intervals, run.kinds)
    console.print(f"report: {recorded.files.report}\nfigures and tables: {recorded.files.figures}")


def check_filters(experiment: Experiment, run: Run) -> None:
    """Refuse filters to show that no stage has."""
    most = max(stage.fields.num_filters for split in run.splits for stage in split.stages)
    beyond = [number for number in experiment.report.filters if number >= most]
    if beyond:
        raise InputError(
            f"`report_filters`: there is no filter {beyond[0]}; the largest stage shown has "
            f"filters 0 to {most - 1}"
        )


def summary(recorded: RecordedRun, kind: str) -> str:
    """The sentences below the title; `kind` is what the filters of all stages are."""
    accuracy = recorded.saved["results"].get("network_accuracy")
    own = f"The network's own test accuracy is {accuracy:.4f}. " if accuracy is not None else ""
    measured = text_of_kind("Single-filter performance", kind)
    return (
        f"{own}{measured} at threshold {recorded.threshold:g}, measured on "
        f"{' and '.join(recorded.splits)} images. Run directory: {recorded.files.path}"
    )
