"""Two commands at once on one study: each ends, or is refused, and the study is as if one had come after the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from attacks.kills import read_state
from support.forks import forks_of
from support.writing_commands import WRITING_COMMANDS, full, make_inputs
from toolbox import Study

PROGRAM = """
sys.path[:0] = [{tests!r}]
from support.writing_commands import run_one as run
"""


@pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("import", "ingest, more images"),
        ("import", "extract"),
        ("import", "import"),
        ("share", "extract --replace"),
    ],
)
def test_two_commands_at_once_are_as_one_after_the_other(
    first: str, second: str, tmp_path: Path, cache: Path
) -> None:
    make_inputs(tmp_path / "inputs")
    root, program = tmp_path / "study", PROGRAM.format(tests=str(Path(__file__).parents[1]))
    full(root)
    with forks_of(program) as one, forks_of(program) as other:
        one.start(root, first)
        other.start(root, second)
        codes = {first: one.exit_code(), second: other.exit_code()}
    assert {*codes.values()} <= {0, 1}
    for name, code in codes.items():
        if code:
            WRITING_COMMANDS[name].act(root)
    assert Study(root).verify(thorough=True).is_intact
    if first == "share":
        back = tmp_path / "back"
        Study(back, create=True).import_(tmp_path / "study.out" / "bundle.zip", progress=False)
        assert Study(back).verify(thorough=True).is_intact
        return
    found, alone = read_state(root), tmp_path / "alone"
    full(alone)
    for name in codes:
        WRITING_COMMANDS[name].act(alone)
    assert {key: rows for key, rows in found.items() if key != "roots"} == {
        key: rows for key, rows in read_state(alone).items() if key != "roots"
    }
