"""Which axis of a tensor means what: images, filters, height, width, tokens. Owns following them through a graph.

Nothing is read off a rank or a size: the meaning starts at the image and is carried from operator to operator. An axis
whose meaning is lost has none, and a tensor without exactly one axis of filters is not tapped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolbox.tapping.wiring import REDUCTIONS, Node, Wiring
from toolbox.terms import IMAGE

BATCH, CHANNEL, HEIGHT, WIDTH, TOKEN = "batch", "channel", "height", "width", "token"
SHARE = "share of channel"
"""An axis that is a part of the filters, such as the heads of attention."""
Meaning = str | None
Meanings = tuple[Meaning, ...]
POSITIONS = (HEIGHT, WIDTH, TOKEN)
VIEWS = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
RESIZED = (
    "MaxPool", "AveragePool", "LpPool", "GlobalMaxPool", "GlobalAveragePool", "GlobalLpPool", "Slice", "Split", "Pad",
    "Resize", "Upsample", "DepthToSpace", "SpaceToDepth", "Attention", "Tile",
)  # fmt: skip
POINTWISE = (
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Pow",
    "Min",
    "Max",
    "Sum",
    "Mean",
    "Where",
    "Concat",
    "PRelu",
    "Expand",
)


def meanings(wiring: Wiring) -> dict[str, Meanings]:
    """The meaning of every axis of every tensor that follows from the image."""
    known: dict[str, Meanings] = {IMAGE: (BATCH, CHANNEL, HEIGHT, WIDTH)}
    for node in wiring.nodes:
        if any(name in known for name in node.inputs):
            rule = RULES.get(node.operator, _like_the_first)
            known |= {
                name: rule(_Place(wiring, known, node, name)) for name in node.outputs if name in wiring.seen
            }
    return known


def channel_axis(of: Meanings) -> int | None:
    """The one axis of filters, None where there is none or several."""
    places = [place for place, meaning in enumerate(of) if meaning == CHANNEL]
    return places[0] if len(places) == 1 else None


@dataclass(frozen=True)
class _Place:
    """A node, one of its outputs, and the meanings that are known before it."""

    wiring: Wiring
    known: Mapping[str, Meanings]
    node: Node
    output: str

    @property
    def first(self) -> str:
        """The first input that follows from the image."""
        return next(name for name in self.node.inputs if name in self.known)

    @property
    def below(self) -> Meanings:
        return self.known[self.first]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.wiring.shape(self.output)

    @property
    def nothing(self) -> Meanings:
        return (None,) * len(self.shape)


Rule = Callable[[_Place], Meanings]


def _like_the_first(at: _Place) -> Meanings:
    """As the first input, if the shape stays: norms, functions of single values, softmax."""
    first = at.first
    return at.known[first] if at.wiring.shape(first) == at.shape else at.nothing


def _keep(at: _Place) -> Meanings:
    """As the first input, though sizes change: pools, slices, padding."""
    first = at.below
    return first if len(first) == len(at.shape) else at.nothing


def _convolution(at: _Place) -> Meanings:
    below = at.below
    if len(at.shape) == 4:
        return (below[0], CHANNEL, below[2] or HEIGHT, below[3] or WIDTH)
    if len(at.shape) == 3:
        return (below[0], CHANNEL, below[2])
    return at.nothing


def _pointwise(at: _Place) -> Meanings:
    """From all inputs, laid right on right. Where they disagree, the one with fewest operators before it has its way:
    it is the stream that a block adds to."""
    inputs = sorted(
        (name for name in dict.fromkeys(at.node.inputs) if name in at.known), key=at.wiring.depth.__getitem__
    )
    shape = at.shape
    found: list[Meaning] = [None] * len(shape)
    for name in inputs:
        own, of = at.wiring.shape(name), at.known[name]
        for place in range(1, len(own) + 1):
            is_full = own[-place] == shape[-place] or at.node.operator == "Concat"
            if found[-place] is None and is_full and (own[-place] > 1 or shape[-place] == 1):
                found[-place] = of[-place]
    return _without_doubles(found)


def _without_doubles(found: Sequence[Meaning]) -> Meanings:
    """A meaning that two axes claim is lost for both, but for tokens, of which there may be several axes."""
    return tuple(
        None if meaning not in (None, TOKEN, SHARE) and found.count(meaning) > 1 else meaning
        for meaning in found
    )


def _transpose(at: _Place) -> Meanings:
    below = at.below
    order = at.node.attributes.get("perm") or range(len(below))[::-1]
    return tuple(below[place] for place in order)


def _product(at: _Place) -> Meanings:
    """A dense layer at every position, where one factor is fixed; else attention."""
    left, right = at.node.inputs[:2]
    if right not in at.known:
        return _dense(at.known[left])
    if left not in at.known:
        # fixed weights from the left mix the axis before the last, whose units are then the filters
        turned = _dense((*at.known[right][:-2], at.known[right][-1], at.known[right][-2]))
        return (*turned[:-2], turned[-1], turned[-2])
    one, other = at.known[left], at.known[right]
    rank = len(at.shape)
    if len(one) < 2 or len(other) < 2:
        return at.nothing
    front = [a or b for a, b in zip(_padded(one, rank)[:-2], _padded(other, rank)[:-2], strict=True)]
    return _without_doubles([*front, one[-2], other[-1]])


def _dense(below: Meanings) -> Meanings:
    """The last axis becomes the filters; filters elsewhere are positions then (mixing of tokens)."""
    return (*(TOKEN if meaning == CHANNEL else meaning for meaning in below[:-1]), CHANNEL)


def _padded(of: Meanings, rank: int) -> Meanings:
    return (None,) * (rank - len(of)) + of


def _gemm(at: _Place) -> Meanings:
    left, right = at.node.inputs[:2]
    if left not in at.known or right in at.known or at.node.attributes.get("transA"):
        return at.nothing
    return (at.known[left][0], CHANNEL)


def _reduction(at: _Place) -> Meanings:
    below, gone = at.below, at.wiring.axes(at.node)
    if at.node.attributes.get("keepdims", 1):
        return below
    return tuple(meaning for place, meaning in enumerate(below) if place not in gone)


def _gather(at: _Place) -> Meanings:
    """One or several positions of an axis; one alone takes the axis away, as the class token does."""
    if at.node.inputs[0] not in at.known or at.node.inputs[1] in at.known:
        return at.nothing
    below = at.known[at.node.inputs[0]]
    axis = int(at.node.attributes.get("axis", 0)) % len(below)
    rank = len(at.wiring.shape(at.node.inputs[1]))
    return (*below[:axis], *([below[axis]] if rank == 1 else [None] * rank), *below[axis + 1 :])


def _einsum(at: _Place) -> Meanings:
    """Letters keep their meaning; one that only fixed weights bring in is the filters."""
    terms, _, result = str(at.node.attributes["equation"]).replace(" ", "").partition("->")
    by_letter: dict[str, Meaning] = {}
    for term, name in zip(terms.split(","), at.node.inputs, strict=True):
        if name in at.known and len(term) == len(at.known[name]):
            for letter, meaning in zip(term, at.known[name], strict=True):
                by_letter.setdefault(letter, meaning)
    fixed = any(name not in at.known for name in at.node.inputs)
    found = [by_letter.get(letter, CHANNEL if fixed else None) for letter in result]
    brought = [letter not in by_letter for letter in result]
    if any(brought):  # old filters that stay are positions then
        found = [TOKEN if m == CHANNEL and not new else m for m, new in zip(found, brought, strict=True)]
    return tuple(found) if len(found) == len(at.shape) else at.nothing


def _view(at: _Place) -> Meanings:
    """Axes that stay whole keep their meaning; merged and split ones get what their parts allow.

    Back in the shape that the values had before, all is where it was: so exporters write a norm over groups of filters.
    """
    for tensor in _in_order(at):
        if at.wiring.shape(tensor) == at.shape and channel_axis(at.known[tensor]) is not None:
            return at.known[tensor]
    return viewed(at.wiring.shape(at.first), at.below, at.shape)


def _in_order(at: _Place) -> Iterator[str]:
    """Tensors above a view from which on no value changed its place among the others."""
    node: Node | None = at.node
    while node is not None and (node.operator in VIEWS or _is_in_place(at.wiring, node)):
        shape = at.wiring.shape(node.output)
        seen = at.wiring.seen_inputs(node)
        tensor = next((name for name in seen if at.wiring.shape(name) == shape), seen[0])
        yield tensor
        node = at.wiring.producer.get(tensor)


def _is_in_place(wiring: Wiring, node: Node) -> bool:
    """Whether an operator, such as a norm, leaves all values of an input of the same shape in their places."""
    arithmetic = node.operator in POINTWISE and node.operator not in ("Concat", "Expand")
    shapes = map(wiring.shape, wiring.seen_inputs(node))
    return (arithmetic or node.operator not in RULES) and wiring.shape(node.output) in shapes


def viewed(old: Sequence[int], of: Meanings, new: Sequence[int]) -> Meanings:
    """Meanings after a reshape from sizes `old` to sizes `new`: runs of axes with equal products belong together.

    >>> viewed((2, 8, 5, 5), ("batch", "channel", "height", "width"), (2, 8, 25))
    ('batch', 'channel', 'token')
    """
    if tuple(old) == tuple(new):
        return of
    found: list[Meaning] = [None] * len(new)
    if old and new and old[0] == new[0] == 1:
        found[0] = of[0]  # a single image
    olds = [place for place, size in enumerate(old) if size != 1]
    news = [place for place, size in enumerate(new) if size != 1]
    while olds and news:
        here, there = [olds.pop(0)], [news.pop(0)]
        a, b = old[here[0]], new[there[0]]
        while a != b and (olds if a < b else news):
            if a < b:
                here.append(olds.pop(0))
                a *= old[here[-1]]
            else:
                there.append(news.pop(0))
                b *= new[there[-1]]
        if a != b:
            break
        for place, meaning in zip(there, _regrouped([of[place] for place in here], len(there)), strict=True):
            found[place] = meaning
    return _without_doubles(found)


def _regrouped(parts: Sequence[Meaning], count: int) -> list[Meaning]:
    """The meanings of `count` axes that hold what the axes `parts` held."""
    if len(parts) == count == 1:
        return [parts[0]]
    kinds = set(parts)
    if count == 1:
        if kinds <= {HEIGHT, WIDTH, TOKEN}:
            return [TOKEN]
        return [CHANNEL] if kinds == {SHARE} else [None]
    if len(parts) == 1 and parts[0] in (CHANNEL, SHARE):
        return [SHARE] * count
    if len(parts) == 1 and parts[0] == TOKEN and count == 2:
        return [HEIGHT, WIDTH]  # tokens laid out as a map again
    return [None] * count


RULES: dict[str, Rule] = {
    "Conv": _convolution,
    "ConvTranspose": _convolution,
    "Transpose": _transpose,
    "MatMul": _product,
    "Gemm": _gemm,
    "Gather": _gather,
    "Einsum": _einsum,
    **dict.fromkeys(VIEWS, _view),
    **dict.fromkeys(POINTWISE, _pointwise),
    **dict.fromkeys(RESIZED, _keep),
    **dict.fromkeys(REDUCTIONS, _reduction),
}
