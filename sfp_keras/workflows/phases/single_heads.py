"""The end of phase 3 for attention heads: each alone, the others silenced at the input."""

from collections.abc import Iterator

from sfp_keras.checkpoints import PassCheckpoint
from sfp_keras.files import file_digest
from sfp_keras.layers import SequencePooling
from sfp_keras.probing import Stage
from sfp_keras.probing import measure_single_heads as measure
from sfp_keras.reports import terminal
from sfp_keras.runs.single_head_files import read_single_heads, write_single_heads
from sfp_keras.workflows.session import ProbeSession


def measure_single_heads(session: ProbeSession) -> None:
    """Measure the stages of attention heads whose pooling has weights, and were not measured yet.

    Silenced after the pooling, heads are what the fields of their nodes say. Silenced at the input,
    the pooling's weights change, which takes a pass of its own: it needs the tokens.
    """
    heads = {stage.name: number for stage, number in _stages_of_heads(session)}
    for split in session.splits if heads else ():
        _measure(session, split, heads)
        _print_differences(session, split, list(heads))


def _stages_of_heads(session: ProbeSession) -> Iterator[tuple[Stage, int]]:
    """The stages with several heads and a sequence pooling, and the number of their heads."""
    for stage in session.stages:
        view = session.view(stage)
        number = view.seen[-1] if view.kind == "head" else session.attention_heads(stage)
        pools = any(isinstance(layer, SequencePooling) for layer in view.learnt())
        if pools and number is not None and number > 1:
            yield stage, number


def _measure(session: ProbeSession, split: str, heads: dict[str, int]) -> None:
    run, phase = session.run, f"fields-single-heads-{split}"
    files = {name: run.stage(name).split(split) for name in heads}
    missing = [name for name in heads if not files[name].single_heads.exists()]
    if missing:
        of_pass = [
            split,
            {name: file_digest(run.stage(name).head) for name in missing},
            {name: session.stage_settings[name] for name in missing},
            {name: heads[name] for name in missing},
        ]
        checkpoint = run.checkpoint(phase, missing)
        with run.timed("analysis"):
            found = measure(
                session.cut([stage for stage in session.stages if stage.name in missing]),
                {name: session.head(name) for name in missing},
                session.batches("single heads", split),
                heads,
                PassCheckpoint(checkpoint, run.plan.digest("fields", of_pass)),
            )
            for name, single in found.items():
                write_single_heads(files[name], single.at_input)
    run.delete_checkpoints(phase)


def _print_differences(session: ProbeSession, split: str, stages: list[str]) -> None:
    """A line a stage: how much the way of silencing matters."""
    console = terminal()
    for name in stages:
        fields = session.measurement(name, split).fields
        single = read_single_heads(session.run.stage(name).split(split), fields)
        if single is not None:
            console.print(
                f"single heads of {name} on {len(session.images(split)):,} {split} images: "
                "silenced at the input instead of after the pooling, a head's fields differ by "
                f"{single.mean_difference:.1%} on average"
            )
