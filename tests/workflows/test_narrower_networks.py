"""Which networks can be trained with fewer filters."""

import pytest

from sfp_keras import build_network
from sfp_keras.errors import InputError
from sfp_keras.experiment import Experiment
from sfp_keras.probing import default_stages
from sfp_keras.workflows.phases.narrower_networks import changed_layers, check_widths


def test_the_layer_of_a_stage_is_narrowed_where_its_filters_are_counted() -> None:
    network, experiment = build_network("lenet5", 3), Experiment.of(model="lenet5")
    first, second = default_stages(network)
    assert [changed_layers(experiment, network, stage) for stage in (first, second)] == [[1], [2]]
    check_widths(experiment.changed(ablate_widths=(5,)), network, first)


@pytest.mark.parametrize("more", [{}, {"ablate_layers": ("1",)}])
def test_a_network_whose_filters_are_of_each_colour_says_so_itself(more: dict) -> None:
    network = build_network("tree3", 3, filters=2, branches=2)
    experiment = Experiment.of(model="tree3", ablate_widths=(1,), **more)
    message = "`ablate_widths`: tree3 has no layer whose filters it can make fewer; train it apart"
    for stage in default_stages(network):
        with pytest.raises(InputError, match=message):
            check_widths(experiment, network, stage)
