"""A sheet of rendered pictures: those of each filter beside the pieces of the photographs that drive it most.

Owns what is shown of a filter, and the words under it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import PurePosixPath

from toolbox.chart import length_of
from toolbox.chart.sheets import Group, Tile, TilePicture, draw_sheet
from toolbox.progress import Progress, silent
from toolbox.show.gallery.run import pixel_note
from toolbox.show.patches import SIDE, Filter, Patch, find_patches
from toolbox.show.plots import AS_IT_IS, Figure, Layout
from toolbox.show.presented import Presented
from toolbox.show.rendering.accentuation import Start
from toolbox.show.rendering.natural import Best
from toolbox.show.rendering.report import RenderedPicture
from toolbox.stimuli.contents import is_there
from toolbox.stimuli.cutting import cut_out, data_uri
from toolbox.stimuli.fitting import Box
from toolbox.stimuli.images import Pixels, decode
from toolbox.store.parquet import with_version

TITLE = "Rendered pictures beside the stimuli that drive the same filters most"
EXAGGERATED = "A stimulus in which what drives a filter is exaggerated"
MEANING = "Numbers are responses as multiples of that to the best stimulus."
PIECES = "Of each stimulus, the piece that the position of its maximum sees"
STRIPES = "stripes: beyond the image, where the network sees padding"


def check_width(layout: Layout) -> None:
    """Refuse a width that is none, before anything is computed.

    Args:
        layout: of the sheet.

    Raises: UsageError.
    """
    if layout.width:
        length_of(layout.width)


def draw_pictures(
    presented: Presented,
    pictures: Sequence[RenderedPicture],
    best: Mapping[Filter, Sequence[Best]],
    start: Start | None,
    *,
    layout: Layout = AS_IT_IS,
    progress: Progress = silent,
) -> Figure:
    """The sheet of some pictures.

    Args:
        presented: the network, and the stimuli of the set.
        pictures: of the report, those of a filter together.
        best: the best stimuli of every filter.
        start: the stimulus from which the pictures started, if any.
        layout: title and width.
        progress: is called with the number of presented stimuli.

    Raises: UsageError for a width that is none; as `find_patches`.
    """
    width = length_of(layout.width) if layout.width else None
    patches = _patches(presented, pictures, best, progress)
    groups = [
        _group(presented, list(own), patches, best, start)
        for _, own in groupby(pictures, key=lambda each: each.label)
    ]
    title, subtitle = ("", "")
    if layout.title:
        title, subtitle = EXAGGERATED if start else TITLE, _subtitle(presented, patches.values())
    columns = max(len(group.tiles) for group in groups)
    chart = draw_sheet(groups, columns=columns, width=width, title=title, subtitle=subtitle)
    return Figure(
        chart, _provenance(presented, pictures), tuple(_notes(presented, patches, best)), width=width
    )


def _notes(
    presented: Presented,
    patches: Mapping[tuple[str, int, int], Patch],
    best: Mapping[Filter, Sequence[Best]],
) -> Iterator[str]:
    """What those should know who pass a sheet on, and which stimuli are not on it."""
    numbers = {number for _, _, number in patches}
    wanted = {each.stimulus_id: each.path for found in best.values() for each in found}
    if lost := [path for number, path in wanted.items() if number not in numbers]:
        yield f"not shown, because the images cannot be read: {len(lost):,} ({lost[0]}…)"
    if numbers:
        yield pixel_note(str(presented.selection.set), len(numbers))


def _subtitle(presented: Presented, pieces: Collection[Patch]) -> str:
    """Set, network, and what numbers, pieces and stripes are."""
    lines = [f"{presented.selection.set} · {presented.network.name}", MEANING]
    if pieces:
        stripes = [STRIPES] if any(patch.beyond.any() for patch in pieces) else []
        lines.append(f"{'; '.join([PIECES, *stripes])}.")
    return "\n".join(lines)


def _provenance(presented: Presented, pictures: Sequence[RenderedPicture]) -> dict[str, object]:
    """The origin of a sheet, which is stored in its file."""
    origin = {
        "query": "render",
        "set": presented.selection.set,
        "model": presented.network.name,
        "weights": presented.model.source,
        "pictures": [
            {"file": each.file, "multiple": each.multiple, "recipe": dict(each.record.recipe)}
            for each in pictures
        ],
    }
    return with_version(origin)


def _patches(
    presented: Presented,
    pictures: Sequence[RenderedPicture],
    best: Mapping[Filter, Sequence[Best]],
    progress: Progress,
) -> Mapping[tuple[str, int, int], Patch]:
    """The pieces of the best stimuli that drove the filters; a mean has none, and there the maximum counts.

    Raises: as `find_patches`.
    """
    wanted = {
        (each.record.subject.layer, number): {
            one.stimulus_id: one.maximum
            for one in best[each.record.subject.layer, number]
            if is_there(presented.stimuli[one.stimulus_id].file)
        }
        for each in pictures
        for number in each.record.subject.filters
    }
    if not any(wanted.values()):  # a study without its images can be rendered
        return {}
    return find_patches(presented, wanted, progress=progress).found


def _group(
    presented: Presented,
    pictures: Sequence[RenderedPicture],
    patches: Mapping[tuple[str, int, int], Patch],
    best: Mapping[Filter, Sequence[Best]],
    start: Start | None,
) -> Group:
    """The pictures of one filter, or of several together, and the pieces of photographs."""
    subject = pictures[0].record.subject
    tiles = [_rendered_tile(presented, each) for each in pictures]
    if start is not None:
        tiles.insert(0, _start_tile(start, pictures[0]))
    for number in subject.filters:
        name = f"{number}, " if len(subject.filters) > 1 else ""
        tiles += _natural_tiles(name, best[subject.layer, number], patches, (subject.layer, number))
    chosen = f" · chosen for {pictures[0].category}" if pictures[0].category else ""
    mean = " · mean of the map" if subject.statistic == "mean" else ""
    remark = ". ".join(dict.fromkeys(each.caution for each in pictures if each.caution))
    return Group(f"{pictures[0].label}{chosen}{mean}", tiles, remark)


def _rendered_tile(presented: Presented, picture: RenderedPicture) -> Tile:
    pixels = decode((presented.study.root / picture.file).read_bytes()).pixels
    top, left, bottom, right = picture.record.place
    seed = picture.record.subject.seed
    words = f"picture rendered for {picture.label}, seed {seed}"
    details = {
        "filter": picture.label,
        "response": f"{picture.response:.4g}",
        "multiple of the best stimulus": _times(picture.multiple),
        "steps": str(picture.record.steps),
        "file": picture.file,
    }
    return Tile(
        [_shown(pixels, Box(top, left, bottom, right), words)],
        [_times(picture.multiple), f"rendered, seed {seed}"],
        details,
    )


def _start_tile(start: Start, picture: RenderedPicture) -> Tile:
    """The stimulus before anything was exaggerated."""
    best = picture.best[0].response
    height, width = start.pixels.shape[:2]
    lines = [_times(start.response / best if best > 0 else None), "the stimulus before"]
    name = PurePosixPath(start.stimulus.path).name
    details = {"filter": picture.label, "response": f"{start.response:.4g}", "image": name}
    return Tile([_shown(start.pixels, Box(0, 0, height, width), f"stimulus {name}")], lines, details)


def _natural_tiles(
    name: str, best: Sequence[Best], patches: Mapping[tuple[str, int, int], Patch], one: Filter
) -> Iterator[Tile]:
    """The pieces of the best stimuli; those whose images cannot be read are left out."""
    largest = best[0].response if best else 0.0
    for rank, stimulus in enumerate(best, 1):
        patch = patches.get((*one, stimulus.stimulus_id))
        if patch is None:
            continue
        category = stimulus.category or "unlabelled"
        height, width = patch.cut_out.shape[:2]
        words = f"piece of stimulus {stimulus.stimulus_id} ({category})"
        yield Tile(
            [TilePicture(data_uri(patch.cut_out), width, height, description=words)],
            [
                _times(stimulus.response / largest if largest > 0 else None),
                f"{name}{category}",
                PurePosixPath(stimulus.path).name,
            ],
            {
                "filter": f"{one[0]}/{one[1]}",
                "response": f"{stimulus.response:.4g}",
                "rank": str(rank),
                "image": PurePosixPath(stimulus.path).name,
            },
        )


def _shown(pixels: Pixels, box: Box, description: str) -> TilePicture:
    piece, _ = cut_out(pixels, box, SIDE)
    height, width = piece.shape[:2]
    return TilePicture(data_uri(piece), width, height, description=description)


def _times(multiple: float | None) -> str:
    return "no best stimulus" if multiple is None else f"{multiple:.2f} x"
