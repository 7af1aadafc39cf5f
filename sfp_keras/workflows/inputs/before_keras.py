"""What is refused before Keras is imported, which takes seconds."""

from collections.abc import Sequence
from pathlib import Path

from sfp_keras.data import parse_scaling
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.files import meant, of_applications, unreadable
from sfp_keras.importing import check_module
from sfp_keras.models import architectures, check_own_spec
from sfp_keras.workflows.experiment_run import ExperimentRun
from sfp_keras.workflows.inputs.images import check_images


def check_before_keras(experiment: Experiment) -> None:
    """Refuse what settings and the names of files alone show to be wrong.

    Args:
        experiment: `Experiment`. One of a report is not looked at: it reads a run directory alone;
            of a committee, its members are.

    Raises:
        InputError: naming the setting and the mend.
    """
    if experiment.run.mode == "report":
        return
    if experiment.run.mode == "committee":
        from sfp_keras.workflows.committee.members import find_members  # With pandas.

        find_members(experiment.committee.members)
        return
    check_network(experiment)
    _check_training(experiment)
    _check_overwrite(experiment)
    check_images(experiment)
    _check_scaling(experiment.data.scaling)
    _check_stage_names(experiment.network.stages)
    if experiment.run.mode != "sweep":  # A sweep's folder is no run directory.
        ExperimentRun(experiment).check_place()


def check_network(experiment: Experiment) -> None:
    """Refuse a network, or weights, that are not there or do not go together."""
    for name in ("model", "weights", "initial_weights"):
        _check_readable(name, experiment.value(name))
    settings = experiment.network
    if settings.model in architectures():
        _check_weights(experiment)
        return
    given = [name for name in ("weights", "initial_weights") if experiment.value(name)]
    if given:
        raise InputError(
            f"`{given[0]}` is for networks with a name, not for "
            f"`model`={settings.model}: save the network with its weights as a .keras file"
        )
    if settings.train and ":" not in settings.model:
        _ = experiment.architecture  # Refuses a file: it holds trained weights.
    check_own_spec(settings.model)


def _check_weights(experiment: Experiment) -> None:
    for name in ("weights", "initial_weights"):
        file = experiment.value(name)
        if file and not of_applications(file) and not Path(file).is_file():
            raise InputError(f"`{name}`: file {file} does not exist{meant(file)}")


def _check_training(experiment: Experiment) -> None:
    network = experiment.network
    if experiment.run.mode == "train" and not experiment.trains and not network.list_stages:
        raise InputError(
            f"`mode`=train: `model`={network.model}"
            + (f" with `weights`={network.weights}" if network.weights else "")
            + " is trained already: use `mode`=probe, or `train` with a function that makes the "
            "network"
        )


def _check_overwrite(experiment: Experiment) -> None:
    """Refuse to delete what the mode does not make again, or more than is meant."""
    first, mode = experiment.run.overwrite, experiment.run.mode
    if first == "all" and experiment.trains:
        raise InputError(
            "`overwrite`=all is for a network that comes trained: give `overwrite`=heads to "
            "measure again, or `overwrite`=train to train again, too"
        )
    if (first == "afcc" and mode != "afcc") or (first in ("heads", "analysis") and mode == "train"):
        makes = "afcc" if first == "afcc" else "probe"
        raise InputError(
            f"`overwrite`={first}: `mode`={mode} does not make it again; give `mode`={makes}"
        )


def _check_scaling(text: str | None) -> None:
    if text and ":" in text:
        check_module(text, "scaling")
    elif text and text.strip() != "dataset":
        parse_scaling(text)


def _check_stage_names(names: Sequence[str]) -> None:
    """Refuse what is the name of no layer, whichever network it is."""
    given = ",".join(names)
    for name in names:
        if not name.strip("/ "):
            raise InputError(f"`stages`={given}: a name is empty; give names between commas")
        layer, call, number = name.partition("#")
        if call and not (layer and number.isascii() and number.isdigit()):
            raise InputError(
                f"`stages`={given}: {name!r} has no number of a call; the second call of a layer "
                "is called name#1"
            )


def _check_readable(name: str, value: str | None) -> None:
    """Refuse a file that the user may not read."""
    if value is not None:
        try:
            open(value, "rb").close()
        except PermissionError as error:
            raise unreadable(f"`{name}`={value}", error) from None
        except (OSError, ValueError):
            pass  # No file: what reads the setting knows what else it may be.
