"""From a command line to a workflow, and to an exit code."""

import logging
import os
import sys
from collections.abc import Sequence

from absl import app, flags
from absl import logging as absl_logging

from sfp_keras import workflows
from sfp_keras.backend import choose_backend, start_backend
from sfp_keras.command import idle, preset, sweep
from sfp_keras.command.define import settings_of
from sfp_keras.command.failures import failure, output_failure
from sfp_keras.command.parsing import parsed
from sfp_keras.command.wording import NoteFormatter
from sfp_keras.console import PlainConsole
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.settings import MODES


def build_experiment(values: flags.FlagValues) -> Experiment:
    """The experiment that the flags and their preset describe."""
    chosen = preset.apply(values)
    idle.check_images(values)
    return settings_of(values).changed(preset=chosen)


def main(argv: Sequence[str]) -> int:
    """Run the workflow; a mistake of the user's is one line, not a traceback."""
    if len(argv) > 1:
        meant = f", as in --mode={argv[1]}" if argv[1] in MODES else ""
        print(f"error: {argv[1]!r} is not a flag; flags begin with --{meant}", file=sys.stderr)
        return 2
    # What the library notes on the way: sizes of caches, skipped images. absl puts level, time
    # and process before it.
    absl_logging.get_absl_handler().setFormatter(NoteFormatter())
    logging.getLogger("sfp_keras").setLevel(logging.INFO)
    # absl lets through every library's notes, such as JAX' of devices it did not find.
    logging.getLogger("jax").setLevel(logging.WARNING)
    # TensorFlow takes every cut of a network for one function that is compiled again and again.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    experiment = None
    ended: tuple[str, int] | None
    try:
        choose_backend(flags.FLAGS.backend)  # Before a network's own code is read.
        # Before the sweep's own preset is set, for every member has one.
        several = flags.FLAGS.mode == "sweep"
        plan = sweep.plan(flags.FLAGS, build_experiment) if several else None
        experiment = build_experiment(flags.FLAGS)
        experiment.check_options()
        workflows.check_before_keras(experiment)
        if workflows.needs_keras(experiment):
            _start_backend(experiment.run.backend, workflows.asks_for_shapes(experiment))
        # A network of the user's own is asked too, whose code may open Keras.
        for line in idle.notes(flags.FLAGS, experiment):
            PlainConsole().print(f"note: {line}")
        workflows.run(experiment, plan)
    except KeyboardInterrupt:
        ended = "\nstopped; the same command goes on from here", 130
    except Exception as error:
        ended = failure(error, experiment.directory if experiment else None)
        if ended is None:
            raise
    else:
        ended = output_failure()
    if ended is None:
        return 0
    line, code = ended
    if experiment and experiment.run.overwrite and "the same command" in line:
        line += " (without --overwrite, once it has begun to redo)"
    print(line, file=sys.stderr)
    return code


def _start_backend(wanted: str | None, for_shapes: bool) -> None:
    try:
        start_backend(wanted, for_shapes)
    except (ImportError, ValueError) as error:
        wanted = wanted or os.environ.get("KERAS_BACKEND", "none")
        raise InputError(f"--backend={wanted} cannot be used: {error}") from None


def run() -> None:
    """Run the command that this process was started with, and end with its exit code."""
    app.run(main, flags_parser=parsed)
