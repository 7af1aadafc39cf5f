"""The worked examples."""

import json
from pathlib import Path

import numpy as np
import pytest

from sfp_keras.filters import FilterFields


@pytest.fixture(scope="session")
def golden():
    return json.loads((Path(__file__).parent / "golden.json").read_text())


@pytest.fixture(scope="session")
def case_1(golden):
    return golden["case_1"]


@pytest.fixture(scope="session")
def case_1_fields(case_1):
    return FilterFields(
        np.array(case_1["features"]),
        np.array(case_1["kernel"]),
        np.full(4, case_1["inputs_per_label"]),
        (2, 1),
    )
