"""From a query to a figure. Owns running the one and drawing the other, and the caption that says what is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.chart import Chart, draw, figures, render
from toolbox.errors import UnknownNameError
from toolbox.query import ask, shipped_query
from toolbox.store.database import Choice
from toolbox.store.files import replacing, with_version
from toolbox.store.folder import SCHEME, StudyFolder


@dataclass(frozen=True)
class Figure:
    """A chart, where its rows come from, and what a reader should know."""

    chart: Chart
    provenance: dict[str, Any]
    remarks: tuple[str, ...] = ()


def plot(
    study: StudyFolder, name: str, parameters: Mapping[str, Any] | None = None, choice: Choice | None = None
) -> Figure:
    """The figure of a query's rows.

    Raises: UnknownNameError when the query has no figure; all that running the query raises.
    """
    if name not in figures():
        shipped_query(name)  # a name that is no query at all is told so
        raise UnknownNameError("figure", name, figures(), f"toolbox query {name} gives its rows")
    answer = ask(study, name, parameters, choice)
    chart = draw(name, answer.rows, title=shipped_query(name).title, subtitle=_caption(answer.provenance))
    return Figure(chart, with_version(answer.provenance), answer.remarks)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as HTML (works offline), PNG, SVG or Vega-Lite JSON, by the file's suffix.

    Raises: UsageError for another suffix.
    """
    content = render(figure.chart, path.suffix, figure.provenance)
    with replacing(path) as fresh:
        fresh.write_bytes(content)


def _caption(provenance: Mapping[str, Any]) -> str:
    """Set, model and the parameters that were used, so that a figure can be read by itself."""
    chosen = [str(provenance[key]) for key in ("set", "model") if key in provenance]
    if provenance.get("scheme", SCHEME) != SCHEME:
        chosen.append(f"labels {provenance['scheme']}")
    used = [f"{name} {value}" for name, value in provenance["parameters"].items() if value is not None]
    return " · ".join(chosen + used)
