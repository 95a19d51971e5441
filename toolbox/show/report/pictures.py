"""What the most selective filters respond to, in pictures: pieces of stimuli, and rendered pictures that the study has.

Owns which pictures are shown of a category, and their words. Renders nothing; runs the network on the few stimuli that
are shown, to find the piece of each that drove the filter.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import polars as pl

from toolbox.chart.sheets import Group, Tile, TilePicture
from toolbox.chart.theme import column_words
from toolbox.errors import ToolboxError, VerificationError, command_line
from toolbox.progress import Progress
from toolbox.query import Query
from toolbox.show.patches import Filter, Patches, find_patches
from toolbox.show.presented import Presented, open_presented
from toolbox.show.report.contents import Exhibit
from toolbox.show.report.exhibits import LeftOut, ShownExhibit, plain_sql, safe_csv
from toolbox.show.report.subject import ReportSubject
from toolbox.show.report.words import RowValues, listed
from toolbox.stimuli.cutting import cut_out, data_uri, with_contour
from toolbox.stimuli.fitting import Box
from toolbox.stimuli.images import Pixels, decode, resize_pixels
from toolbox.store.rendered import Record, picture_file, records_of

_FILTERS, _PIECES = 4, 3
"""Most selective filters of a category that are shown, and stimuli of each."""
_SIDE = 176
"""Pixels of the longer side of a picture: what a tile has on a screen of two pixels a point."""
_LEGEND = "yellow line: activation of at least half of its maximum; stripes: beyond the image"
_IN_WORDS = "pictures of stimuli and rendered pictures"
_TOP = """\
select r.layer, r.filter, r.stimulus_id, l.category, r.maximum::double as response
from responses r
left join labels l using (stimulus_id)
where {filters}
qualify row_number() over (partition by r.layer, r.filter order by r.maximum desc, r.stimulus_id) <= {pieces}
order by r.layer, r.filter, response desc, r.stimulus_id
"""


@dataclass(frozen=True)
class _Chosen:
    """One of the most selective filters of a category, and the stimuli that drive it most."""

    category: str
    layer: str
    filter: int
    value: float
    best: tuple[RowValues, ...]

    @property
    def one(self) -> Filter:
        """Layer and number."""
        return self.layer, self.filter


def picture_exhibits(
    subject: ReportSubject, *, with_images: bool, weights: str, progress: Progress
) -> Iterator[ShownExhibit | LeftOut]:
    """An exhibit for every category: its most selective filters in pictures.

    Args:
        subject: of the report.
        with_images: whether the page may contain pixels.
        weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
        progress: is called with the number of presented stimuli.

    Raises: VerificationError when responses or pictures are damaged.
    """
    general = Exhibit("filters/stimuli", "What the most selective filters respond to", key="pictures")
    if not with_images:
        reason = (
            f"the page contains no pixels; to show {_IN_WORDS}: {command_line('report', '--with-images')}"
        )
        yield LeftOut(general, reason)
        return
    try:
        yield from _exhibits(subject, weights, progress)
    except VerificationError:
        raise
    except (
        ToolboxError
    ) as error:  # images that were moved, or weights that are not here, are no fault of the study
        yield LeftOut(general, str(error))


def _exhibits(subject: ReportSubject, weights: str, progress: Progress) -> Iterator[ShownExhibit | LeftOut]:
    rows = subject.ask("filters/representative", count=_FILTERS).rows
    tops = {row["category"]: _top_stimuli(subject, of_one) for row, of_one in _by_category(rows)}
    chosen = list(_chosen(rows, tops))
    if not chosen:
        return
    layers = list(dict.fromkeys(each.layer for each in chosen))
    presented = open_presented(
        subject.folder, subject.selection, layers, card=subject.model_card, weights=weights, progress=progress
    )
    patches = find_patches(presented, _wanted(chosen), progress=progress)
    for place, (category, own) in enumerate(groupby(chosen, key=lambda each: each.category), start=1):
        yield _exhibit(subject, place, category, list(own), presented, patches, tops[category])


def _by_category(rows: pl.DataFrame) -> Iterator[tuple[RowValues, pl.DataFrame]]:
    for _, of_one in rows.group_by("category", maintain_order=True):
        yield of_one.row(0, named=True), of_one


def _top_stimuli(subject: ReportSubject, rows: pl.DataFrame) -> tuple[pl.DataFrame, str]:
    """The stimuli that drive some filters most, and the SQL that gives them."""
    pairs = rows.select("layer", "filter").unique(maintain_order=True).iter_rows()
    filters = " or ".join(
        f"(r.layer = '{layer.replace(chr(39), 2 * chr(39))}' and r.filter = {number})"
        for layer, number in pairs
    )
    answer = subject.ask(Query("sql", _TOP.format(filters=filters, pieces=_PIECES), ships=True))
    return answer.rows, plain_sql(answer)


def _chosen(rows: pl.DataFrame, tops: Mapping[str, tuple[pl.DataFrame, str]]) -> Iterator[_Chosen]:
    """The filters that respond at all, with their stimuli."""
    for row in rows.iter_rows(named=True):
        top = tops[row["category"]][0].filter(layer=row["layer"], filter=row["filter"])
        if not top.is_empty() and top["response"].max() != 0:
            yield _Chosen(row["category"], row["layer"], row["filter"], row["value"], tuple(top.to_dicts()))


def _wanted(chosen: Sequence[_Chosen]) -> dict[Filter, dict[int, float]]:
    return {
        each.one: {int(row["stimulus_id"]): float(row["response"]) for row in each.best} for each in chosen
    }


def _exhibit(
    subject: ReportSubject,
    place: int,
    category: str,
    filters: Sequence[_Chosen],
    presented: Presented,
    patches: Patches,
    top: tuple[pl.DataFrame, str],
) -> ShownExhibit:
    """The pictures of one category."""
    rendered = {each.one: _best_rendered(subject, presented, each) for each in filters}
    groups = [_group(subject, each, patches, rendered[each.one]) for each in filters]
    of = [word for kind, name in subject.selection.names().items() for word in (f"--{kind}", name)]
    command = command_line("gallery", "--category", category, "--top", _FILTERS, *of)
    title = f"What the filters most selective for {category} respond to"
    return ShownExhibit(
        exhibit=Exhibit("filters/stimuli", title, key=f"pictures-{place}"),
        sentence=_sentence(category, filters, rendered),
        cases=f"n = {subject.responses.stimuli:,} stimuli, {len(filters)} filters, {_PIECES} pieces each; {_LEGEND}",
        cautions=tuple(_cautions(filters, rendered)),
        command=command,
        sql=top[1],
        csv=safe_csv(top[0]),
        groups=tuple(groups),
        category=category,
    )


def _sentence(category: str, filters: Sequence[_Chosen], rendered: Mapping[Filter, Record | None]) -> str:
    pieces = [row for each in filters for row in each.best]
    own = sum(row["category"] == category for row in pieces)
    count = f"All {own}" if own == len(pieces) else f"{own} of the {len(pieces)}"
    text = f"{count} stimuli that drive these {len(filters)} filters most are of {category}"
    multiples = [_multiple(each, rendered[each.one]) for each in filters]
    known = [value for value in multiples if value is not None]
    if not known:
        command = command_line("render", "--category", category)
        return f"{text}. No picture was rendered for them; to make some: {command}"
    times = listed(dict.fromkeys(f"{value:.1f}" for value in (min(known), max(known)))).replace(
        " and ", " to "
    )
    more = "" if len(known) == len(filters) else f" of {len(known)} of them"
    return f"{text}; the rendered pictures{more} drive the filter {times} times as strongly as the best stimulus."


def _cautions(filters: Sequence[_Chosen], rendered: Mapping[Filter, Record | None]) -> Iterator[str]:
    """Rendered pictures that prove nothing."""
    for each in filters:
        multiple = _multiple(each, rendered[each.one])
        if multiple is not None and multiple <= 1:
            yield (
                f"the picture rendered for {each.layer} / {each.filter} does not exceed the best stimulus "
                f"({multiple:.2f} of its response), so it need not show what the filter prefers"
            )


def _multiple(chosen: _Chosen, record: Record | None) -> float | None:
    """The response to a rendered picture as a multiple of that to the best stimulus."""
    best = float(chosen.best[0]["response"])
    return record.responses[0] / best if record and best > 0 else None


def _best_rendered(subject: ReportSubject, presented: Presented, chosen: _Chosen) -> Record | None:
    """The rendered picture of a filter that drives it most, of the same network; None where there is none."""
    digest = presented.identity.layers[chosen.layer]
    found = [
        record
        for record in records_of(subject.folder, subject.model, chosen.layer)
        if record.digest == digest and record.subject.filters == (chosen.filter,)
        if record.subject.statistic == "maximum" and not record.subject.stimulus
    ]
    return max(found, key=lambda record: record.responses[0], default=None)


def _group(subject: ReportSubject, chosen: _Chosen, patches: Patches, record: Record | None) -> Group:
    tiles = [] if record is None else [_rendered_tile(subject, chosen, record)]
    tiles += [_natural_tile(chosen, row, patches) for row in chosen.best]
    index = column_words(subject.index.name)
    return Group(f"{chosen.layer} / {chosen.filter}", tiles, f"{index} {chosen.value:.2f}")


def _rendered_tile(subject: ReportSubject, chosen: _Chosen, record: Record) -> Tile:
    pixels = decode(picture_file(subject.folder, record.subject).read_bytes()).pixels
    piece, _ = cut_out(pixels, Box(*record.place), _SIDE)
    multiple = _multiple(chosen, record)
    times = "nothing to compare" if multiple is None else f"{multiple:.2f} × best"
    words = f"picture rendered for {chosen.layer} / {chosen.filter}, {times} stimulus"
    return Tile([_picture(piece, words)], ["rendered", times])


def _natural_tile(chosen: _Chosen, row: RowValues, patches: Patches) -> Tile:
    number = int(row["stimulus_id"])
    category, response = row["category"] or "no label", f"{row['response']:,.4g}"
    patch = patches.found.get((*chosen.one, number))
    if patch is None:
        return Tile([], [str(category), response, f"no image: {patches.missing[number].reason}"])
    piece = with_contour(patch.cut_out, patch.strong) if patch.position else patch.cut_out
    return Tile(
        [_picture(piece, f"piece of a stimulus of {category}, response {response}")],
        [str(category), response],
    )


def _picture(pixels: Pixels, description: str) -> TilePicture:
    """A picture no larger than it is shown."""
    height, width = pixels.shape[:2]
    factor = min(1.0, _SIDE / max(height, width))
    size = max(1, round(height * factor)), max(1, round(width * factor))
    small = pixels if factor == 1 else resize_pixels(pixels, *size, "box", "stretch")
    return TilePicture(data_uri(small), size[1], size[0], description=description)
