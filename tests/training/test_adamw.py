"""AdamW against a NumPy transcription of PyTorch's documented rule, and its groups."""

import keras
import numpy as np
import pytest
from keras import ops

from sfp_keras import AdamW
from sfp_keras.errors import InputError
from sfp_keras.settings import RecipeSettings, TrainingSettings
from sfp_keras.training import (
    ParameterGroup,
    check_groups,
    optimizer_of,
    parse_group,
)

RNG = np.random.default_rng(0)


def transcription(weights, gradients, rates, weight_decay, b1=0.9, b2=0.999, epsilon=1e-8):
    """torch.optim.AdamW's documentation, line by line, in float64."""
    w = np.array(weights, np.float64)
    m, v = np.zeros_like(w), np.zeros_like(w)
    for t, (g, lr) in enumerate(zip(gradients, rates, strict=True), 1):
        w = w - lr * weight_decay * w
        m = b1 * m + (1 - b1) * g
        v = b2 * v + (1 - b2) * g**2
        w = w - lr * (m / (1 - b1**t)) / (np.sqrt(v / (1 - b2**t)) + epsilon)
    return w


def apply(optimizer, variables, gradients, rates):
    optimizer.build(variables)
    for step, rate in enumerate(rates):
        groups = {group.name: group.learning_rate * rate for group in optimizer.groups}
        optimizer.set_learning_rates(rate, groups)
        optimizer.apply([keras.ops.convert_to_tensor(g[step]) for g in gradients])


@pytest.mark.parametrize("scale", [1.0, 1e-7])
def test_matches_the_rule_across_learning_rates(scale):
    """Also with gradients as small as epsilon, of which Keras' own makes other steps."""
    weights = RNG.normal(size=(3, 2)).astype(np.float32)
    gradients = (RNG.normal(size=(12, 3, 2)) * scale).astype(np.float32)
    rates = [1e-6, 0.02, 0.05, *[0.1] * 5, *[0.01] * 4]
    variable = keras.Variable(weights)
    apply(AdamW(0.1, 0.3), [variable], [gradients], rates)
    expected = transcription(weights, gradients, rates, 0.3)
    np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_variables_of_half_precision_move_and_stay_finite(dtype):
    """0.999 is 1 in bfloat16, and epsilon 0 in float16."""
    variable = keras.Variable(np.ones(3, np.float32), dtype=dtype)
    gradients = np.tile(np.array([1, -0.5, 0], np.float32), (3, 1))
    apply(AdamW(0.1), [variable], [gradients], [0.1] * 3)
    found = np.asarray(ops.convert_to_numpy(ops.cast(variable, "float32")))
    expected = transcription(np.ones(3), gradients, [0.1] * 3, 0)
    np.testing.assert_allclose(found, expected, atol=0.02)


def test_groups_have_their_own_values_and_one_axis_has_no_decay():
    model = keras.Sequential(
        [
            keras.Input((4,)),
            keras.layers.Dense(3, name="layer1"),
            keras.layers.LayerNormalization(name="norm"),
            keras.layers.Dense(2, name="output"),
        ]
    )
    variables = model.trainable_variables
    before = [RNG.normal(size=variable.shape).astype(np.float32) for variable in variables]
    for variable, value in zip(variables, before, strict=True):
        variable.assign(value)
    gradients = [RNG.normal(size=(4, *value.shape)).astype(np.float32) for value in before]
    optimizer = AdamW(0.1, 0.06, groups=[ParameterGroup("fc", r"(^|/)output/", 0.5)])
    apply(optimizer, variables, gradients, [1.0, 1.0, 0.1, 0.1])
    for variable, start, steps in zip(variables, before, gradients, strict=True):
        in_group, decayed = "output" in variable.path, variable.path.endswith("kernel")
        rates = [0.5, 0.5, 0.05, 0.05] if in_group else [1.0, 1.0, 0.1, 0.1]
        decay = 0.06 if decayed and not in_group else 0.0
        expected = transcription(start, steps, rates, decay)
        np.testing.assert_allclose(variable.numpy(), expected, rtol=1e-5, atol=1e-5)


def test_it_is_saved_with_a_model(tmp_path):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="output")])
    optimizer = AdamW(0.1, 0.06, beta_2=0.99, groups=[ParameterGroup("fc", "output", 0.5)])
    model.compile(optimizer, "mse")
    model.train_on_batch(RNG.normal(size=(5, 4)), RNG.normal(size=(5, 2)))
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras").optimizer
    assert loaded.get_config() == optimizer.get_config()
    assert loaded.decoupled_decay == 0.06
    for ours, theirs in zip(loaded.variables, optimizer.variables, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_settings_make_it_and_its_groups():
    recipe = RecipeSettings(optimizer="adamw", weight_decay=0.06)
    settings = TrainingSettings(lr=0.1, group=("fc: lr=x0.5 weight_decay=0",), recipe=recipe)
    optimizer = optimizer_of(settings)
    assert (float(optimizer.learning_rate), optimizer.decoupled_decay) == pytest.approx((0.1, 0.06))
    (group,) = optimizer.groups
    assert (group.learning_rate, group.weight_decay) == (0.05, 0.0)


@pytest.mark.parametrize(
    ("kind", "text", "match"),
    [
        ("adamw", "fc: l2=0.1", "'l2' is not one of lr, weight_decay, decay"),
        ("sgd", "fc: weight_decay=0.1", "'weight_decay' is not one of lr, momentum, l2, decay"),
        ("adamw", "fc: weight_decay=-1", "weight_decay=-1.0 of parameter group 'fc' must be"),
        ("adamw", "nothing: weight_decay=1", "matches no variable"),
    ],
)
def test_groups_that_cannot_be_are_refused(kind, text, match):
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(2, name="output")])
    settings = TrainingSettings(group=(text,), recipe=RecipeSettings(optimizer=kind))
    with pytest.raises(InputError, match=rf"^`group`.*{match}"):
        check_groups(settings, model.trainable_variables)


def test_a_negative_weight_decay_is_refused():
    with pytest.raises(InputError, match="`weight_decay`=-1"):
        AdamW(weight_decay=-1)


def test_a_group_with_a_momentum_is_refused():
    with pytest.raises(InputError, match=r"`l2` of parameter group 'fc': AdamW has none"):
        AdamW(groups=[ParameterGroup("fc", "fc", 0.1, l2=0.1)])


def test_a_group_that_is_read_has_what_adamw_reads():
    default = ParameterGroup("default", "", 0.1, momentum=0.9, l2=1e-3, weight_decay=0.2)
    group = parse_group("head: lr=0.1", default, optimizer="adamw")
    expected = ParameterGroup("head", "head", 0.1, weight_decay=0.2)
    assert AdamW(groups=[group]).groups == (expected,)
