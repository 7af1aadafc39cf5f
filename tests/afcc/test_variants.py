"""The table of AFCC's heads is what the command offers, and figures tell them apart."""

import pandas as pd
from absl import flags

import main  # noqa: F401 - defines the flags
from sfp_keras.afcc import LINK_VARIANTS, VARIANTS
from sfp_keras.analyses.catalog.afcc import afcc_figure
from sfp_keras.experiment import all_declarations


def test_the_command_offers_every_variant() -> None:
    for name, variants in (("afcc_variants", VARIANTS), ("afcc_links_variants", LINK_VARIANTS)):
        # What AFCC keeps is trained a second time only where it is asked for.
        assert [*flags.FLAGS[name].default, "diagonal"] == list(variants)
        assert list(all_declarations()[name].setting.choices) == list(variants)


def test_equal_heads_of_afcc_stand_apart() -> None:
    variants = ["clusters", "random", "magnitude", "full"]
    results = pd.DataFrame(
        {
            **{"variant": variants, "clusters_from": ["test"] * 3 + [""], "threshold": 0.3},
            **{"kept": [10, 10, 10, 100], "total": 100, "accuracy_before": 1.0},
            **{"accuracy_zeroed": 1.0, "accuracy_after": 1.0},
        }
    )
    (axes,) = afcc_figure(results, "layer10").axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        *("AFCC, 10.0% kept", "random labels, 10.0% kept", "largest weights, 10.0% kept"),
        "full head, 100.0% kept",
    ]
    marks = [line.get_xydata().tolist() for line in axes.lines if len(line.get_xdata()) == 1]
    assert len(marks) == 8
    assert axes.get_xlim()[1] == 1
