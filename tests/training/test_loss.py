"""Cross-entropy with smoothed and shared labels against its definition."""

import keras
import numpy as np
import pytest

from sfp_keras.training import CrossEntropy, curves

RNG = np.random.default_rng(0)
LOGITS = RNG.normal(size=(6, 4)).astype(np.float32)
LABELS = np.array([0, 1, 2, 3, 3, 0])
SHARES = RNG.dirichlet(np.ones(4), 6).astype(np.float32)
LOGS = LOGITS - np.log(np.exp(LOGITS).sum(1, keepdims=True))


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("labels", [LABELS, SHARES], ids=["labels", "shares"])
def test_the_loss_is_its_definition(labels, smoothing):
    shares = np.eye(4)[labels] if labels.ndim == 1 else labels
    target = shares * (1 - smoothing) + smoothing / 4
    loss = float(CrossEntropy(smoothing)(labels, LOGITS))
    assert loss == pytest.approx(-(target * LOGS).sum(1).mean(), rel=1e-6)


def test_the_loss_of_plain_labels_is_keras_own_to_the_last_bit():
    keras_s = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    assert float(CrossEntropy()(LABELS, LOGITS)) == float(keras_s(LABELS, LOGITS))


def test_curves_follow_the_label_of_the_largest_share():
    accuracy, cross_entropy = curves()
    for labels in (SHARES, LABELS):
        for metric in (accuracy, cross_entropy):
            metric.update_state(labels, LOGITS)
    main = np.concatenate([SHARES.argmax(1), LABELS])
    right = main == np.tile(LOGITS.argmax(1), 2)
    assert float(accuracy.result()) == pytest.approx(right.mean())
    shares = np.concatenate([SHARES, np.eye(4)[LABELS]])
    expected = -(shares * np.tile(LOGS, (2, 1))).sum(1).mean()
    assert float(cross_entropy.result()) == pytest.approx(expected, rel=1e-6)
