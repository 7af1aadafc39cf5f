"""Fine-tuning that does harm without any zeros is named."""

import pandas as pd

from sfp_keras.workflows.links import note_of_loss


def test_a_rate_that_is_too_high_is_named() -> None:
    columns = ["links", "variant", "start", "accuracy_before", "accuracy_after"]
    rows = [
        ("fc", "full", "trained", 0.9, 0.89),
        ("fc", "clusters", "trained", 0.9, 0.5),
        ("output fc", "full", "scratch", 0.9, 0.5),
    ]
    assert note_of_loss(pd.DataFrame(rows, columns=columns), 0.01) is None
    rows.append(("output conv", "full", "trained", 0.9, 0.6))
    note = note_of_loss(pd.DataFrame(rows, columns=columns), 0.01)
    assert note is not None
    assert "(conv)" in note
    assert "--afcc_links_lr=0.01" in note
