"""MaskConstraint on any kernel."""

import keras
import numpy as np
import pytest
from keras import ops

from sfp_keras import MaskConstraint
from sfp_keras.errors import InputError

pytestmark = pytest.mark.usefixtures("not_compiled")
RNG = np.random.default_rng(0)


@pytest.mark.parametrize("shape", [(3, 3, 2, 4), (1, 1, 1, 4), (4,)])
def test_convolutions_keep_their_zeros(shape, tmp_path):
    mask = np.ones(shape, bool)
    mask[..., 2] = False
    constraint = MaskConstraint(mask, keras.constraints.MaxNorm(0.5, axis=[0, 1, 2]))
    conv = keras.layers.Conv2D(4, 3, kernel_constraint=constraint, name="conv")
    net = keras.Sequential([keras.Input((6, 6, 2)), conv, keras.layers.Flatten()])
    net.compile("adam", "mse")
    net.fit(RNG.normal(size=(8, 6, 6, 2)), RNG.normal(size=(8, 64)), epochs=2, verbose=0)
    kernel = ops.convert_to_numpy(conv.kernel)
    assert not kernel[..., 2].any()
    assert (kernel[..., [0, 1, 3]] != 0).all()
    assert (np.sqrt((kernel**2).sum((0, 1, 2))) < 0.501).all()
    net.save(tmp_path / "net.keras")
    loaded = keras.models.load_model(tmp_path / "net.keras").get_layer("conv").kernel_constraint
    np.testing.assert_array_equal(loaded.mask, mask)
    assert loaded.get_config() == constraint.get_config()


def test_a_mask_that_does_not_fit_is_told():
    with pytest.raises(InputError, match=r"\(3, 2\) does not fit a kernel of shape \(2, 3\)"):
        MaskConstraint(np.ones((3, 2)))(np.ones((2, 3), np.float32))
    # A larger mask would enlarge the kernel.
    with pytest.raises(InputError, match="does not fit"):
        MaskConstraint(np.ones((4, 2, 3)))(np.ones((2, 3), np.float32))
