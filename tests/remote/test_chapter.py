"""The commands of the chapter on object storage, on the three-layer network."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.chapters import NOT_RUN, blocks, run_shell
from support.object_storage import new_bucket, storage

HEADING = "A study in object storage"


def test_the_commands_of_the_chapter(
    server: str,
    cache: Path,
    tmp_path: Path,
    photographs: Path,
    card: str,
    weights: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLBOX_STUDY", "")
    new_bucket("laboratory")
    (block,) = (each for each in blocks("toolbox/README.md") if each.heading == HEADING)
    assert "toolbox extract pets --model vgg16" in block.text
    text = block.text.replace("--model vgg16", f"--model {card} --weights {weights}")
    printed = run_shell("\n".join(line for line in text.splitlines() if line not in NOT_RUN), tmp_path)
    assert "colour" in printed
    assert (tmp_path / "stored-profile.svg").stat().st_size > 0
    assert (tmp_path / "stored-pets.zip").stat().st_size > 0
    assert storage().exists("laboratory/pets/study.toml")
