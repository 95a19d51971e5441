"""A gallery from its choice to its sheets. Owns the order of the steps, the notes, and the names of the files."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from toolbox.chart import length_of
from toolbox.errors import QueryError, UsageError
from toolbox.progress import Progress, silent
from toolbox.query.run import Answer
from toolbox.show.gallery.choice import GalleryChoice
from toolbox.show.gallery.filters import Representatives, named_filters, representatives
from toolbox.show.gallery.sheets import SheetLook, category_sheet, filter_sheet
from toolbox.show.gallery.stimuli import RankedStimuli, ranked_stimuli, responses_of, wanted_responses
from toolbox.show.patches import Filter, Patches, find_patches
from toolbox.show.plots import AS_IT_IS, Figure, Layout, save
from toolbox.show.presented import Presented, chosen_card, open_presented
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.selection import Selection, resolve_selection

LONGEST_NAME = 80
"""Characters of the name of a sheet in that of its file."""


@dataclass(frozen=True)
class Gallery:
    """The sheets of a gallery.

    Attributes:
        set: the stimulus set.
        sheets: by name: 'face' for a category, 'block5_conv1-104' for a filter.
        images: number of stimuli of which the sheets contain pixels.
        notes: what a reader should know.
    """

    set: str
    sheets: Mapping[str, Figure]
    images: int
    notes: tuple[str, ...] = ()

    @property
    def pixel_note(self) -> str:
        """What those should know who pass the files of the sheets on."""
        return pixel_note(self.set, self.images)


def pixel_note(set_name: str, images: int) -> str:
    """What those should know who pass on a file with pixels of stimuli.

    Args:
        set_name: the stimulus set.
        images: number of stimuli of which there are pixels.
    """
    return (
        f"the sheets contain pixels of {images:,} images of {set_name}; images of people are personal: share the files "
        "only as the licence of the images and the consent of those in them allow"
    )


@dataclass(frozen=True)
class _Chosen:
    """What is shown: filters with their stimuli, and the categories whose most selective filters they are."""

    selection: Selection
    shown: Mapping[Filter, RankedStimuli]
    categories: Sequence[Representatives]
    answer: Answer
    notes: tuple[str, ...]


def make_gallery(
    study: StudyFolder,
    choice: GalleryChoice,
    selection: Selection | None = None,
    *,
    weights: str = "auto",
    device: str = "auto",
    drawing: Layout = AS_IT_IS,
    progress: Progress = silent,
) -> Gallery:
    """The stimuli that drive some filters most, least and at the deciles between, with the piece that drove each.

    Args:
        study: with the responses, and with the images where they were when they were ingested.
        choice: the filters, and how many stimuli.
        selection: set, model (its name, or the path of its card) and label scheme; those that are meant if None.
        weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
        device: as for `start_session`.
        drawing: title and width of the sheets.
        progress: is called with the number of presented stimuli.

    Raises: UsageError, UnknownNameError for a choice; QueryError when no filter responds to one stimulus more than to
        another; StimulusError when no image can be read; MixtureError for another network; VerificationError when it
        computes other responses than those that are stored.
    """
    width = length_of(drawing.width) if drawing.width else None
    given = selection or Selection()
    name, card = chosen_card(given.model)
    named = Selection(given.set, name or (), given.scheme)
    chosen = read_between_commits(study, lambda: _choose(study, choice, named))
    wanted = wanted_responses({one: shown.all for one, shown in chosen.shown.items()})
    layers = list(dict.fromkeys(layer for layer, _ in wanted))
    presented = open_presented(study, chosen.selection, layers, card=card, weights=weights, progress=progress)
    patches = find_patches(presented, wanted, device=device, progress=progress)
    how = SheetLook(drawing.title, width)
    charts = [
        *(
            (of.category, category_sheet(presented, of, chosen.shown, patches, how))
            for of in chosen.categories
        ),
        *(
            (f"{layer}-{number}", filter_sheet(presented, (layer, number), shown, patches, how))
            for (layer, number), shown in chosen.shown.items()
        ),
    ]
    provenance = _provenance(choice, chosen, presented)
    names = _file_names([name for name, _ in charts])
    sheets = {
        name: Figure(chart, provenance, width=width) for name, (_, chart) in zip(names, charts, strict=True)
    }
    images = len({number for _, _, number in patches.found})
    return Gallery(str(chosen.selection.set), sheets, images, _notes(chosen, presented, patches))


def save_gallery(gallery: Gallery, output: Path | None = None, *, dpi: float | None = None) -> list[Path]:
    """Write the sheets of a gallery, each as a file of its own.

    Args:
        gallery: with at least one sheet.
        output: the file, whose suffix is the format; with several sheets, the name of each is added before the suffix.
            `gallery-<sheet>.html` in the current directory if None.
        dpi: pixels an inch of a PNG; 144 if None.

    Returns: the files, in the order of the sheets.
    Raises: UsageError for a suffix that figures do not have.
    """
    given = output or Path("gallery.html")
    if given.is_dir():
        raise UsageError(
            f"{given} is a directory; expected the name of a file, such as {given / 'gallery.png'}"
        )
    is_single = output is not None and len(gallery.sheets) == 1
    paths = [
        given if is_single else given.with_name(f"{given.stem}-{name}{given.suffix}")
        for name in gallery.sheets
    ]
    for path, sheet in zip(paths, gallery.sheets.values(), strict=True):
        save(sheet, path, dpi=dpi)
    return paths


def _file_names(names: Sequence[str]) -> list[str]:
    """Different names for sheets that every file system takes: a category may have any name."""
    found = list[str]()
    for name in names:
        plain = re.sub(r"[^\w.-]+", "-", name).strip("-.")[:LONGEST_NAME] or "sheet"
        known = {each.casefold() for each in found}
        tried = (plain, *(f"{plain}-{number}" for number in range(2, len(known) + 3)))
        found.append(next(each for each in tried if each.casefold() not in known))
    return found


def _choose(study: StudyFolder, choice: GalleryChoice, selection: Selection) -> _Chosen:
    """The filters and their stimuli."""
    resolved = _resolve(study, selection, choice)
    categories, notes = list[Representatives](), tuple[str, ...]()
    if choice.category:
        categories, notes = representatives(study, resolved, choice)
        filters = list(dict.fromkeys((layer, number) for of in categories for layer, number, _ in of.filters))
    else:
        filters = named_filters(study, resolved, choice)
    answer = responses_of(study, resolved, filters)
    ranked = {
        (str(layer), int(number)): ranked_stimuli(rows, choice.count)
        for (layer, number), rows in answer.rows.group_by("layer", "filter", maintain_order=True)
    }
    in_order = {one: ranked[one] for one in filters}
    silent_ones = [one for one, shown in in_order.items() if shown.is_silent]
    if len(silent_ones) == len(in_order):
        raise QueryError(
            f"{_silence(silent_ones, in_order)}, so there is nothing to show; choose other filters"
        )
    shown = {one: each for one, each in in_order.items() if not each.is_silent}
    quiet = (f"{_silence(silent_ones, in_order)}; not shown",) if silent_ones else ()
    together = dict.fromkeys((*resolved.notes, *notes, *answer.notes, *quiet))
    return _Chosen(resolved, shown, categories, answer, tuple(together))


def _resolve(study: StudyFolder, selection: Selection, choice: GalleryChoice) -> Selection:
    """Set and model, and the label scheme unless the set has none and none is needed."""
    resolved = resolve_selection(study, {"responses"}, selection)
    if resolved.scheme is None and not choice.category and not study.schemes(str(resolved.set)):
        return resolved
    return resolve_selection(study, {"responses", "labels"}, resolved)


def _silence(filters: Sequence[Filter], shown: Mapping[Filter, RankedStimuli]) -> str:
    """Filters that respond alike to all stimuli, in words."""
    names = ", ".join(f"{layer}/{number}" for layer, number in filters)
    first = shown[filters[0]]
    if len(filters) == 1:
        return f"{names} responds alike to all {first.of:,} stimuli ({first.least:.4g})"
    return f"{len(filters)} filters respond alike to all stimuli ({names})"


def _notes(chosen: _Chosen, presented: Presented, patches: Patches) -> tuple[str, ...]:
    """What a reader should know of the responses, and of images that are missing."""
    notes = list(chosen.notes)
    if patches.missing:
        first = next(iter(patches.missing.values()))
        notes.append(
            f"images not shown: {len(patches.missing):,} ({first.stimulus.path}: {first.reason}); striped on the sheets"
        )
    return (*notes, *presented.model.notes)


def _provenance(choice: GalleryChoice, chosen: _Chosen, presented: Presented) -> dict[str, Any]:
    """Where the sheets come from."""
    return with_version({
        **chosen.answer.provenance,
        "gallery": asdict(choice),
        "preprocessing": presented.network.input.describe(),
    })  # fmt: skip
