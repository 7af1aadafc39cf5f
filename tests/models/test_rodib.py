"""The network with delays: its outputs against the sums written out, and its refusals."""

import keras
import numpy as np
import pytest
from keras.ops import convert_to_numpy

from sfp_keras import build_network
from sfp_keras.errors import InputError


def test_outputs_are_the_sums_over_nodes_at_every_pair_of_delays() -> None:
    num_labels, delays, nodes = 7, 3, 4
    network = build_network("rodib", num_labels, width=2, delays=delays, delay_nodes=nodes)
    images = np.random.default_rng(0).uniform(-1, 1, (2, 32, 32, 3)).astype("float32")
    flat = keras.Model(network.inputs[0], network.get_layer("flatten").output)
    inputs = convert_to_numpy(flat(images))
    first, second = network.get_layer("fc1"), network.get_layer("output")
    # w[i, a, k], its bias [a, k], and v[k, b].
    w = convert_to_numpy(first.kernel).reshape(-1, delays, nodes)
    bias = convert_to_numpy(first.bias).reshape(delays, nodes)
    v = convert_to_numpy(second.kernel)
    assert v.shape == (nodes, delays)
    outputs = convert_to_numpy(network(images))
    assert outputs.shape == (2, num_labels)
    for image in range(2):
        for label in range(num_labels):
            a, b = label % delays, label // delays
            field = sum(
                v[k, b]
                * max(0, sum(w[i, a, k] * x for i, x in enumerate(inputs[image])) + bias[a, k])
                for k in range(nodes)
            )
            assert outputs[image, label] == pytest.approx(field, rel=1e-4, abs=1e-5)


@pytest.mark.parametrize(("labels", "fewest"), [(2, 2), (4, 2), (5, 3), (10, 4), (100, 10)])
def test_as_few_delays_as_the_labels_need(labels: int, fewest: int) -> None:
    network = build_network("rodib", labels, width=1, delay_nodes=3)
    assert network.get_layer("output").units == fewest
    assert network.get_layer("fc1").units == 3 * fewest
    message = rf"`delays`={fewest - 1}: .* fewer than the {labels} labels; give at least {fewest}"
    with pytest.raises(InputError, match=message):
        build_network("rodib", labels, width=1, delays=fewest - 1)


def test_units_of_one_delay_stand_beside() -> None:
    network = build_network("rodib", 7, width=1, delay_nodes=4, label_units=True)
    assert [network.get_layer(name).units for name in ("fc1", "output")] == [4, 7]
    assert network.output_shape == (None, 7)
    with pytest.raises(InputError, match=r"`delays`=3: with `label_units` .* leave one of the two"):
        build_network("rodib", 7, width=1, delays=3, label_units=True)


def test_the_convolutions_may_be_another_networks() -> None:
    network = build_network("rodib", 3, width=2, body="vgg11", filters={10: 5})
    assert network.get_layer("layer10_conv").filters == 5
    with pytest.raises(InputError, match="`body`=lenet5 must be one of vgg6, vgg11, vgg16"):
        build_network("rodib", 3, body="lenet5")
