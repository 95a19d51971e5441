"""Exporting responses, or a bank of filters, for another program. Owns the room that this needs, and the report."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from toolbox.display import Report
from toolbox.errors import ResourceError, StorageError, UsageError
from toolbox.exchange.bridges.choices import ResponseExport
from toolbox.exchange.bridges.filters import chosen_layers, filters_of, layer_sizes, listed_layers
from toolbox.exchange.bridges.formats import FORMATS, MASK, BridgeFormat, check_export_file
from toolbox.exchange.bridges.mask import write_mask
from toolbox.exchange.bridges.responses import VALUE_BYTES, LayeredResponses, exported_responses
from toolbox.runtime.hardware import free_memory, memory_limit
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection, resolve_selection
from toolbox.tables import notes_on_cells

_BESIDE = 200_000_000
"""Bytes of memory for one part of a layer, and for libraries."""


@dataclass(frozen=True)
class ExportedResponses(Report):
    """Responses, or a bank of filters, that were exported.

    Attributes:
        set: the stimulus set; empty for a bank of filters.
        model: whose filters.
        scheme: the label scheme of the categories; None where there is none.
        to: the format.
        statistic: of the activation map; None for a bank of filters.
        files: what was written.
        stimuli: number of stimuli.
        filters: number of filters.
        layers: the layers.
        bytes: size of all files.
        notes: what a reader should know.
    """

    set: str
    model: str
    scheme: str | None
    to: str
    statistic: str | None
    files: tuple[str, ...]
    stimuli: int
    filters: int
    layers: tuple[str, ...]
    bytes: int
    notes: tuple[str, ...] = ()


def export_responses(study: StudyFolder, selection: Selection, options: ResponseExport) -> ExportedResponses:
    """Write responses, or a bank of filters, as another program reads them.

    Args:
        study: with responses.
        selection: set, model and label scheme; those that are meant if None.
        options: format, file and content.

    Raises: UsageError, UnknownNameError for an option; TableError for a table that does not list filters;
        ResourceError, StorageError where memory or disk are too small; nothing is written then.
    """
    check_export_file(options.to, options.output)
    if options.to == MASK:
        return read_between_commits(study, lambda: _export_mask(study, selection, options))
    return read_between_commits(study, lambda: _export(study, selection, options))


def _export(study: StudyFolder, selection: Selection, options: ResponseExport) -> ExportedResponses:
    form = FORMATS[options.to]
    responses = exported_responses(study, selection, options)
    _check_room(responses, form, options.output)
    files = form.write(responses, options.output)
    cells = notes_on_cells(responses.stimuli, responses.filters) if form.has_cells else ()
    return ExportedResponses(
        set=responses.set,
        model=responses.model,
        scheme=responses.scheme,
        to=form.name,
        statistic=responses.statistic,
        files=tuple(map(str, files)),
        stimuli=responses.shape[0],
        filters=responses.shape[1],
        layers=tuple(responses.layers),
        bytes=sum(file.stat().st_size for file in files),
        notes=(*responses.notes, *cells),
    )


def _export_mask(study: StudyFolder, selection: Selection, options: ResponseExport) -> ExportedResponses:
    """Write a bank of filters, which is of a model and of no stimuli."""
    if options.statistic is not None:
        raise UsageError(f"{MASK} holds filters and no responses; leave out the statistic (--statistic)")
    chosen = resolve_selection(study, {"layers"}, selection)
    model = str(chosen.model)
    sizes = layer_sizes(study, model)
    if options.filters is not None and not options.layers:
        layers = listed_layers(options.filters, sizes)
    else:
        layers = chosen_layers(sizes, options.layers, [*sizes])
    filters = filters_of(sizes, layers, options.filters)
    files = write_mask(filters, options.output)
    return ExportedResponses(
        set="",
        model=model,
        scheme=None,
        to=MASK,
        statistic=None,
        files=tuple(map(str, files)),
        stimuli=0,
        filters=filters.height,
        layers=tuple(filters["layer"].unique(maintain_order=True)),
        bytes=sum(file.stat().st_size for file in files),
        notes=(
            *chosen.notes,
            "layers are called as in this toolbox; DNNBrain must know its network's by these names",
        ),
    )


def _check_room(responses: LayeredResponses, form: BridgeFormat, output: Path) -> None:
    """Refuse what would fill the memory or the disk.

    Raises: ResourceError, StorageError with the size that was estimated.
    """
    stimuli, filters = responses.shape
    widest = filters if form.is_whole else max(part.stop - part.start for part in responses.layers.values())
    memory, free = stimuli * widest * VALUE_BYTES + _BESIDE, free_memory() or memory_limit()
    what = f"{stimuli:,} stimuli x {widest:,} filters"
    if free is not None and memory > free:
        raise ResourceError(
            f"{what} need {memory / 1e9:,.2f} GB of memory as {form.name}, and {free / 1e9:,.2f} GB are free; choose "
            "fewer layers with layers=… (--layers …), or fewer filters with filters=… (--filters FILE)"
        )
    size, left = stimuli * filters * form.value_bytes, shutil.disk_usage(_existing(output)).free
    if size > left:
        raise StorageError(
            f"{stimuli:,} stimuli x {filters:,} filters need {size / 1e9:,.2f} GB on the disk of {output}, which has "
            f"{left / 1e9:,.2f} GB free; free some space, or choose fewer layers with layers=… (--layers …)"
        )


def _existing(path: Path) -> Path:
    """The nearest folder of a path that exists."""
    return next(parent for parent in path.absolute().parents if parent.is_dir())
