"""How far into the image a tensor's positions look, and how far apart they are. Owns the receptive fields of any graph.

Every tensor carries, for the height and the width of the image, an interval: position p sees the pixels from
p * step + left to p * step + right. An operator widens it; where branches meet, the widest holds
(Araujo, Norris and Sim 2019, doi 10.23915/distill.00021). What a single pixel can change counts as seen: after
attention, after pooling over the whole map, and where such a number scales a map, that is the whole image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, inf, prod

from toolbox.tapping.axes import BATCH, CHANNEL, HEIGHT, POSITIONS, SHARE, TOKEN, WIDTH, Meanings
from toolbox.tapping.wiring import REDUCTIONS, Node, Wiring
from toolbox.terms import IMAGE

OVER_ALL = (
    "Gemm", "Attention", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool", "InstanceNormalization",
    "GroupNormalization", "MeanVarianceNormalization",
)  # fmt: skip
"""Operators in which every result follows from the whole map."""
MOVED = (
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Split", "Gather", "Tile", "Expand", "Concat", "Add",
    "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "Where",
)  # fmt: skip
"""Operators in which a result follows from one position, though the shape may change."""


@dataclass(frozen=True)
class Span:
    """Along one axis of the image, in its pixels."""

    step: float = 1
    left: float = 0
    right: float = 0

    def through(self, kernel: int, stride: float, begin: int) -> Span:
        """What a window of `kernel` positions sees that starts `begin` positions before the map."""
        left = self.left - begin * self.step
        return Span(self.step * stride, left, self.right + (kernel - 1 - begin) * self.step)

    def everywhere(self) -> Span:
        return Span(self.step, -inf, inf)


Spans = tuple[Span, Span]
"""Of height and of width."""


def spans(wiring: Wiring, of: Mapping[str, Meanings]) -> dict[str, Spans]:
    """What the positions of every tensor see that follows from the image."""
    found: dict[str, Spans] = {IMAGE: (Span(), Span())}
    for node in wiring.nodes:
        inputs = [name for name in dict.fromkeys(node.inputs) if name in found and name in of]
        if inputs:
            below = _united(wiring, found, inputs)
            rule = RULES.get(node.operator, _like_the_inputs)
            found |= {
                name: rule(_Place(wiring, of, node, inputs, name, below)) for name in node.outputs if name
            }
    return found


def receptive_field(of: Spans, image: tuple[int, int]) -> int:
    """Pixels along the larger axis; the larger side of the image where all of it is seen.

    Through convolutions and pools alone it is the theoretical one, which may be larger than the image: the field of a
    position in the middle of a map without end.
    """
    sizes = [max(image) if span.right == inf else ceil(span.right - span.left - 1e-6) + 1 for span in of]
    return max(sizes)


def step(of: Spans, image: tuple[int, int], positions: int) -> int:
    """Pixels between neighbours; the larger side of the image where one position sees all of it."""
    is_whole = any(span.right == inf for span in of)
    return max(image) if is_whole and positions == 1 else max(1, round(max(span.step for span in of)))


@dataclass(frozen=True)
class _Place:
    """A node, one of its outputs, and what its inputs see."""

    wiring: Wiring
    of: Mapping[str, Meanings]
    node: Node
    inputs: Sequence[str]
    output: str
    below: Spans

    @property
    def first(self) -> str:
        return self.inputs[0]

    def shape(self, tensor: str) -> tuple[int, ...]:
        return self.wiring.shape(tensor)


Rule = Callable[[_Place], Spans]


def _united(wiring: Wiring, found: Mapping[str, Spans], inputs: Sequence[str]) -> Spans:
    """Of several inputs the widest interval; the step of those that have most positions."""
    sizes = {name: prod(wiring.shape(name)) for name in inputs}
    largest = [name for name in inputs if sizes[name] * 2 > max(sizes.values())] or list(inputs)
    united = [
        Span(
            max(found[name][axis].step for name in largest),
            min(found[name][axis].left for name in inputs),
            max(found[name][axis].right for name in inputs),
        )
        for axis in (0, 1)
    ]
    return united[0], united[1]


def _everywhere(place: _Place) -> Spans:
    return place.below[0].everywhere(), place.below[1].everywhere()


def _same(place: _Place) -> Spans:
    return place.below


def _like_the_inputs(place: _Place) -> Spans:
    """An operator of which nothing more is known works value by value if the shape stays."""
    return place.below if place.shape(place.output) in map(place.shape, place.inputs) else _everywhere(place)


def _along(place: _Place, change: Callable[[int, Span], Span]) -> Spans:
    """Change the span of every axis of the map that is one of the image's; `change` gets the axis among the map's."""
    found = list(place.below)
    for axis, meaning in enumerate(place.of[place.first][2:]):
        default = (HEIGHT, WIDTH)[axis] if axis < 2 else None
        if (meaning or default) in (HEIGHT, WIDTH):
            which = 0 if (meaning or default) == HEIGHT else 1
            found[which] = change(axis, found[which])
    return found[0], found[1]


def _is_a_map(place: _Place) -> bool:
    """Whether the last axes are the image's, as convolutions and pools take them."""
    of, shape = place.of[place.first], place.shape(place.first)
    return len(of) == 4 and all(of[axis] in (HEIGHT, WIDTH) or shape[axis] == 1 for axis in (2, 3))


def _kernel(place: _Place) -> list[int]:
    given = place.node.attributes.get("kernel_shape")
    return list(given) if given else list(place.shape(place.node.inputs[1])[2:])


def _begins(place: _Place, kernel: Sequence[int], strides: Sequence[int]) -> list[int]:
    """How many positions each window starts before the map, also where only `SAME_UPPER` or `SAME_LOWER` is said."""
    attributes = place.node.attributes
    how = attributes.get("auto_pad", "NOTSET")
    if how not in ("SAME_UPPER", "SAME_LOWER"):
        return (
            list(attributes.get("pads") or [0] * len(kernel) * 2)[: len(kernel)]
            if how == "NOTSET"
            else [0, 0]
        )
    sizes = zip(place.shape(place.first)[2:], place.shape(place.output)[2:], kernel, strides, strict=True)
    totals = [max((out - 1) * stride + side - into, 0) for into, out, side, stride in sizes]
    return [total // 2 if how == "SAME_UPPER" else total - total // 2 for total in totals]


def _steps(place: _Place, attribute: str, sides: Sequence[int]) -> list[int]:
    """Strides or dilations along every side of a window; 1 where the graph says nothing."""
    return list(place.node.attributes.get(attribute) or [1] * len(sides))


def _window(place: _Place) -> Spans:
    """Convolutions and pools."""
    if not _is_a_map(place):
        return _everywhere(place)
    sides = _kernel(place)
    strides, dilations = _steps(place, "strides", sides), _steps(place, "dilations", sides)
    kernel = [(side - 1) * apart + 1 for side, apart in zip(sides, dilations, strict=True)]
    begins = _begins(place, kernel, strides)
    return _along(place, lambda axis, span: span.through(kernel[axis], strides[axis], begins[axis]))


def _transposed_window(place: _Place) -> Spans:
    """ConvTranspose: a position sees the inputs whose windows reach it, at most kernel / stride of them."""
    if not _is_a_map(place):
        return _everywhere(place)
    sides = _kernel(place)
    strides, dilations = _steps(place, "strides", sides), _steps(place, "dilations", sides)
    begins = list(place.node.attributes.get("pads") or [0] * len(sides) * 2)

    def change(axis: int, span: Span) -> Span:
        reach, stride, begin = (sides[axis] - 1) * dilations[axis], strides[axis], begins[axis]
        offsets = [
            (-((reach - begin - r) // stride), (r + begin) // stride, r / stride) for r in range(stride)
        ]
        left = min(low - shift for low, _, shift in offsets)
        right = max(high - shift for _, high, shift in offsets)
        return Span(span.step / stride, span.left + left * span.step, span.right + right * span.step)

    return _along(place, change)


def _resize(place: _Place) -> Spans:
    """Resize and Upsample: steps shrink; interpolation sees the neighbours, too."""
    if not _is_a_map(place):
        return _everywhere(place)
    reach = {"nearest": 1, "linear": 1, "bilinear": 1}.get(
        str(place.node.attributes.get("mode", "nearest")), 2
    )
    old, new = place.shape(place.first)[2:], place.shape(place.output)[2:]

    def change(axis: int, span: Span) -> Span:
        if old[axis] == new[axis]:
            return span
        scale = new[axis] / old[axis]
        return Span(span.step / scale, span.left - reach * span.step, span.right + reach * span.step)

    return _along(place, change)


def _pad(place: _Place) -> Spans:
    """Padding moves every position."""
    given = place.wiring.value(place.node, 1)
    pads = place.node.attributes.get("pads", ()) if given is None else given.ravel().tolist()
    rank = len(place.shape(place.first))
    chosen = place.wiring.value(place.node, 3)
    axes = range(rank) if chosen is None else [int(axis) % rank for axis in chosen.ravel()]
    begins = dict(zip(axes, pads, strict=False))
    return _moved(place, {axis: (1, -int(begin)) for axis, begin in begins.items()})


def _slice(place: _Place) -> Spans:
    """A slice moves every position, and leaves some out where it has a step."""
    wiring, node = place.wiring, place.node
    starts = wiring.value(node, 1) if len(node.inputs) > 1 else node.attributes.get("starts")
    if starts is None:
        return _everywhere(place)
    shape = place.shape(place.first)
    chosen = wiring.value(node, 3) if len(node.inputs) > 1 else node.attributes.get("axes")
    axes = [int(axis) % len(shape) for axis in (range(len(starts)) if chosen is None else chosen)]
    given = wiring.value(node, 4)
    steps = [1] * len(axes) if given is None else [int(value) for value in given.ravel()]
    if min(steps) < 1:
        return _everywhere(place)
    moves = {}
    for axis, start, every in zip(axes, starts, steps, strict=True):
        begin = int(start) + shape[axis] if start < 0 else int(start)
        moves[axis] = (every, min(max(begin, 0), shape[axis]))
    return _moved(place, moves)


def _moved(place: _Place, moves: Mapping[int, tuple[int, int]]) -> Spans:
    """Positions that begin somewhere else and are further apart, by axis: (how many times the step, begin)."""
    found = list(place.below)
    for axis, (every, begin) in moves.items():
        meaning = place.of[place.first][axis]
        if meaning in (HEIGHT, WIDTH):
            which = 0 if meaning == HEIGHT else 1
            found[which] = found[which].through(1, every, -begin)
    return found[0], found[1]


def _blocks(place: _Place) -> Spans:
    """SpaceToDepth gathers blocks of positions, DepthToSpace spreads them."""
    size = int(place.node.attributes["blocksize"])
    if place.node.operator == "SpaceToDepth":
        return _along(place, lambda _, span: span.through(size, size, 0))
    return _along(place, lambda _, span: Span(span.step / size, span.left - span.step, span.right))


def _mixed(place: _Place, axes: Sequence[int]) -> Spans:
    """Values of some axes of the first input are put together: whatever positions they are, are all seen."""
    of, shape = place.of[place.first], place.shape(place.first)
    found = list(place.below)
    for axis in axes:
        meaning = of[axis]
        if shape[axis] == 1 or meaning in (CHANNEL, SHARE, BATCH):
            continue
        for which, own in enumerate((HEIGHT, WIDTH)):
            if meaning not in POSITIONS or meaning in (own, TOKEN):
                found[which] = found[which].everywhere()
    return found[0], found[1]


def _reduction(place: _Place) -> Spans:
    return _mixed(place, place.wiring.axes(place.node))


def _softmax(place: _Place) -> Spans:
    return _mixed(place, [int(place.node.attributes.get("axis", -1))])


def _from_axis(place: _Place) -> Spans:
    """LayerNorm and RMSNorm: over all axes from one on."""
    rank = len(place.shape(place.first))
    return _mixed(place, range(int(place.node.attributes.get("axis", -1)) % rank, rank))


def _product(place: _Place) -> Spans:
    """A dense layer at every position looks no further; one over positions, and attention, look everywhere."""
    if len(place.inputs) > 1 or len(place.shape(place.output)) <= 2:
        return _everywhere(place)
    axis = -1 if place.first == place.node.inputs[0] else -2
    return place.below if place.of[place.first][axis] == CHANNEL else _everywhere(place)


def _einsum(place: _Place) -> Spans:
    terms, _, result = str(place.node.attributes["equation"]).replace(" ", "").partition("->")
    if len(place.inputs) > 1:
        return _everywhere(place)
    term = terms.split(",")[list(place.node.inputs).index(place.first)]
    if len(term) != len(place.of[place.first]):
        return _everywhere(place)
    return _mixed(place, [axis for axis, letter in enumerate(term) if letter not in result])


RULES: dict[str, Rule] = {
    "ConvTranspose": _transposed_window,
    "Resize": _resize,
    "Upsample": _resize,
    "Pad": _pad,
    "Slice": _slice,
    "SpaceToDepth": _blocks,
    "DepthToSpace": _blocks,
    "MatMul": _product,
    "Einsum": _einsum,
    "LayerNormalization": _from_axis,
    "RMSNormalization": _from_axis,
    **dict.fromkeys(("Conv", "MaxPool", "AveragePool", "LpPool"), _window),
    **dict.fromkeys(("Softmax", "LogSoftmax"), _softmax),
    **dict.fromkeys(REDUCTIONS, _reduction),
    **dict.fromkeys(OVER_ALL, _everywhere),
    **dict.fromkeys(MOVED, _same),
}
