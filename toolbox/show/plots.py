"""From a query to a figure. Owns running the query, drawing the figure, and the caption."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.chart import Chart, draw, figures, render
from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.files import replace_file
from toolbox.query import Answer, ask, shipped_query
from toolbox.query.across_models import ask_each
from toolbox.stimuli.images import decode, thumbnail
from toolbox.store.folder import SCHEME, StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.selection import Selection

THUMBNAIL = 96
"""Longer side of a thumbnail, in pixels."""


@dataclass(frozen=True)
class Figure:
    """A chart, the origin of its rows, and notes for the reader.

    Attributes:
        chart: as `toolbox.chart.draw` returns it.
        provenance: of the rows, as stored in the figure's file.
        notes: notes, for example that the responses are incomplete.
    """

    chart: Chart
    provenance: dict[str, Any]
    notes: tuple[str, ...] = ()


def plot(
    study: StudyFolder,
    name: str,
    parameters: Mapping[str, Any] | None = None,
    selection: Selection | None = None,
    *,
    thumbnails: bool = False,
) -> Figure:
    """The figure of a query's rows.

    Args:
        study: with the responses.
        name: of the query.
        parameters: values of the query's parameters.
        selection: set, models and scheme; several models are compared, each in a panel of its own.
        thumbnails: add the images to rows that name them; the figure's file then contains small copies.

    Raises: UnknownNameError when the query has no figure; all errors of running the query.

    Example:
        >>> plot(study.folder, "layers/profile", {"threshold": 0.05}).provenance["model"]
        'tiny'
    """
    if name not in figures():
        shipped_query(name)  # raises if there is no query of this name
        raise UnknownNameError("figure", name, figures(), f"toolbox query {name} gives its rows")
    return draw_figure(study, name, ask_each(study, name, parameters, selection), thumbnails=thumbnails)


def draw_figure(study: StudyFolder, name: str, answer: Answer, *, thumbnails: bool = False) -> Figure:
    """The figure of an answer that was already computed.

    Args:
        study: of the answer.
        name: of the query.
        answer: its rows and their provenance.
        thumbnails: as in `plot`.
    """
    rows = _with_thumbnails(study, answer.rows) if thumbnails else answer.rows
    chart = draw(
        name,
        rows,
        title=shipped_query(name).title,
        subtitle=_caption(answer.provenance),
        categories=_categories(study, answer),
    )
    return Figure(chart, with_version(answer.provenance), answer.notes)


def save(figure: Figure, path: Path) -> None:
    """Write a figure as HTML (works offline), PNG, SVG or Vega-Lite JSON, by the file's suffix.

    Args:
        figure: chart and provenance.
        path: of the file, which is replaced if there is one.

    Raises: UsageError for another suffix.

    Example:
        >>> save(plot(study.folder, "layers/profile"), Path("profile.json"))
        >>> Path("profile.json").is_file()
        True
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory; expected the name of a file")
    content = render(figure.chart, path.suffix, figure.provenance)
    with replace_file(path) as fresh:
        fresh.write_bytes(content)


def _categories(study: StudyFolder, answer: Answer) -> list[str]:
    """All categories of the labelling, so that a category has one colour in all figures of a study."""
    set_name, scheme = (answer.provenance.get(kind) for kind in ("set", "scheme"))
    if "category" not in answer.rows.columns or set_name is None or scheme is None:
        return []
    found = ask(study, "select distinct category from labels", selection=Selection(set_name, scheme=scheme))
    return found.rows["category"].to_list()


def _with_thumbnails(study: StudyFolder, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with a small copy of every image as a data URI.

    Raises: UsageError when the rows name no images; StimulusError when one cannot be read any more.
    """
    if "path" not in rows.columns:
        raise UsageError("the rows of this query name no images; thumbnails go with filters/stimuli")
    return rows.with_columns(
        image=pl.Series([_thumbnail(study.image(path)) for path in rows["path"]], dtype=pl.String)
    )


def _thumbnail(path: Path) -> str:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise StimulusError(
            f"{path} cannot be read ({error.strerror}); put it back, change the line of its folder under [roots] in "
            "study.toml, or plot without images"
        ) from error
    small = thumbnail(decode(content).pixels, THUMBNAIL)
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode()}"


def _caption(provenance: Mapping[str, Any]) -> str:
    """Set, model and parameters, so that a figure can be understood without its command."""
    parts = [str(provenance["set"])] if "set" in provenance else []
    models = provenance.get("model", [])
    if models:
        parts.append(models if isinstance(models, str) else " and ".join(models))
    if provenance.get("scheme", SCHEME) != SCHEME:
        parts.append(f"labels {provenance['scheme']}")
    if "reference" in provenance:
        parts.append(f"compared with {Path(provenance['reference']['file']).name}")
    used = [f"{name} {value}" for name, value in provenance["parameters"].items() if value is not None]
    return " · ".join(parts + used)
