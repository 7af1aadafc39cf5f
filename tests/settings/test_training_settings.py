"""Settings of a training: defaults of the three phases, bounds, epochs."""

import pytest

from sfp_keras.errors import InputError
from sfp_keras.settings import FineTuningSettings, HeadSettings, TrainingSettings


def test_epochs_are_those_of_the_schedule_unless_given():
    assert TrainingSettings().total_epochs == 100
    assert TrainingSettings(epochs=20).total_epochs == 20
    assert TrainingSettings(epochs=20).schedule_length == 100
    assert HeadSettings(schedule_epochs=50).total_epochs == 50
    assert FineTuningSettings().total_epochs == FineTuningSettings().schedule_length == 10
    assert FineTuningSettings(epochs=0).total_epochs == 0


@pytest.mark.parametrize(
    ("section", "wrong", "match"),
    [
        (TrainingSettings, {"epochs": 0}, "`epochs`=0 must be at least 1"),
        (TrainingSettings, {"lr": -0.1}, "`lr`=-0.1 must be at least 0"),
        (TrainingSettings, {"l2": float("nan")}, "`l2`=nan must be"),
        (HeadSettings, {"momentum": 1.0}, "`momentum`=1.0 must be at least 0 and below 1"),
        (FineTuningSettings, {"precision": "float16"}, "`precision`=float16 must be one of"),
        (FineTuningSettings, {"epochs": None}, "`epochs`: .*`schedule_epochs`"),
    ],
)
def test_what_is_out_of_bounds_is_refused_by_its_name(section, wrong, match):
    with pytest.raises(InputError, match=match):
        section(**wrong)
