"""Names of layers that TensorFlow runs."""

import keras
import numpy as np
import pytest
from keras import layers

from sfp_keras.errors import InputError
from sfp_keras.models.scope_names import as_scope_name, is_scope_name
from sfp_keras.workflows.inputs.network import check_names

NAMES = ["fc 1", "größe", "x@y", "_under", "-dash", "a>b", "a>_b", "back\\slash", "..", "9", "q\n"]


@pytest.mark.skipif(keras.backend.backend() != "tensorflow", reason="TensorFlow's own rule")
@pytest.mark.parametrize("outermost", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_refused_exactly_where_tensorflow_refuses_it(name, outermost):
    inputs = keras.Input((4,))
    outputs = layers.Dense(2, name="dense" if outermost else name)(inputs)
    model = keras.Model(inputs, outputs, name=name if outermost else "model")
    try:
        model.predict_on_batch(np.zeros((1, 4), np.float32))
        runs = True
    except Exception:
        runs = False
        # Keras stays in the scope that it could not enter.
        keras.backend.clear_session()
    assert is_scope_name(name, outermost=outermost) is runs
    assert is_scope_name(as_scope_name(name), outermost=True)
    if runs:
        check_names(model)
    else:
        with pytest.raises(InputError, match="TensorFlow cannot run the "):
            check_names(model)
