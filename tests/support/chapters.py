"""The chapters of the documentation: their blocks of commands, how they are run, and which commands are not."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from support.commands import run

ROOT = Path(__file__).parents[2]
CHAPTERS = (
    "README.md",
    "datasets/README.md",
    "models/README.md",
    "tests/README.md",
    "toolbox/README.md",
    "CONTRIBUTING.md",
)
"""Pages whose every command is run by a test, or is in NOT_RUN. Those made by `make reference` show no blocks."""

NOT_RUN = {
    "pip install -e . && toolbox demo": "installs; CI does it, and the demonstration has a test of its own",
    'pip install -e ".[test]" && pytest': "runs this very test; CI does it",
    'pip install -e ".[test]"': "installs; CI does it",
    'pip install "selectivity-toolbox[s3]"': "installs; the extra test has the same package",
    "make check": "runs this very test; CI does its parts",
    'pytest -m "not network and not long"': "runs this very test",
    "pytest -m long": "runs other tests; CI does it",
    'pytest -m "long or not long"': "runs this very test; CI does it in two steps",
    "pytest tests/queries": "runs other tests, which are run anyway",
    "pytest -n0 tests/test_files.py": "runs other tests, which are run anyway",
    "python tests/benchmarks/extraction.py --stimuli 128 --rounds 3": "measures for minutes",
    "python tests/benchmarks/engines.py --stimuli 96 --rounds 3": "measures for minutes",
    "python tests/benchmarks/scale.py --stimuli 2000 20000": "measures for minutes",
    "python tests/benchmarks/cold_start.py 15": "measures for a minute",
    "python tests/benchmarks/rendering.py my-study --category face dog car": "measures for minutes",
    "python tests/benchmarks/gpu.py --output gpu.json": "measures for minutes; a test runs a few of its rows",
    "toolbox render --layer block5_conv3 --filter 17": "takes minutes; on the three-layer network it has tests",
    "toolbox render --category dog --top 4 --output dog.png": "as the line above",
    "toolbox render --layer block5_conv3 --filter 17 40 --together": "as the line above",
    "toolbox render --layer block5_conv3 --filter 17 --from 12": "as the line above",
    "toolbox render --layer block2_conv2 --filter 5 --as-set preferred --output edges.html": "adds a second set, of "
    "which the rest of the page would have to choose one; on the three-layer network it has tests",
    "toolbox extract preferred --model vgg16": "as the line above",
    'toolbox query "select preferred_by, maximum from responses join stimuli using (stimulus_id) '
    "where layer = 'block5_conv3'\" --set preferred": "as the line above",
    "toolbox ingest caltech101": "downloads 137 MB; the card has tests of its own",
}
"""Command -> why no test of the chapters runs it."""
SLOW = {
    "toolbox render --layer block5_conv3 --filter 145 --seeds 1 --output rendered.png": "rendered.png",
}
"""Command that only a long test runs, as it takes half a minute -> the file that it writes."""

_FENCE = re.compile(r"^```(?P<language>\w*)$")
_HEADING = re.compile(r"^#+ (?P<heading>.+)$")
_RECORD = 'toolbox() { printf "%s\\0" "$#" "${TOOLBOX_STUDY:-}" "$@" >> calls; }\n'
"""Stands for the command while bash reads a block: the arguments of every call, as bash takes them apart, to a file."""
_RECORD_END = '\nprintf "0\\0%s\\0" "${TOOLBOX_STUDY:-}" >> calls\n'
"""After a block: a call of nothing, for the study that the block exported."""


@dataclass(frozen=True)
class Block:
    """What is between two fences of a page: below which heading, in which language, and its text."""

    heading: str
    language: str
    text: str


def chapter_text(chapter: str) -> str:
    """A page as it is in the repository."""
    return (ROOT / chapter).read_text(encoding="utf-8")


def blocks(chapter: str) -> list[Block]:
    """Every fenced block of a page, in its order."""
    found: list[Block] = []
    heading, language, lines = "", None, []
    for line in chapter_text(chapter).splitlines():
        fence = _FENCE.match(line)
        if language is None and fence:
            language, lines = fence["language"], []
        elif language is None:
            heading = title["heading"] if (title := _HEADING.match(line)) else heading
        elif fence:
            found.append(Block(heading, language, "".join(f"{each}\n" for each in lines)))
            language = None
        else:
            lines.append(line)
    assert language is None, f"{chapter} has a fence without an end"
    return found


def commands(chapter: str) -> list[str]:
    """The lines of a page's shell blocks, without their comments."""
    shell = "".join(block.text for block in blocks(chapter) if block.language == "sh")
    return [line for line in map(_without_comment, shell.splitlines()) if line]


def run_chapter(chapter: str, directory: Path) -> str:
    """Run all blocks of a page in their order, but for the commands in NOT_RUN and SLOW; what the others print."""
    return "".join(_run_block(block, directory) for block in blocks(chapter))


def run_shell(text: str, directory: Path) -> str:
    """Let bash run a block, then run the calls of the command that were in it; what they print."""
    subprocess.run(["bash", "-euc", _RECORD + text + _RECORD_END], cwd=directory, check=True)
    recorded = (directory / "calls").read_text(encoding="utf-8").split("\0")[:-1]
    (directory / "calls").unlink()
    printed = ""
    while recorded:
        count, study, *recorded = recorded
        arguments, recorded = recorded[: int(count)], recorded[int(count) :]
        if study:
            os.environ["TOOLBOX_STUDY"] = study  # as `export` leaves it for the blocks that follow
        printed += run(*arguments).stdout if arguments else ""
    return printed


def _run_block(block: Block, directory: Path) -> str:
    if block.language == "python":
        exec(compile(block.text, "chapter", "exec"), {"__name__": "__main__"})
        return ""
    if block.language != "sh":
        return ""
    left_out = {*NOT_RUN, *SLOW}
    lines = [line for line in block.text.splitlines() if _without_comment(line) not in left_out]
    return run_shell("\n".join(lines), directory)


def _without_comment(line: str) -> str:
    return line.split("  #", maxsplit=1)[0].strip()
