"""The sheets of a gallery: of one filter, and of the most selective filters of a category. Owns their words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from toolbox.chart import Chart, Length
from toolbox.chart.sheets import Group, Tile, TilePicture, draw_sheet
from toolbox.chart.theme import column_words
from toolbox.show.gallery.filters import Representatives
from toolbox.show.gallery.stimuli import Ranked, RankedStimuli
from toolbox.show.patches import SIDE, Patch, Patches
from toolbox.show.presented import Presented
from toolbox.stimuli.cutting import data_uri, hatching, with_contour, with_frame
from toolbox.store.folder import SCHEME

WHOLE = 0.62
"""Side of a whole image beside the piece of it, as a part of that of the piece."""
THICK = 4
"""Pixels of lines in a whole image, which is shown smaller than a piece."""
EACH = 3
"""Pieces of every filter on the sheet of a category."""
COLUMNS = 5


@dataclass(frozen=True)
class SheetLook:
    """How sheets are drawn.

    Attributes:
        title: whether there are a title and a subtitle.
        width: of the whole sheet; its own if None.
    """

    title: bool = True
    width: Length | None = None


def filter_sheet(
    presented: Presented, one: tuple[str, int], shown: RankedStimuli, patches: Patches, look: SheetLook
) -> Chart:
    """The stimuli that drive a filter most, least, and at the deciles between.

    Args:
        presented: the network.
        one: layer and number of the filter.
        shown: its stimuli.
        patches: of all of them.
        look: how it is drawn.
    """
    layer, number = one
    groups = [
        Group(heading, [_tile(one, ranked, patches, is_whole=True) for ranked in stimuli])
        for heading, stimuli in (
            ("Largest responses", shown.largest),
            ("Deciles of the responses", shown.deciles),
            ("Smallest responses", shown.smallest),
        )
        if stimuli
    ]
    pieces = [
        patches.found[layer, number, each.stimulus_id]
        for each in shown.all
        if each.stimulus_id not in patches.missing
    ]
    lines = [
        _origin(presented, f"maximum of the activation map, {shown.of:,} stimuli"),
        _field_sentence(presented, layer),
        _legend(pieces),
        *_ties(shown),
    ]
    title = f"What drives filter {number} of {layer}"
    return _sheet(groups, title, lines, look, columns=COLUMNS)


def category_sheet(
    presented: Presented,
    chosen: Representatives,
    shown: Mapping[tuple[str, int], RankedStimuli],
    patches: Patches,
    look: SheetLook,
) -> Chart:
    """The most selective filters of a category, with the pieces of the stimuli that drive each of them most.

    Args:
        presented: the network.
        chosen: the filters.
        shown: their stimuli, of all filters that are not silent.
        patches: of all of them.
        look: how it is drawn.
    """
    groups, pieces = list[Group](), list[Patch]()
    for rank, (layer, number, value) in enumerate(chosen.filters, 1):
        if (layer, number) not in shown:
            continue
        best = shown[layer, number].largest[:EACH]
        tiles = [_tile((layer, number), each, patches, is_whole=False) for each in best]
        heading = f"{rank}  {layer} / {number}"
        groups.append(Group(heading, tiles, f"{column_words(chosen.index)} {value:.2f}"))
        pieces += [
            patches.found[layer, number, each.stimulus_id]
            for each in best
            if each.stimulus_id not in patches.missing
        ]
    lines = [
        _origin(presented, f"filters ranked by {column_words(chosen.index)}"),
        f"Pieces of the {EACH} stimuli with the largest responses (maximum of the activation map) of each filter.",
        _legend(pieces, is_whole=False),
    ]
    title = f"What drives the most selective filters of {chosen.category}"
    return _sheet(groups, title, lines, look, columns=2 * EACH, is_joined=True)


def _sheet(
    groups: Sequence[Group],
    title: str,
    lines: Sequence[str],
    look: SheetLook,
    *,
    columns: int,
    is_joined: bool = False,
) -> Chart:
    words = {"title": title, "subtitle": "\n".join(filter(None, lines))} if look.title else {}
    return draw_sheet(groups, columns=columns, width=look.width, is_joined=is_joined, **words)


def _tile(one: tuple[str, int], ranked: Ranked, patches: Patches, *, is_whole: bool) -> Tile:
    """The piece of a stimulus and, if asked for, the whole image beside it, where it is not the same."""
    unshown = patches.missing.get(ranked.stimulus_id)
    if unshown is not None:
        stripes = TilePicture(data_uri(hatching((SIDE, SIDE))), SIDE, SIDE, description="no image")
        lines = [*_response_lines(ranked, is_whole), f"no image: {unshown.reason}"]
        return Tile([stripes], lines, {**_details(ranked, unshown.stimulus.path), "no image": unshown.reason})
    patch = patches.found[*one, ranked.stimulus_id]
    name = _name(patch.stimulus.path)
    category = ranked.category or "no label"
    named = [f"{category} · {name}"] if is_whole else [name]
    lines = [*_response_lines(ranked, is_whole), *named]
    details = {**_details(ranked, patch.stimulus.path), **_place(patch)}
    return Tile(_pictures(patch, f"{category}, {name}", is_whole), lines, details)


def _response_lines(ranked: Ranked, is_whole: bool) -> list[str]:
    """The response, and its place among all of the filter."""
    response = f"{ranked.response:,.4g}"
    if not is_whole:
        return [f"{response} · {ranked.category or 'no label'}"]
    return [response, f"percentile {ranked.percentile:.3g} · rank {ranked.rank:,} of {ranked.of:,}"]


def _details(ranked: Ranked, path: str) -> dict[str, str]:
    return {
        "stimulus": _name(path),
        "category": ranked.category or "no label",
        "response": f"{ranked.response:.6g}",
        "rank": f"{ranked.rank:,} of {ranked.of:,}",
        "percentile": f"{ranked.percentile:.4g}",
    }


def _place(patch: Patch) -> dict[str, str]:
    """Where the maximum is, in words."""
    if patch.position is None:
        return {"position": "none: the activation is the same at all"}
    row, column = patch.position
    top, left, bottom, right = patch.place.outward()
    others = f", the first of {patch.equals:,} with this value" if patch.equals > 1 else ""
    return {
        "position": f"row {row}, column {column} of the map{others}",
        "sees": f"rows {top} to {bottom - 1}, columns {left} to {right - 1} of the image",
    }


def _pictures(patch: Patch, description: str, is_whole: bool) -> list[TilePicture]:
    """The piece with the contour of the strong region; the whole image with a frame around the piece."""
    piece = patch.cut_out
    if patch.position is not None:
        piece = with_contour(piece, patch.strong)
    shown = [TilePicture(data_uri(piece), piece.shape[1], piece.shape[0], description=description)]
    if is_whole and patch.position is not None:
        whole = with_frame(patch.whole, patch.place, patch.size, THICK)
        text = f"whole image of {description}"
        shown.append(TilePicture(data_uri(whole), whole.shape[1], whole.shape[0], WHOLE, text))
    return shown


def _name(path: str) -> str:
    """A stimulus by the name of its file: its folder is, as a rule, its category."""
    return PurePath(path).name


def _origin(presented: Presented, last: str) -> str:
    """Set, network and labels, so that a sheet can be understood without its command."""
    selection = presented.selection
    parts = [str(selection.set), str(selection.model)]
    if selection.scheme not in (None, SCHEME):
        parts.append(f"labels {selection.scheme}")
    return " · ".join([*parts, last])


def _field_sentence(presented: Presented, layer: str) -> str:
    """How large the receptive field is, and how the image was fitted into the input."""
    entry, of = presented.network.input, presented.layer(layer)
    size = f"{entry.height} x {entry.width}"
    fits = {"stretch": "stretched to", "crop": "cropped to", "pad": "padded to"}
    side = of.receptive_field
    return (
        f"A position of the layer sees {side} x {side} of the {size} pixels to which each image was "
        f"{fits[entry.fit].split()[0]}; a piece is shown in the proportions of its image."
    )


def _legend(pieces: Sequence[Patch], is_whole: bool = True) -> str:
    """What the lines and stripes mean, as far as there are any."""
    placed = [patch for patch in pieces if patch.position is not None]
    parts = []
    if any(patch.strong.any() for patch in placed):
        parts.append("yellow line: activation of at least half of its maximum for that image")
    if placed and is_whole:
        parts.append("white frame: the piece in the whole image")
    if any(patch.beyond.any() for patch in placed):
        parts.append("stripes: beyond the image, where the network sees padding")
    if len(placed) < len(pieces):
        parts.append("an image without a piece: its activation is the same at all positions")
    text = "; ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _ties(shown: RankedStimuli) -> list[str]:
    """A sentence on stimuli that share the smallest response, of which only some are shown."""
    if shown.at_minimum < 2:
        return []
    return [
        f"{shown.at_minimum:,} of {shown.of:,} stimuli share the smallest response ({shown.least:.4g}); which of them "
        "are shown is arbitrary."
    ]
