"""What a study holds, as text and as HTML. Owns the words; `toolbox.store.contents` counts."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from toolbox.printing import printable
from toolbox.store.contents import (
    ModelContents,
    SetContents,
    study_contents,
    study_title,
    unfinished_replacements,
)
from toolbox.store.folder import StudyFolder

_EMPTY = "no stimulus set yet; first: study.ingest(FOLDER, set=NAME), or toolbox ingest FOLDER --set NAME"
_HEADINGS = ("set", "stimuli", "label schemes", "model", "layers", "significance")


def text_summary(study: StudyFolder, title: str = "") -> str:
    """What a study holds, a line for every set and model.

    Args:
        study: its folder, which may not exist yet.
        title: of a study that has none yet.
    """
    notes = (f"  {unfinished}" for unfinished in unfinished_replacements(study))
    return "\n".join(map(printable, [_heading(study, title), *_lines(study_contents(study)), *notes]))


def html_summary(study: StudyFolder, title: str = "") -> str:
    """What a study holds as an HTML table, a row for every set and model.

    Args:
        study: its folder, which may not exist yet.
        title: of a study that has none yet.
    """
    rows = [row for each in study_contents(study) for row in _rows(each)]
    heading = f"<p><b>{escape(_heading(study, title))}</b></p>"
    if not rows:
        return f"{heading}<p>{escape(_EMPTY)}</p>"
    body = "".join(_html_row("td", row) for row in rows)
    notes = "".join(f"<p>{escape(printable(each))}</p>" for each in unfinished_replacements(study))
    return f"{heading}<table><thead>{_html_row('th', _HEADINGS)}</thead><tbody>{body}</tbody></table>{notes}"


def _heading(study: StudyFolder, title: str) -> str:
    named = study_title(study) or title
    return f"{study.root}: {named}" if named else str(study.root)


def _lines(contents: list[SetContents]) -> Iterator[str]:
    if not contents:
        yield f"  {_EMPTY}"
    for each in contents:
        yield f"  set {each.set}: {each.stimuli:,} stimuli; label schemes: {_listed(each.schemes)}"
        for model in each.models:
            significance = _significance(model)
            yield f"    model {model.model}: {_layers(model.layers)}; significance: {significance}"


def _rows(contents: SetContents) -> Iterator[tuple[str, ...]]:
    """The cells of every model of a set; a set without models has one row too."""
    start = (contents.set, f"{contents.stimuli:,}", _listed(contents.schemes))
    if not contents.models:
        yield (*start, "none yet", "", "")
    for model in contents.models:
        yield (*start, model.model, _layers(model.layers), _significance(model))


def _html_row(tag: str, cells: tuple[str, ...]) -> str:
    return f"<tr>{''.join(f'<{tag}>{escape(cell)}</{tag}>' for cell in cells)}</tr>"


def _layers(names: tuple[str, ...]) -> str:
    """How many layers, and the first and the last of them."""
    if len(names) < 3:
        return f"{len(names)} layer{'s' * (len(names) != 1)} ({', '.join(names)})"
    return f"{len(names)} layers ({names[0]} … {names[-1]})"


def _significance(model: ModelContents) -> str:
    """The resampled indices; statistic and range with each, and the scheme where there are several."""
    named = [
        f"{measure.index} ({measure.statistic}, {measure.normalise}{f', {scheme}' * (len(model.measures) > 1)})"
        for scheme, measures in model.measures.items()
        for measure in measures
    ]
    return _listed(tuple(named))


def _listed(names: tuple[str, ...]) -> str:
    return ", ".join(names) or "none yet"
