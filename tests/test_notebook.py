"""What a notebook shows: bars, one line for an error, charts, reports. One real kernel runs all cells."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import altair as alt
import nbformat
import pytest
from nbclient import NotebookClient

from support.tiny_network import CARD
from toolbox import Study, UsageError
from toolbox.progress import silent
from toolbox.study.notebook import NotebookBars, shown

CELLS = {
    "open": "from toolbox import Study\nstudy = Study('study')",
    "ingest": "study.ingest('photographs', set='again')",
    "extract": "study.extract('again', model=card, weights=weights)",
    "quiet": "study.extract('again', model=card, weights=weights, replace=True, progress=False)",
    "own": "told = []\nstudy.significance('colours', resamples=20, progress=lambda *_: told.append(_))\ntold[-1][1:]",
    "error": "study.query('layers/profiel')",
    "index": "study.significance('colours', index='dprime')",
    "bug": "study.query(7 / 0)",
    "chart": "study.plot('layers/profile', set='colours', threshold=0.05)",
    "description": "study.describe('layers/profile')",
    "study": "study",
    "matrix": "study.responses('colours', layer='pool')",
}


@pytest.fixture(scope="module")
def outputs(
    extracted_folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, list[Any]]]:
    """The outputs of every cell, in a folder with photographs and a study."""
    folder = tmp_path_factory.mktemp("notebook")
    for name in ("study", "photographs"):
        shutil.copytree(extracted_folder / name, folder / name)
    names = f"card, weights = {str(CARD)!r}, {str(extracted_folder / 'tiny.npz')!r}\n"
    cells = [
        nbformat.v4.new_code_cell((names if name == "open" else "") + text) for name, text in CELLS.items()
    ]
    notebook = nbformat.v4.new_notebook(cells=cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(extracted_folder / "cache"))
        patch.setenv("PYTHONWARNINGS", "ignore::UserWarning")
        client = NotebookClient(notebook, allow_errors=True, resources={"metadata": {"path": str(folder)}})
        client.execute()
    yield dict(zip(CELLS, (cell.outputs for cell in notebook.cells), strict=True))


def bundles(outputs: list[Any]) -> list[dict[str, Any]]:
    return [dict(output.data) for output in outputs]


@pytest.mark.parametrize(("cell", "task"), [("ingest", "read images"), ("extract", "extract again")])
def test_bars_are_shown_by_default(cell: str, task: str, outputs: dict[str, list[Any]]) -> None:
    bar, report = bundles(outputs[cell])
    assert bar["text/html"].startswith(f'<div>{task} <progress value="6" max="6"></progress> 6 in ')
    assert bar["text/plain"].startswith(f"{task}: 6 in ")
    assert "Report(" in report["text/plain"]


def test_a_report_is_a_table_without_its_empty_fields(outputs: dict[str, list[Any]]) -> None:
    table = bundles(outputs["ingest"])[1]["text/html"]
    assert "<tr><th>categories</th><td>green 3, red 3</td></tr>" in table
    assert "rejections" not in table


def test_bars_can_be_left_out_or_replaced(outputs: dict[str, list[Any]]) -> None:
    assert [list(bundle) for bundle in bundles(outputs["quiet"])] == [["text/plain", "text/html"]]
    assert [bundle["text/plain"] for bundle in bundles(outputs["own"])] == ["(8, 8)"]


def test_an_error_that_a_user_can_fix_is_one_line(outputs: dict[str, list[Any]]) -> None:
    (error,) = outputs["error"]
    assert error.traceback == [
        "UnknownNameError: no query named 'layers/profiel'; did you mean 'layers/profile'? "
        "(toolbox query --list shows them all)"
    ]
    (error,) = outputs["index"]
    assert len(error.traceback) == 1
    assert error.traceback[0].endswith("did you mean 'd_prime'?")


def test_any_other_error_keeps_its_traceback(outputs: dict[str, list[Any]]) -> None:
    (error,) = outputs["bug"]
    assert error.ename == "ZeroDivisionError"
    assert len("\n".join(error.traceback).splitlines()) > 3


def test_a_chart_is_a_page_and_a_picture_that_name_no_server(outputs: dict[str, list[Any]]) -> None:
    (chart,) = (bundle for bundle in bundles(outputs["chart"]))
    assert chart["text/html"].startswith("<iframe ")
    assert "cdn.jsdelivr.net" not in chart["text/html"].partition("srcdoc=")[0]
    assert chart["image/png"].startswith("iVBOR")


def test_texts_studies_and_matrices_are_readable(outputs: dict[str, list[Any]]) -> None:
    (text,) = bundles(outputs["description"])
    assert text["text/plain"].startswith("Proportion of category-selective filters in every layer.\n\n")
    assert text["text/html"].startswith("<pre>Proportion of")
    (study,) = bundles(outputs["study"])
    assert "<table>" in study["text/html"]
    (matrix,) = bundles(outputs["matrix"])
    assert (
        matrix["text/plain"] == "FilterResponses(maximum of pool of tiny for colours: 6 stimuli x 3 filters)"
    )


def test_a_script_prints_no_bars(
    capsys: pytest.CaptureFixture[str], photographs: Path, tmp_path: Path
) -> None:
    Study(tmp_path / "new", create=True).ingest(photographs, set="colours")
    assert capsys.readouterr() == ("", "")
    assert shown(True) is silent
    assert shown(False) is silent


def test_ones_own_callback_is_used_as_it_is() -> None:
    bars = NotebookBars()
    assert shown(bars) is bars


def test_a_renderer_that_the_user_enabled_is_respected(shared_study: str) -> None:
    chart = Study(shared_study).plot("layers/profile", threshold=0.05)
    with alt.renderers.enable("json"):
        assert list(chart._repr_mimebundle_()[0]) == ["application/json", "text/plain"]
    assert list(chart._repr_mimebundle_()) == ["text/html", "image/png"]
    assert alt.renderers.active == "default"


def test_a_chart_keeps_the_methods_of_altair(shared_study: str) -> None:
    chart = Study(shared_study).plot("layers/profile", threshold=0.05)
    assert isinstance(chart, alt.TopLevelMixin)
    renamed = chart.properties(title="another")
    assert isinstance(renamed, type(chart))
    assert renamed.to_dict()["title"] == "another"
    assert list(renamed._repr_mimebundle_()) == ["text/html", "image/png"]


def test_an_error_shows_itself_as_one_line() -> None:
    assert UsageError("resamples is 3")._render_traceback_() == ["UsageError: resamples is 3"]
