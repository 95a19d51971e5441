"""The places to record from in an imported graph. Owns the layers of an imported network.

A layer is a place where a neurophysiologist would put an electrode: the result of an activation function, a pool, the
sum of a residual block that no activation follows, or the output of the classifier.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod

import onnx

from toolbox.errors import UsageError
from toolbox.tapping.entrance import INSIDE, enter_graph, entrance
from toolbox.tapping.geometry import receptive_field, step
from toolbox.tapping.names import layer_names
from toolbox.tapping.search import Search, Site
from toolbox.tapping.traces import BATCH, CHANNEL, HEIGHT, WIDTH, Meanings, channel_axis
from toolbox.tapping.trial import check_repeatable, observe
from toolbox.tapping.wiring import Observation, Wiring


@dataclass(frozen=True)
class Tap:
    """One place to record from.

    Attributes:
        layer: a name of letters, digits, '.', '_' and '-'.
        position: number of the layer from 1, in the order in which the graph runs.
        operator: the operator that computes the tensor `after`.
        before, after: tensors before and after the activation function; equal where there is none.
        filters: number of filters, along `axis` of both tensors, which have `rank` axes.
        height, width: size of the map; the number of tokens and 1; or 1 and 1 for a vector.
        step, receptive_field: in pixels of the image.
    """

    layer: str
    position: int
    kind: str
    operator: str
    before: str
    after: str
    filters: int
    height: int
    width: int
    step: int
    receptive_field: int
    axis: int
    rank: int


@dataclass(frozen=True)
class Survey:
    """The places to record from in a graph, its batch size (0 for any), and warnings."""

    taps: tuple[Tap, ...]
    batch: int
    notes: tuple[str, ...]


def survey(model: onnx.ModelProto, height: int, width: int) -> Survey:
    """All places to record from, found by running the graph on two images.

    Args:
        model: an imported graph.
        height: height of the images in pixels.
        width: width of the images in pixels.

    Raises: UsageError when the graph cannot run on colour images, or has no place to record from.
    """
    own, observation = _try_graph(model, height, width)
    search = Search(Wiring(own, observation))
    sites = search.sites()
    clear = [site for site in sites if search.is_clear(site)]
    if not clear:
        raise UsageError(
            "the graph has no activation, pool or output with an identifiable axis of filters; expected a classifier "
            "of images in float32 or float16; export it before it is quantised"
        )
    names = layer_names([site.node for site in clear], [site.operator for site in clear])
    taps = tuple(
        _tap(search, site, name=name, position=number, image=(height, width))
        for number, (site, name) in enumerate(zip(clear, names, strict=True), start=1)
    )
    batch = 1 if observation.batch == 1 else 0
    return Survey(taps, batch, tuple(_notes(taps, batch, [site for site in sites if site not in clear])))


def _try_graph(model: onnx.ModelProto, height: int, width: int) -> tuple[onnx.ModelProto, Observation]:
    """The graph with the toolbox's own input, and the observation of its run."""
    declared = entrance(model).batch
    own = enter_graph(model, height, width)
    try:
        observation = observe(own, height, width)
    except UsageError:
        if declared in (None, 1):
            raise
        raise UsageError(
            f"the graph runs only with {declared} images at a time; export it with a batch size of 1 or a dynamic one"
        ) from None
    check_repeatable(own, height, width)
    return own, observation


def _tap(search: Search, site: Site, *, name: str, position: int, image: tuple[int, int]) -> Tap:
    """The layer of a site, with its geometry."""
    shape, trace = search.wiring.shape(site.after), search.traces[site.after]
    axis = channel_axis(trace.axes)
    assert axis is not None  # `is_clear` has checked this
    sides, is_map = _sides(shape, trace.axes, axis)
    height, width = sides if is_map else (prod(sides), 1)
    return Tap(
        layer=name,
        position=position,
        kind=search.kind(site, is_vector=not sides, is_map=is_map),
        operator=site.operator,
        before=site.before.removeprefix(INSIDE),
        after=site.after.removeprefix(INSIDE),
        filters=shape[axis],
        height=height,
        width=width,
        step=step(trace.spans, image, height * width),
        receptive_field=receptive_field(trace.spans, image),
        axis=axis,
        rank=len(shape),
    )


def _sides(shape: Sequence[int], axes: Meanings, channel: int) -> tuple[list[int], bool]:
    """Sizes of the axes of positions, and whether they are the height and width of a map (an axis may have size 1)."""
    places = [place for place in range(len(shape)) if place not in (0, channel)]
    is_map = len(places) == 2 and all(
        axes[place] in (HEIGHT, WIDTH) or (shape[place] == 1 and axes[place] not in (BATCH, CHANNEL))
        for place in places
    )
    return [shape[place] for place in places], is_map


def _notes(taps: Sequence[Tap], batch: int, unclear: Sequence[Site]) -> Iterator[str]:
    tokens = [tap for tap in taps if tap.kind == "tokens"]
    if tokens:
        yield (
            f"{len(tokens)} layers have tokens instead of maps; maximum and mean are taken over their "
            f"{_counts(tokens)} tokens, including a class token if there is one"
        )
    if batch == 1:
        yield (
            "the graph computes different results for several images at once, so images are presented one at a time"
        )
    if unclear:
        names = ", ".join(site.node.name or site.node.output.removeprefix(INSIDE) for site in unclear)
        yield f"{len(unclear)} left out, because their axis of filters cannot be identified: {names}"


def _counts(taps: Iterable[Tap]) -> str:
    counts = sorted({tap.height for tap in taps})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
