"""Which axis of a tensor means what: images, filters, height, width, tokens. Owns following them through a graph.

Nothing is read off a rank or a size: the meaning starts at the image and is carried from operator to operator. An axis
whose meaning is lost has none, and a tensor without exactly one axis of filters is not tapped.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolbox.network.graph import IMAGE
from toolbox.network.wiring import Node, Wiring

BATCH, CHANNEL, HEIGHT, WIDTH, TOKEN = "batch", "channel", "height", "width", "token"
SHARE = "share of channel"
"""An axis that is a part of the filters, such as the heads of attention."""
Meaning = str | None
Meanings = tuple[Meaning, ...]
POSITIONS = (HEIGHT, WIDTH, TOKEN)
VIEWS = ("Reshape", "Flatten", "Squeeze", "Unsqueeze")
POINTWISE = ("Add", "Sub", "Mul", "Div", "Pow", "Min", "Max", "Sum", "Mean", "Where", "Concat", "PRelu", "Expand")


def meanings(wiring: Wiring) -> dict[str, Meanings]:
    """The meaning of every axis of every tensor that follows from the image."""
    known: dict[str, Meanings] = {IMAGE: (BATCH, CHANNEL, HEIGHT, WIDTH)}
    for node in wiring.nodes:
        if any(name in known for name in node.inputs):
            rule = RULES.get(node.operator, _like_the_first)
            for name in node.outputs:
                if name in wiring.seen:
                    known[name] = rule(wiring, known, node, name)
    return known


def channel_axis(of: Meanings) -> int | None:
    """The one axis of filters, None where there is none or several."""
    places = [place for place, meaning in enumerate(of) if meaning == CHANNEL]
    return places[0] if len(places) == 1 else None


Known = dict[str, Meanings]
Rule = Callable[[Wiring, Known, Node, str], Meanings]


def _nothing(wiring: Wiring, output: str) -> Meanings:
    return (None,) * len(wiring.shape(output))


def _first(known: Known, node: Node) -> str:
    return next(name for name in node.inputs if name in known)


def _like_the_first(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    """As the first input, if the shape stays: norms, functions of single values, softmax."""
    first = _first(known, node)
    return known[first] if wiring.shape(first) == wiring.shape(output) else _nothing(wiring, output)


def _keep(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    """As the first input, though sizes change: pools, slices, padding."""
    first = known[_first(known, node)]
    return first if len(first) == len(wiring.shape(output)) else _nothing(wiring, output)


def _convolution(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    below = known[_first(known, node)]
    if len(wiring.shape(output)) == 4:
        return (below[0], CHANNEL, below[2] or HEIGHT, below[3] or WIDTH)
    if len(wiring.shape(output)) == 3:
        return (below[0], CHANNEL, below[2])
    return _nothing(wiring, output)


def _pointwise(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    """From all inputs, laid right on right. Where they disagree, the one that was there first has its way: it is the
    stream that a block adds to."""
    inputs = [name for name in dict.fromkeys(node.inputs) if name in known]
    inputs.sort(key=lambda name: wiring.producer[name].number if name in wiring.producer else -1)
    shape = wiring.shape(output)
    found: list[Meaning] = [None] * len(shape)
    for name in inputs:
        own, of = wiring.shape(name), known[name]
        for place in range(1, len(own) + 1):
            is_full = own[-place] == shape[-place] or node.operator == "Concat"
            if found[-place] is None and is_full and (own[-place] > 1 or shape[-place] == 1):
                found[-place] = of[-place]
    return _without_doubles(found)


def _without_doubles(found: Sequence[Meaning]) -> Meanings:
    """A meaning that two axes claim is lost for both, but for tokens, of which there may be several axes."""
    return tuple(
        None if meaning not in (None, TOKEN, SHARE) and found.count(meaning) > 1 else meaning for meaning in found
    )


def _transpose(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    below = known[_first(known, node)]
    order = node.attributes.get("perm") or range(len(below))[::-1]
    return tuple(below[place] for place in order)


def _product(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    """A dense layer at every position, where one factor is fixed; else attention."""
    left, right = node.inputs[:2]
    if right not in known:
        return _dense(known[left])
    if left not in known:
        # fixed weights from the left mix the axis before the last, whose units are then the filters
        turned = _dense((*known[right][:-2], known[right][-1], known[right][-2]))
        return (*turned[:-2], turned[-1], turned[-2])
    one, other = known[left], known[right]
    rank = len(wiring.shape(output))
    if len(one) < 2 or len(other) < 2:
        return _nothing(wiring, output)
    front = [a or b for a, b in zip(_padded(one, rank)[:-2], _padded(other, rank)[:-2], strict=True)]
    return _without_doubles([*front, one[-2], other[-1]])


def _dense(below: Meanings) -> Meanings:
    """The last axis becomes the filters; filters elsewhere are positions then (mixing of tokens)."""
    return (*(TOKEN if meaning == CHANNEL else meaning for meaning in below[:-1]), CHANNEL)


def _padded(of: Meanings, rank: int) -> Meanings:
    return (None,) * (rank - len(of)) + of


def _gemm(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    if node.inputs[0] not in known or node.inputs[1] in known or node.attributes.get("transA"):
        return _nothing(wiring, output)
    return (known[node.inputs[0]][0], CHANNEL)


def _reduction(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    below, gone = known[_first(known, node)], wiring.axes(node)
    if node.attributes.get("keepdims", 1):
        return below
    return tuple(meaning for place, meaning in enumerate(below) if place not in gone)


def _gather(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    """One or several positions of an axis; one alone takes the axis away, as the class token does."""
    if node.inputs[0] not in known or node.inputs[1] in known:
        return _nothing(wiring, output)
    below = known[node.inputs[0]]
    axis = int(node.attributes.get("axis", 0)) % len(below)
    rank = len(wiring.shape(node.inputs[1]))
    return (*below[:axis], *([below[axis]] if rank == 1 else [None] * rank), *below[axis + 1 :])


def _einsum(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    """Letters keep their meaning; one that only fixed weights bring in is the filters."""
    terms, _, result = str(node.attributes["equation"]).replace(" ", "").partition("->")
    by_letter: dict[str, Meaning] = {}
    for term, name in zip(terms.split(","), node.inputs, strict=True):
        if name in known and len(term) == len(known[name]):
            for letter, meaning in zip(term, known[name], strict=True):
                by_letter.setdefault(letter, meaning)
    fixed = any(name not in known for name in node.inputs)
    found = [by_letter.get(letter, CHANNEL if fixed else None) for letter in result]
    brought = [letter not in by_letter for letter in result]
    if any(brought):  # old filters that stay are positions then
        found = [TOKEN if m == CHANNEL and not new else m for m, new in zip(found, brought, strict=True)]
    return tuple(found) if len(found) == len(wiring.shape(output)) else _nothing(wiring, output)


def _view(wiring: Wiring, known: Known, node: Node, output: str) -> Meanings:
    """Axes that stay whole keep their meaning; merged and split ones get what their parts allow."""
    first = _first(known, node)
    return viewed(wiring.shape(first), known[first], wiring.shape(output))


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
    **dict.fromkeys(
        ("MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool Slice Split Pad Resize Upsample "
         "DepthToSpace SpaceToDepth Attention Tile").split(),
        _keep,
    ),
    **dict.fromkeys(
        ("ReduceMean ReduceMax ReduceMin ReduceSum ReduceL1 ReduceL2 ReduceSumSquare ReduceLogSumExp ReduceProd "
         "ArgMax ArgMin").split(),
        _reduction,
    ),
}  # fmt: skip
