"""The optimiser against a NumPy transcription of PyTorch's documented rule."""

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfp_keras import SGD
from sfp_keras.errors import InputError
from sfp_keras.training import ParameterGroup


def transcription(weights, gradients, rates, momentum, l2, nesterov=True):
    """torch.optim.SGD's documentation, line by line, in float64."""
    w, buffer = np.array(weights, np.float64), None
    for g, lr in zip(gradients, rates, strict=True):
        g = g + l2 * w
        buffer = g if buffer is None else momentum * buffer + g
        w = w - lr * ((g + momentum * buffer) if nesterov else buffer)
    return w


def apply(optimizer, variables, gradients, rates):
    optimizer.build(variables)
    for step, rate in enumerate(rates):
        groups = {group.name: group.learning_rate * rate for group in optimizer.groups}
        optimizer.set_learning_rates(rate, groups)
        optimizer.apply([keras.ops.convert_to_tensor(g[step]) for g in gradients])


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    momentum=st.sampled_from([0.0, 0.5, 0.975]),
    l2=st.sampled_from([0.0, 0.003]),
    nesterov=st.booleans(),
)
def test_matches_the_rule_across_learning_rate_drops(seed, momentum, l2, nesterov):
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(3, 2)).astype(np.float32)
    gradients = rng.normal(size=(12, 3, 2)).astype(np.float32)
    rates = [0.1] * 5 + [0.01] * 4 + [0.001] * 3
    variable = keras.Variable(weights)
    apply(SGD(0.1, momentum, l2, nesterov), [variable], [gradients], rates)
    expected = transcription(weights, gradients, rates, momentum, l2, nesterov)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=2e-6, atol=2e-6)


def test_worked_example():
    """Three steps with gradient 1 and a drop to a tenth before the third."""
    variable = keras.Variable(np.float32(1.0))
    apply(SGD(0.1, 0.9), [variable], [np.ones(3, np.float32)], [0.1, 0.1, 0.01])
    assert float(variable.numpy()) == pytest.approx(0.50461, abs=1e-6)
    variable = keras.Variable(np.float32(1.0))
    apply(SGD(0.1, 0.9, 0.5), [variable], [np.zeros(3, np.float32)], [0.1, 0.1, 0.01])
    assert float(variable.numpy()) == pytest.approx(0.763819, abs=1e-6)


def test_keras_own_sgd_differs_after_a_drop():
    """The reason this optimiser exists; were it to fail, Keras' own would do."""
    gradients = np.ones(40, np.float32)
    rates = [0.1] * 20 + [0.01] * 20
    theirs, ours = keras.Variable(np.float32(1.0)), keras.Variable(np.float32(1.0))
    optimizer = keras.optimizers.SGD(0.1, 0.9, nesterov=True)
    optimizer.build([theirs])
    for gradient, rate in zip(gradients, rates, strict=True):
        optimizer.learning_rate = rate
        optimizer.apply([keras.ops.convert_to_tensor(gradient)])
    apply(SGD(0.1, 0.9), [ours], [gradients], rates)
    expected = transcription(1.0, gradients, rates, 0.9, 0.0)
    assert float(ours.numpy()) == pytest.approx(expected, rel=1e-6)
    assert abs(float(theirs.numpy()) - expected) > 0.1


def small_model():
    keras.utils.set_random_seed(0)
    return keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, name="layer1_conv"),
            keras.layers.BatchNormalization(name="layer1_norm"),
            keras.layers.Dense(2, use_bias=False, name="output"),
        ]
    )


def test_groups_have_their_own_hyperparameters_and_l2_covers_every_variable():
    model = small_model()
    group = ParameterGroup("fc", r"(^|/)output/", 0.05, 0.5, 0.2)
    optimizer = SGD(0.1, 0.9, 0.01, groups=[group])
    variables = model.trainable_variables
    before = [variable.numpy() for variable in variables]
    zeros = [np.zeros((4, *variable.shape), np.float32) for variable in variables]
    apply(optimizer, variables, zeros, [1.0, 1.0, 0.1, 0.1])
    for variable, start in zip(variables, before, strict=True):
        in_group = "output" in variable.path
        rates = [0.05, 0.05, 0.005, 0.005] if in_group else [1.0, 1.0, 0.1, 0.1]
        momentum, l2 = (0.5, 0.2) if in_group else (0.9, 0.01)
        expected = transcription(start, np.zeros((4, *start.shape)), rates, momentum, l2)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-7)
    assert {v.path.split("/")[-1] for v in variables} >= {"bias", "gamma", "beta", "kernel"}


def test_a_pattern_without_a_variable_is_named():
    optimizer = SGD(groups=[ParameterGroup("fc", "dense_99", 0.1)])
    with pytest.raises(InputError, match=r"dense_99.*matches no variable"):
        optimizer.build(small_model().trainable_variables)


def test_two_groups_of_one_name_are_refused():
    group = ParameterGroup("fc", "output", 0.1)
    with pytest.raises(InputError, match="two have the name 'fc'"):
        SGD(groups=[group, group])


@pytest.mark.parametrize("values", [{"momentum": 1.0}, {"momentum": -0.1}, {"l2": -1e-4}])
def test_values_out_of_range_are_refused(values):
    with pytest.raises(InputError, match=f"`{next(iter(values))}`=.* must be at least 0"):
        SGD(0.1, **values)


def test_saved_in_the_middle_it_goes_on_bit_equal(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(40, 4)).astype(np.float32), rng.integers(0, 2, 40)

    def compiled():
        model = small_model()
        group = ParameterGroup("fc", r"(^|/)output/", 0.05, 0.5, 0.2)
        model.compile(
            SGD(0.1, 0.9, 0.01, groups=[group]),
            keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        )
        return model

    whole = compiled()
    whole.fit(x, y, epochs=4, shuffle=False, verbose=0)
    half = compiled()
    half.fit(x, y, epochs=2, shuffle=False, verbose=0)
    half.save(tmp_path / "half.keras")
    again = keras.saving.load_model(tmp_path / "half.keras")
    assert again.optimizer.get_config() == half.optimizer.get_config()
    again.fit(x, y, epochs=2, shuffle=False, verbose=0)
    for ours, theirs in zip(again.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_a_group_leaves_out_is_the_optimisers():
    group = {"name": "fc", "pattern": "fc", "momentum": 0.5}
    (found,) = SGD(0.1, momentum=0.9, l2=1e-3, groups=[group]).groups
    assert found == ParameterGroup("fc", "fc", 0.1, 0.5, 1e-3)


def test_what_would_be_ignored_is_refused():
    with pytest.raises(InputError, match="`weight_decay` of SGD would be Keras' decoupled one"):
        SGD(0.1, weight_decay=0.5)
    with pytest.raises(InputError, match=r"`weight_decay` of parameter group 'fc': SGD has none"):
        SGD(0.1, groups=[ParameterGroup("fc", "fc", 0.1, weight_decay=0.1)])


def test_a_pattern_without_a_variable_is_refused_each_time():
    optimizer = SGD(groups=[ParameterGroup("fc", "fc", 0.1)])
    for variables, like in (([keras.Variable([1.0])], "paths look like"), ([], "none is trained")):
        for _ in range(2):
            with pytest.raises(InputError, match=f"'fc' matches no variable.*{like}"):
                optimizer.build(variables)


def test_groups_of_a_scheduled_rate_need_their_own() -> None:
    schedule = keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5)
    with pytest.raises(InputError, match="give each a learning_rate"):
        SGD(schedule, groups=[{"name": "fc", "pattern": "output"}])
