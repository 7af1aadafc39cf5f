"""What the traits of Keras' layers say is what the layers do; users' kinds are taken up."""

import numpy as np
import pytest
from keras import layers, ops

from sfp_keras.errors import InputError
from sfp_keras.models import LayerTraits, register_traits
from sfp_keras.traits import inherited_traits, registry, traits_of

# Arguments by the beginning of a kind's name, the longest that fits.
ARGUMENTS = {
    **{key: {"filters": 5, "kernel_size": 2} for key in ("Conv", "Separable")},
    "Depthwise": {"kernel_size": 2},
    "Adaptive": {"output_size": 2},
    "AveragePooling": {"pool_size": 2},
    **{key: {"units": 5} for key in ("Dense", "SimpleRNN", "LSTM", "GRU")},
    "EinsumDense": {"equation": "abcd,de->abce", "output_shape": (4, 4, 5)},
    "MultiHead": {"num_heads": 2, "key_dim": 3},
    "GroupedQuery": {"head_dim": 2, "num_query_heads": 2, "num_key_value_heads": 1},
    **{key: {"rate": 0.5} for key in ("Dropout", "Alpha", "GaussianD", "Spatial")},
    "GaussianNoise": {"stddev": 1.0},
    "GroupNormalization": {"groups": 2},
    "Rescaling": {"scale": 2.0},
    "Activation": {"activation": "relu"},
    "Permute": {"dims": (2, 1, 3)},
    "Reshape": {"target_shape": (-1,)},
    "RepeatVector": {"n": 3},
    "Resizing": {"height": 2, "width": 2},
    "CenterCrop": {"height": 2, "width": 2},
    "Embedding": {"input_dim": 9, "output_dim": 5},
}
# What takes another layer, or several unlike tensors.
AROUND_OTHERS = {"RNN", "Bidirectional", "TimeDistributed", "SpectralNormalization", "Dot"}
KINDS = [
    kind
    for kind in registry._KINDS
    if not isinstance(kind, str)
    and kind.__module__.startswith("keras.")
    and not kind.__name__.startswith("Random")
    and kind.__name__ not in AROUND_OTHERS
]


def make(kind):
    fitting = [name for name in ARGUMENTS if kind.__name__.startswith(name)]
    return kind(**ARGUMENTS[max(fitting, key=len)] if fitting else {})


def answer(layer, numbers, others):
    """What a layer makes of numbers, beside others where it takes several tensors."""
    first, second = map(ops.convert_to_tensor, (numbers, others))
    for arguments in ([first], [[first, second]], [first, second]):
        try:
            return ops.convert_to_numpy(layer(*arguments))
        except (ValueError, TypeError, IndexError, AttributeError):
            continue
    return None


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_the_filters_of_a_kind_come_from_where_it_says(kind):
    for rank in (4, 3, 5, 2):
        layer = make(kind)
        shape = (1, *(4 for _ in range(rank - 2)), 4)
        numbers = np.random.default_rng(0).uniform(0.1, 2, shape).astype(np.float32)
        before = answer(layer, numbers, numbers)
        if before is not None:
            break
    others = numbers.copy()
    others[..., 1] = others[..., 1] * 2 + 0.5
    after = answer(layer, others, numbers)
    traits = traits_of(layer)
    filters, axes = traits.filters_of(layer), traits.kernel_of(layer)
    if filters == "moved":
        np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(numbers, axis=None))
    elif filters == "joined":
        np.testing.assert_array_equal(after, np.concatenate([others, numbers], -1))
    elif filters == "made":
        if axes is not None:
            assert [layer.kernel.shape[axis] for axis in axes.inputs] == [4]
            assert layer.kernel.shape[axes.output] == before.shape[-1] == 5
        if axes is not None and axes.count:
            assert layer.get_config()[axes.count] == 5
    else:
        assert before.shape[-1] == 4
        changed = (after != before).reshape(-1, 4).any(axis=0)
        assert not traits.alone_in(layer, rank) or not changed[[0, 2, 3]].any()
        if traits.linear == "identity":
            np.testing.assert_array_equal(before, numbers)
        if traits.positions == "same":
            assert before.shape == numbers.shape
        if traits.positions == "all":
            assert before.shape == (1, 4)


def test_random_layers_are_those_of_training_alone():
    assert inherited_traits(layers.RandomFlip()).only_in_training
    assert inherited_traits(layers.Dropout(0.5)).only_in_training
    assert not inherited_traits(layers.Dense(3)).only_in_training


def test_a_subclass_is_a_kind_of_its_own_that_inherits_where_asked():
    class Own(layers.Dropout):
        pass

    assert traits_of(Own(0.5)) is None
    assert inherited_traits(Own(0.5)) is traits_of(layers.Dropout(0.5))
    traits = LayerTraits("made")
    register_traits(Own, traits)
    assert traits_of(Own(0.5)) is traits
    with pytest.raises(InputError, match="`kind` must be a class of layers"):
        register_traits(3, traits)
