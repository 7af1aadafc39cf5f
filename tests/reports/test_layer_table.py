"""The layer table on the terminal, and the papers' rows."""

import io

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from sfp_keras.papers import PaperNumbers, paper_numbers
from sfp_keras.reports import print_layers


def layers(**changes):
    row = {
        "stage": "layer10", "split": "test", "threshold": 0.3, "filters": 512,
        "outputs_per_filter": 4, "fc_inputs": 2048, "accuracy": 0.7, "noise": 20.0,
        "noise_clustered": 20.0, "clusters": 2.5, "cluster_size": 2.0, "signal": 25.6,
        "noise_internal": 0.2586, "noise_external": 1.024, "snr_internal": 99.0,
        "snr_external": 25.0, "dead_filters": 0, "zero_signal_labels": 0,
    }  # fmt: skip
    return pd.DataFrame([{**row, **changes}])


def printed(table, paper, kinds=None):
    text = io.StringIO()
    print_layers(table, paper, Console(file=text, width=60), kinds=kinds)
    return text.getvalue()


def test_the_paper_s_row_stands_below_ours_with_its_equations():
    text = printed(layers(), paper_numbers("vgg16", "cifar100", 100)).splitlines()
    ours = next(line for line in text if "layer10" in line).split()
    theirs = next(line for line in text if line.strip().startswith("paper ")).split()
    assert ours[1:6] == ["512", "4", "0.700", "20.00", "2.50"]
    assert theirs[1:] == [
        *("512", "0.752", "16.30", "2.60", "2.00", "26.62", "0.269", "0.835", "99.0", "31.9"),
    ]
    assert "arXiv:2309.07537, Table 1" in text[-1]


def test_the_paper_s_equations_have_its_own_number_of_filters():
    output = printed(layers(filters=350), paper_numbers("vgg16", "cifar100", 100))
    theirs = next(line for line in output.splitlines() if line.strip().startswith("paper "))
    assert theirs.split()[1:3] == ["512", "0.752"]
    assert "26.62" in theirs


@pytest.mark.parametrize("other", [{"threshold": 0.5}, {"split": "train"}])
def test_the_paper_s_numbers_are_of_its_threshold_and_split_alone(other):
    both = pd.concat([layers(), layers(**other)])
    text = printed(both, paper_numbers("vgg16", "cifar100", 100))
    assert sum(line.strip().startswith("paper ") for line in text.splitlines()) == 1
    assert "paper" not in printed(layers(**other), paper_numbers("vgg16", "cifar100", 100))


def test_infinite_and_undefined_values_are_shown_as_such():
    text = printed(layers(snr_external=np.inf, cluster_size=np.nan), PaperNumbers())
    assert "∞" in text
    assert "-" in next(line for line in text.splitlines() if "layer10" in line).split()
    assert "paper" not in text


def test_stages_of_nodes_are_spoken_of_as_nodes():
    text = printed(layers(), PaperNumbers(), {"layer10": "node"})
    assert "Single-node performance" in text
    assert "ilter" not in text
    both = pd.concat([layers(), layers(stage="fc1")])
    assert "filters N_f" in printed(both, PaperNumbers(), {"fc1": "node"})
