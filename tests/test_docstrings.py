"""Docstrings: their examples run on the three-layer network, and every parameter of a public function is described."""

from __future__ import annotations

import ast
import doctest
import importlib
import inspect
import re
import shutil
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import toolbox
from conftest import paint_photographs
from support.tiny_network import CARD
from toolbox import FilterResponses, Study, export_model

ROOT = Path(__file__).parents[1]
TOOLBOX = ROOT / "toolbox"
SECTION = re.compile(r"^Args:\n((?:[ ]{4}.*\n?|\n)*)", re.MULTILINE)
DOWNLOADING = "demonstrate"
"""Has no example, as it needs published weights and photographs; the tests of the README run it."""
NAME = re.compile(r"^ {4}\*{0,2}(\w+):", re.MULTILINE)


def sources() -> Iterator[tuple[str, str]]:
    """Name and text of every module."""
    for path in sorted(TOOLBOX.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path.read_text(encoding="utf-8")


class Finder(doctest.DocTestFinder):
    """Finds the examples of a function also where another one calls it."""

    def _from_module(self, module: types.ModuleType, object: Any) -> bool:
        return super()._from_module(module, inspect.unwrap(object) if callable(object) else object)  # type: ignore[misc]


def examples() -> list[Any]:
    """Every docstring with an example, as pytest parameters."""
    finder = Finder(exclude_empty=True)
    modules = [importlib.import_module(name) for name, text in sources() if ">>> " in text]
    found = [test for module in modules for test in finder.find(module) if test.examples]
    return [pytest.param(test, id=test.name) for test in found]


@pytest.fixture
def directory(extracted_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the examples find: the study of the six photographs, and the files that they name."""
    shutil.copytree(extracted_folder / "study", tmp_path / "my-study")
    file = tmp_path / "my-study" / "study.toml"
    file.write_text(re.sub(r"^title = .*$", 'title = "Colours"', file.read_text(), flags=re.MULTILINE))
    shutil.copy(CARD, tmp_path / "tiny.toml")
    shutil.copy(extracted_folder / "tiny.npz", tmp_path / "tiny.npz")
    paint_photographs(tmp_path / "photographs")
    ratings = "".join(f"{n},{who},{(n * 7 + who) % 5 + 1}\n" for n in range(6) for who in (1, 2))
    (tmp_path / "ratings.csv").write_text(f"stimulus_id,observer,rating\n{ratings}")
    (tmp_path / "warmth.csv").write_text("category,warmth\nred,warm\ngreen,cold\n")
    rows = [
        "layer,filter,label,selectivity",
        "colour,0,rouge,0.5",
        "colour,1,rouge,-0.5",
        "colour,2,rouge,0.4",
    ]
    rows += [f"colour,{number},green,{value}" for number, value in enumerate((-0.5, 0.4, -0.2))]
    (tmp_path / "published.csv").write_text("\n".join(rows) + "\n")
    monkeypatch.setenv("TOOLBOX_CACHE", str(extracted_folder / "cache"))
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path / "models"))
    monkeypatch.chdir(tmp_path)
    export_model("tiny.toml", weights="tiny.npz", full=Path("network.onnx"))
    return tmp_path


@pytest.mark.parametrize("example", examples())
def test_an_example_gives_what_it_says(example: doctest.DocTest, directory: Path) -> None:
    example.globs |= {"Study": Study, "study": Study("my-study"), "Path": Path}
    printed: list[str] = []
    failed, _ = doctest.DocTestRunner(verbose=False).run(example, out=printed.append)
    assert not failed, "".join(printed)


def test_all_that_is_exported_has_an_example_and_none_is_skipped() -> None:
    of_objects = [inspect.getmembers(owner, callable) for owner in (Study, FilterResponses)]
    public = [
        (name, method) for members in of_objects for name, method in members if not name.startswith("_")
    ]
    public += [(name, getattr(toolbox, name)) for name in toolbox.__all__ if name[0].islower()]
    for name, thing in public:
        assert name == DOWNLOADING or ">>> " in (inspect.getdoc(thing) or ""), name
    assert not [name for name, text in sources() if "+SKIP" in text]


def functions(tree: ast.Module | ast.ClassDef, owner: str) -> Iterator[tuple[str, ast.FunctionDef]]:
    """Public functions and methods with their names; what is made when an object is, too."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield from functions(node, f"{owner}.{node.name}")
        elif isinstance(node, ast.FunctionDef) and (not node.name.startswith("_") or node.name == "__init__"):
            yield f"{owner}.{node.name}", node


def parameters(function: ast.FunctionDef) -> list[str]:
    """Names of the parameters without the object itself, and without those that are ignored."""
    arguments = function.args
    found = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    found += [each for each in (arguments.vararg, arguments.kwarg) if each]
    return [each.arg for each in found if each.arg not in ("self", "cls") and not each.arg.startswith("_")]


def described(function: ast.FunctionDef) -> set[str]:
    """The names in the section Args of a function."""
    section = SECTION.search(ast.get_docstring(function) or "")
    return set(NAME.findall(section[1])) if section else set()


def is_command(function: ast.FunctionDef) -> bool:
    """Whether typer calls it: its parameters are described by their help, which other tests demand."""
    return any(ast.unparse(each).startswith("commands.command(") for each in function.decorator_list)


def test_every_parameter_of_a_public_function_is_described() -> None:
    checked, missing = 0, {}
    for module, text in sources():
        for name, function in functions(ast.parse(text), module):
            names = parameters(function)
            if len(names) < 2 or is_command(function):
                continue
            checked += 1
            if absent := [each for each in names if each not in described(function)]:
                missing[name] = absent
    assert checked > 250
    assert not missing
