"""Commands, kills and damage in any order: a study contains what a model in memory says, or refuses to answer."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from support.forks import forks_of
from support.study_machine import PROGRAM, StudyMachine


@pytest.mark.filterwarnings("ignore")
def test_in_any_order_nothing_is_lost_doubled_or_wrong(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    examples, steps = (
        int(os.environ.get(f"TOOLBOX_{name}", count)) for name, count in (("EXAMPLES", 4), ("STEPS", 12))
    )
    phases = (Phase.explicit, Phase.generate) if examples == 4 else tuple(Phase)
    chosen = settings(
        max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=examples == 4, database=None,
        phases=phases, suppress_health_check=[*HealthCheck],
    )  # fmt: skip
    with forks_of(PROGRAM.format(tests=str(Path(__file__).parent))) as forks:
        monkeypatch.setattr(StudyMachine, "forks", forks, raising=False)
        run_state_machine_as_test(StudyMachine, settings=chosen)
