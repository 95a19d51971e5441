"""Commands, kills and damage in any order: a study contains what a model in memory says, or refuses to answer."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.exchange_machine import ExchangeMachine
from support.forks import forks_of
from support.study_machine import PROGRAM

STEPS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("share_and_import", {}),
    ("share_rollups", {}),
    ("add_an_image", {"category": "red"}),
    ("ingest", {}),
    ("carry_back", {}),
    ("extract", {"weights": "other"}),
    ("merge_both", {}),
    ("label", {"choice": "a"}),
    ("carry_back", {}),
    ("merge_both", {}),
    ("kill_sharing", {"failpoint": 40}),
    ("kill_importing", {"failpoint": 25, "commit": False}),
    ("kill_importing", {"failpoint": 16, "commit": True}),
    ("share_while_it_changes", {"command": ("extract", "tiny"), "moment": 6}),
    ("import_twice_at_once", {"moment": 2}),
    ("extract", {"weights": "tiny"}),
    ("merge_both", {}),
)
"""Every step between two laboratories; in any order they come below, too."""
SOME = (*STEPS[:4], *STEPS[8:10], STEPS[12])
"""Without most of the kills."""


@pytest.mark.parametrize("steps", [SOME, pytest.param(STEPS, marks=pytest.mark.long)], ids=["some", "every"])
@pytest.mark.filterwarnings("ignore")
def test_what_two_laboratories_exchange_is_of_one_state_whatever_comes_between(
    steps: Any, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with forks_of(PROGRAM.format(tests=str(Path(__file__).parent))) as forks:
        monkeypatch.setattr(ExchangeMachine, "forks", forks, raising=False)
        monkeypatch.setattr(os, "fsync", lambda _: None)
        machine = ExchangeMachine()
        machine.begin(images=2)
        for name, choices in (("label", {"choice": "b"}), ("extract", {"weights": "other"}), *steps):
            getattr(machine, name)(**choices)
            machine.check_what_it_contains()
            machine.check_theirs()
        machine.teardown()


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_in_any_order_nothing_is_lost_doubled_or_wrong(
    cache: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    seed = request.config.getoption("--hypothesis-seed")
    is_quick = "TOOLBOX_EXAMPLES" not in os.environ
    phases = (Phase.explicit, Phase.generate) if is_quick else tuple(Phase)
    chosen = settings(
        max_examples=int(os.environ.get("TOOLBOX_EXAMPLES", "5")),
        stateful_step_count=int(os.environ.get("TOOLBOX_STEPS", "5")),
        derandomize=is_quick and seed is None, phases=phases, deadline=None, database=None,
        suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    with forks_of(PROGRAM.format(tests=str(Path(__file__).parent))) as forks:
        monkeypatch.setattr(ExchangeMachine, "forks", forks, raising=False)
        monkeypatch.setattr(os, "fsync", lambda _: None)  # no disk is unplugged
        run_state_machine_as_test(ExchangeMachine, settings=chosen)
