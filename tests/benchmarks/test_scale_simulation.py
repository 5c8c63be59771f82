"""The simulation of many videos: its lines, hours and money, by numbers that can be checked."""

import pytest

from benchmarks.scale_simulation import (
    DVC,
    ROW,
    Prices,
    Taken,
    cost_of,
    fit_line,
    hours_on,
    predict,
)

MEASURED = {
    10: {"extract": Taken(20.0, 0.2, 0.05), "train": Taken(50.0, 1.0)},
    30: {"extract": Taken(40.0, 0.2, 0.15), "train": Taken(90.0, 1.1)},
}


def test_fit_line_goes_through_what_was_measured_and_is_never_negative():
    assert fit_line([10, 30], [7.0, 17.0]) == (2.0, 0.5)
    assert fit_line([10, 20, 30], [1.0, 1.0, 1.0]) == (1.0, 0.0)
    assert fit_line([10, 20], [1.0, 3.0]) == (0.0, 0.2)


def test_predict_goes_on_along_the_lines():
    stages = predict(MEASURED, 1000)
    assert stages["extract"].seconds == pytest.approx(10 + 1000)
    assert stages["extract"].stored == pytest.approx(5.0)
    assert stages["extract"].gigabytes == pytest.approx(0.2 + 1000 * ROW)
    assert stages["train"].gigabytes == pytest.approx(1.1 + 1000 * ROW)


def test_predict_counts_the_features_that_training_maps_up_to_a_number():
    measured = {
        number: stages | {"features": Taken(1.0, 0.5, 0.002 * number)}
        for number, stages in MEASURED.items()
    }
    largest = 1.1 + 0.002 * (1000 - 30)
    assert predict(measured, 10_000)["train"].gigabytes == pytest.approx(largest + 10_000 * ROW)
    assert predict(measured, 1_000_000)["train"].gigabytes == pytest.approx(largest + 1e6 * ROW)


def test_hours_share_the_videos_among_the_cores_and_nothing_else():
    stages = {"extract": Taken(3600.0, 0), "train": Taken(7200.0, 0), DVC: Taken(3600.0, 0)}
    assert hours_on(stages, 1) == pytest.approx(1 + 2 + 1)
    assert hours_on(stages, 10) == pytest.approx(0.1 + 1 + 1)


def test_cost_is_of_the_core_hours_and_of_a_month_of_disk():
    stages = {"extract": Taken(3600.0, 0, 10.0), "train": Taken(7200.0, 0)}
    assert cost_of(stages, Prices(core_hour=0.1, gigabyte_month=0.05)) == pytest.approx(0.3 + 0.5)
