"""`toolbox model check`: the table, the exit codes, and what is said of a difference over its bound."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from faulty_session import use_faulty_sessions
from toolbox.__main__ import main
from toolbox.check import check_model, hold_fidelity
from toolbox.errors import UnknownNameError, UsageError, VerificationError


def test_a_sound_network_passes(card: str, weights: str) -> None:
    steps: list[tuple[str, int, int]] = []
    found = check_model(card, weights=weights, images=3, progress=lambda *step: steps.append(step))
    hold_fidelity(found)
    table = found.table()
    assert table.columns == ["comparison", "statistic", "difference", "layer", "bound", "ok"]
    assert table["ok"].to_list() == [True] * 7
    assert "batch of 1 against batch of 3" in table["comparison"].to_list()
    assert (found.model, found.weights, found.images) == ("tiny", "tiny.npz", 3)
    assert steps[0] == ("check", 0, 7)
    assert steps[-1] == ("check", 7, 7)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)


def test_layers_are_chosen_as_everywhere(card: str, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_faulty_sessions(monkeypatch, "pool", lambda run: run.threads == 2)
    hold_fidelity(check_model(card, layers=["colour", "sum"], weights=weights))
    with pytest.raises(VerificationError, match=r"one thread against two: the m.* of pool differs by 0.001 of"):
        hold_fidelity(check_model(card, layers=["p*"], weights=weights))
    with pytest.raises(UnknownNameError):
        check_model(card, layers=["block9"], weights=weights)


def test_one_image_is_too_few(card: str, weights: str) -> None:
    with pytest.raises(UsageError, match="images is 1; expected 2 or more"):
        check_model(card, weights=weights, images=1)


def test_the_command_prints_the_table_and_ends_with_0(card: str, weights: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "toolbox", "model", "check", card, "--weights", weights, "--images", "2"],
        capture_output=True, text=True, check=False, env={**os.environ, "COLUMNS": "100"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["comparison", "statistic", "difference", "layer", "bound", "ok"]
    assert len(rows) == 7
    assert "tiny shown 2 images of noise; weights: tiny.npz" in done.stderr


def test_the_command_ends_with_3_over_a_bound_and_names_the_layer(
    card: str, weights: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    use_faulty_sessions(monkeypatch, "sum", lambda run: run.threads == 2)
    monkeypatch.setattr(sys, "argv", ["toolbox", "model", "check", card, "--weights", weights, "--quiet"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 3
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 8
    (line,) = told.err.splitlines()
    assert line.startswith("error: tiny: one thread against two: the ")
    assert "of sum differs by 0.001 of the layer's largest value, expected 1e-06 at most" in line
