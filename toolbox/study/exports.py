"""Which export a format means: a list of stimuli, or responses. Owns refusing the options of the other one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import UsageError, expected_names
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection
from toolbox.terms import Statistic

if TYPE_CHECKING:
    from toolbox.design.exporting.run import ExportedList
    from toolbox.exchange.bridges.run import ExportedResponses


@dataclass(frozen=True)
class ListOptions:
    """Options of a list of stimuli.

    Attributes:
        source: a table such as match writes; None for the stimuli of the scheme.
        column: variables of the stimuli that are columns, too.
        copy_images: folder for copies of the images; None for none.
    """

    source: Path | None = None
    column: Sequence[str] = ()
    copy_images: Path | None = None


@dataclass(frozen=True)
class ResponseOptions:
    """Options of responses, and of a bank of filters.

    Attributes:
        layers: names of layers or patterns; all if empty.
        filters: table with the columns layer and filter; None for all filters.
        statistic: of the activation map; None for the maximum.
    """

    layers: Sequence[str] = ()
    filters: Path | None = None
    statistic: Statistic | None = None


def export_as(
    study: StudyFolder,
    selection: Selection,
    to: str,
    output: Path,
    options: tuple[ListOptions, ResponseOptions],
) -> ExportedList | ExportedResponses:
    """Write a list of stimuli, responses or a bank of filters, as another program reads them.

    Args:
        study: with the set.
        selection: set, model and label scheme; those that are meant if None.
        to: name of the program or format.
        output: the file, or the folder of several.
        options: those of a list, and those of responses.

    Raises: UsageError for an unknown format, or for an option of the other kind; as `export` and `export_responses`.
    """
    from toolbox.design.exporting.programs import PROGRAMS
    from toolbox.design.exporting.run import Exporting, export
    from toolbox.exchange.bridges.choices import BRIDGES, ResponseExport

    of_list, of_responses = options
    if to in PROGRAMS:
        _check_unused(to, of_responses, BRIDGES)
        listed = Exporting(to, output, of_list.source, of_list.column, of_list.copy_images)
        return export(study, selection, listed)
    if to not in BRIDGES:
        raise UsageError(f"no program or format {to!r}; {expected_names(to, [*PROGRAMS, *BRIDGES])}")
    _check_unused(to, of_list, [*PROGRAMS])
    from toolbox.exchange.bridges.run import export_responses

    written = ResponseExport(to, output, of_responses.layers, of_responses.filters, of_responses.statistic)
    return export_responses(study, selection, written)


def _check_unused(to: str, options: Any, others: Sequence[str]) -> None:
    """Refuse options that a format does not have."""
    given = [field.name for field in fields(options) if getattr(options, field.name)]
    if given:
        named = ", ".join("--" + name.replace("_", "-") for name in given)
        raise UsageError(f"{to} does not take {named}, which is for {', '.join(others)}; leave it out")
