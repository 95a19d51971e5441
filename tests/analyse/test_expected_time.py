"""The time that resampling will take, from the times of two layers, and how it is reported."""

from __future__ import annotations

import random

import pytest

from toolbox.analyse.significance.layers import expected_seconds
from toolbox.cli.output import with_expected_times
from toolbox.progress import has_time, silent, with_time

FILTERS = {f"layer{number}": 64 * 2 ** min(3, number // 3) for number in range(18)}
"""As of VGG16."""


@pytest.mark.parametrize(
    ("of_a_layer", "of_a_filter"), [(0.3, 0.0008), (0.25, 0.005), (0.0, 0.01), (1.0, 0.0)]
)
def test_the_time_of_all_follows_from_two_layers(of_a_layer: float, of_a_filter: float) -> None:
    chance = random.Random(of_a_filter)
    taken = {
        name: (of_a_layer + of_a_filter * count) * chance.uniform(0.9, 1.1) for name, count in FILTERS.items()
    }
    measured = {name: taken[name] for name in ("layer0", "layer17")}
    assert 0.5 < expected_seconds(FILTERS, measured) / sum(taken.values()) < 2


@pytest.mark.parametrize("measured", [{"a": 2.0, "b": 3.0}, {"a": 3.0, "b": 2.0}])
def test_layers_of_one_size_are_taken_to_last_as_long(measured: dict[str, float]) -> None:
    filters = {"a": 8, "b": 8, "c": 8, "d": 8}
    assert expected_seconds(filters, measured) == 4 * measured["a"]


def test_a_larger_layer_that_was_quicker_gives_no_negative_time() -> None:
    assert expected_seconds({"a": 8, "b": 800, "c": 800}, {"a": 3.0, "b": 2.0}) == 9.0


def test_a_short_task_is_not_announced() -> None:
    assert with_time("resample pets", 4.9) == "resample pets"
    assert has_time(with_time("resample pets", 5))


def test_the_command_prints_the_expected_time_once(capsys: pytest.CaptureFixture[str]) -> None:
    report = with_expected_times(silent, quiet=False)
    for task in ("measure the speed", with_time("resample pets", 95), with_time("resample pets", 95)):
        report(task, 1, 3)
    assert capsys.readouterr() == ("", "resample pets, about 2 min\n")
    with_expected_times(silent, quiet=True)(with_time("resample pets", 95), 1, 3)
    assert capsys.readouterr() == ("", "")
