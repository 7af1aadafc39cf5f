"""--distribute: what a run is spread over, and what its user is told of it."""

import contextlib
from collections.abc import Iterator

from sfp_keras.distribution import distributed
from sfp_keras.experiment import Experiment
from sfp_keras.reports import terminal


@contextlib.contextmanager
def spread(experiment: Experiment) -> Iterator[None]:
    """Run what is inside on all devices, if --distribute asks for it."""
    with distributed(experiment.distribute) as devices:
        if experiment.distribute:
            console = terminal()
            if devices.count == 1:
                console.print("note: --distribute changes nothing: there is one device")
            else:
                console.print(f"every batch is spread over {devices.count} devices")
        yield
