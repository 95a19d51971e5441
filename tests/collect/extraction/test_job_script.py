"""The script for SLURM in the chapter is one that bash reads, and its jobs present a set together."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.chapters import blocks, run_shell
from support.tiny_network import CARD
from toolbox import Study


@pytest.fixture
def script() -> str:
    """The script, with the three-layer network and its weights instead of VGG16."""
    [text] = [block.text for block in blocks("models/README.md") if "#SBATCH" in block.text]
    assert "--model vgg16 " in text
    return text.replace("--model vgg16 ", f"--model {CARD} --weights tiny.npz ")


def test_bash_reads_the_blocks_of_the_chapter(tmp_path: Path) -> None:
    texts = [block.text for block in blocks("models/README.md") if block.language == "bash"]
    assert len(texts) == 2
    for text in texts:
        (tmp_path / "block.sh").write_text(text)
        subprocess.run(["bash", "-n", tmp_path / "block.sh"], check=True)


def test_the_jobs_of_the_script_present_the_set_together(
    script: str, study: Study, photographs: Path, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = study.folder.root.parent
    study.folder.root.rename(place / "my-study")
    Study(place / "my-study").ingest(photographs, set="pets")
    monkeypatch.chdir(place)
    monkeypatch.setenv("TOOLBOX_STUDY", "")  # so that what the script exports ends with the test
    monkeypatch.setenv("SLURM_SUBMIT_DIR", str(place))
    monkeypatch.setenv("SLURM_ARRAY_TASK_COUNT", "3")
    for number in range(3):
        monkeypatch.setenv("SLURM_ARRAY_TASK_ID", str(number))
        run_shell(script, place)
    done = Study(place / "my-study")
    assert done.verify(thorough=True).is_intact
    assert [file.name for file in sorted(done.folder.responses("pets", "tiny").iterdir())] == [
        f"part-{number}.parquet" for number in range(3)
    ]
    assert done.extract("pets", model=str(CARD), weights=weights).shown == 0
