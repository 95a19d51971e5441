"""The line `next: …`, whose command works as it is printed."""

from __future__ import annotations

import shlex
from pathlib import Path

from support.commands import run


def following(stderr: str) -> list[str]:
    """The words of the command that is to be run next; none if nothing is suggested."""
    lines = [line for line in stderr.splitlines() if line.startswith("next: toolbox ")]
    return shlex.split(lines[0].removeprefix("next: toolbox ")) if lines else []


def test_the_suggested_commands_lead_from_photographs_to_a_figure(
    photographs: Path, tmp_path: Path, card: str, weights: str
) -> None:
    there = ["--study", str(tmp_path / "my study")]
    network = ["--model", card, "--weights", weights]
    ingested = following(run("ingest", str(photographs), "--set", "colours", "--create", *there).stderr)
    assert ingested == ["extract", "colours", *there]
    extracted = following(run(*ingested, *network).stderr)
    assert extracted == ["significance", "colours", *there]
    resampled = following(run(*extracted, "--index", "auc", "--resamples", "20").stderr)
    assert resampled == ["plot", "layers/significant", "--index", "auc", *there]
    run(*resampled, "--output", str(tmp_path / "figure.svg"))
    assert (tmp_path / "figure.svg").is_file()


def test_a_step_that_was_done_is_not_suggested(
    photographs: Path, tmp_path: Path, card: str, weights: str
) -> None:
    there = ["--study", str(tmp_path / "study")]
    network = ["--model", card, "--weights", weights]
    ingest = ["ingest", str(photographs), "--set", "colours", *there]
    run(*ingest, "--create")
    run("extract", "colours", *network, *there)
    assert following(run(*ingest).stderr) == []
    run("significance", "--resamples", "20", *there)
    assert following(run("extract", "colours", *network, *there).stderr) == []


def test_the_study_is_named_only_where_it_must_be(
    photographs: Path, tmp_path: Path, card: str, weights: str
) -> None:
    run("ingest", str(photographs), "--set", "colours", "--create", "--study", str(tmp_path / "study"))
    told = run(
        "extract", "colours", "--model", card, "--weights", weights, TOOLBOX_STUDY=str(tmp_path / "study")
    ).stderr
    assert following(told) == ["significance", "colours"]
    assert (
        run("ingest", str(photographs), "--set", "others", "-q", "--study", str(tmp_path / "study")).stderr
        == ""
    )
