"""The map in toolbox/README.md is the house as it is, and every public name has one meaning."""

from __future__ import annotations

import ast
import re
import tomllib
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[1]
TOOLBOX = ROOT / "toolbox"
NAMED_BY_ANOTHER_RULE = ("chart", "cli", "collect/extraction/engines", "tapping/fields.py")
"""A figure is called as its query, a command as its method, each engine as the others, a rule for receptive fields as
that for axes.
"""


def the_map() -> str:
    """The part of toolbox/README.md for those who change the toolbox."""
    return (TOOLBOX / "README.md").read_text(encoding="utf-8").split("\n# Using the toolbox\n")[0]


def layers() -> list[str]:
    """The layers that lint-imports checks, top to bottom."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    found: list[str] = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    return found


def rooms() -> set[str]:
    """Modules and packages directly in the toolbox."""
    packages = {path.parent.name for path in TOOLBOX.glob("*/__init__.py")}
    return packages | {path.stem for path in TOOLBOX.glob("*.py")} - {"__init__"}


def test_the_map_shows_the_layers_that_are_checked() -> None:
    assert re.search(r"^```\n(.*?)^```$", the_map(), re.MULTILINE | re.DOTALL)[1].splitlines() == layers()  # type: ignore[index]


def test_the_map_says_what_every_room_owns() -> None:
    table = the_map().split("| room | owns |")[1].split("\n\n")[0]
    described = {
        name
        for row in table.splitlines()
        for name in re.findall(r"`(\w+)`", row.split("|")[1] if "|" in row else "")
    }
    assert described == rooms()


def test_every_file_that_the_map_names_exists() -> None:
    named = set(re.findall(r"[`\s]((?:\w+/)*\w+\.(?:py|sql|toml))", the_map()))
    assert len(named) > 20
    for name in named:
        places = [TOOLBOX / name, ROOT / name, TOOLBOX / "collect" / "extraction" / name]
        assert any(place.is_file() for place in places), name


def test_no_two_public_things_have_one_name() -> None:
    places = defaultdict(list)
    for path in sorted(TOOLBOX.rglob("*.py")):
        if any(path.is_relative_to(TOOLBOX / place) for place in NAMED_BY_ANOTHER_RULE):
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else []
            if isinstance(node, ast.Assign):
                names = [target.id for target in node.targets if isinstance(target, ast.Name)]
            for name in names:
                if not name.startswith("_"):
                    places[name].append(str(path.relative_to(TOOLBOX)))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    assert not twice
