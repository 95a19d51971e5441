"""Where in somebody else's graph there is something to record from. Owns the layers of an added network.

A layer is what a neurophysiologist would put an electrode into: the result of an activation function, a pool, the sum
of a residual block that no activation follows, or what the classifier says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import onnx

from toolbox.errors import UsageError
from toolbox.tapping.activations import Origins, activations
from toolbox.tapping.axes import BATCH, CHANNEL, HEIGHT, WIDTH, Meanings, channel_axis, meanings
from toolbox.tapping.foreign import INSIDE, check_repeatable, entered, entrance, observe
from toolbox.tapping.geometry import Spans, receptive_field, spans, step
from toolbox.tapping.names import layer_names
from toolbox.tapping.wiring import POOLS, REDUCED, SUMS, VIEWS, Node, Observed, Wiring

SQUASHES = ("Softmax", "LogSoftmax")
KINDS = {
    **dict.fromkeys(("Conv", "ConvTranspose"), "convolution"),
    **dict.fromkeys(("Gemm", "MatMul", "Einsum"), "dense"),
    **dict.fromkeys((*POOLS, *REDUCED), "pool"),
    **dict.fromkeys(("Concat",), "concatenation"),
}


@dataclass(frozen=True)
class Tap:
    """One place to record from.

    Attributes:
        layer: a name of letters, digits, '.', '_', '-'.
        position: from 1, in the order in which the graph runs.
        operator: what makes the tensor `after`.
        before, after: tensors before and after the activation function; the same where there is none.
        filters: how many, along `axis` of both tensors, which have `rank` axes.
        height, width: of the map; the number of tokens and 1; 1 and 1 of a vector.
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
    """What there is to record from in a graph, how many images it takes at once (0 for any number), and remarks."""

    taps: tuple[Tap, ...]
    batch: int
    remarks: tuple[str, ...]


def survey(model: onnx.ModelProto, height: int, width: int) -> Survey:
    """All places to record from, found by running the graph on two images.

    Raises: UsageError when the graph cannot be run on colour images, or there is nothing to record from.
    """
    found, batch = _shown(model, height, width)
    wiring = Wiring(found[0], found[1])
    search = _Search(wiring, (height, width))
    candidates = search.candidates()
    kept = [candidate for candidate in candidates if search.is_clear(candidate)]
    if not kept:
        raise UsageError(
            "the graph has no activation, pool or output whose filters can be told apart; expected a classifier of "
            "images in float32 or float16 (export it before it is quantised)"
        )
    names = layer_names([candidate.node for candidate in kept], [candidate.operator for candidate in kept])
    taps = tuple(
        search.tap(candidate, name, number)
        for number, (candidate, name) in enumerate(zip(kept, names, strict=True), start=1)
    )
    return Survey(taps, batch, tuple(_remarks(taps, batch, [c for c in candidates if c not in kept])))


def _shown(model: onnx.ModelProto, height: int, width: int) -> tuple[tuple[onnx.ModelProto, Observed], int]:
    """The graph as it runs, what running it shows, and the batch that it insists on, 0 for none."""
    declared = entrance(model).batch
    free = entered(model, height, width)
    try:
        observed = observe(free, height, width)
    except UsageError:
        if declared in (None, 1):
            raise
        raise UsageError(
            f"the graph runs with {declared} images at a time only; export it with a batch of 1, or a dynamic one"
        ) from None
    check_repeatable(free, height, width)
    return (free, observed), 1 if observed.batch == 1 else 0


def _remarks(taps: Sequence[Tap], batch: int, lost: Sequence[_Candidate]) -> Iterator[str]:
    tokens = [tap for tap in taps if tap.kind == "tokens"]
    if tokens:
        yield (
            f"{len(tokens)} layers hold tokens, not maps: maximum and mean are taken over their {_counts(tokens)} "
            "tokens, a class token included if there is one"
        )
    if batch == 1:
        yield "the graph gives other results for several images at once than for one: it is shown one at a time"
    if lost:
        names = ", ".join(
            candidate.node.name or candidate.node.output.removeprefix(INSIDE) for candidate in lost
        )
        yield f"{len(lost)} left out, for their axis of filters cannot be told: {names}"


def _counts(taps: Iterable[Tap]) -> str:
    counts = sorted({tap.height for tap in taps})
    return str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"


@dataclass(frozen=True)
class _Candidate:
    before: str
    after: str
    operator: str
    node: Node


class _Search:
    """All that is known of a graph while its layers are looked for."""

    def __init__(self, wiring: Wiring, image: tuple[int, int]) -> None:
        self.wiring = wiring
        self.image = image

    @cached_property
    def meanings(self) -> dict[str, Meanings]:
        return meanings(self.wiring)

    @cached_property
    def spans(self) -> dict[str, Spans]:
        return spans(self.wiring, self.meanings)

    @cached_property
    def origins(self) -> Origins:
        return Origins(self.wiring)

    def candidates(self) -> list[_Candidate]:
        """Activations; pools, sums and maxima of maps that none follows; what the graph gives that is none of these."""
        found = [
            _Candidate(one.before, one.after, one.operator, one.node)
            for one in activations(self.wiring, self.origins)
        ]
        taken = {self.wiring.before(one.before) for one in found}
        for node in self.wiring.nodes:
            is_new = node.output in self.wiring.seen and self.wiring.before(node.output) not in taken
            if is_new and (self._is_pool(node) or self._is_sum(node) or self._is_maxout(node)):
                found.append(_Candidate(node.output, node.output, node.operator, node))
        there = {tensor for one in found for tensor in (one.before, one.after)}
        for one in self._ends():
            if not there & {one.before, one.after}:
                there |= {one.before, one.after}
                found.append(one)
        return sorted(found, key=lambda one: one.node.number)

    def is_clear(self, one: _Candidate) -> bool:
        """Whether both tensors hold float numbers by image and by filter."""
        observed = self.wiring.observed
        return all(
            channel_axis(self.meanings[name]) is not None
            and self.meanings[name] == self.meanings[one.after]
            and self.meanings[name][0] == BATCH
            and name in observed.batched
            and name in observed.floats
            for name in (one.before, one.after)
        )

    def tap(self, one: _Candidate, name: str, position: int) -> Tap:
        shape, of = self.wiring.shape(one.after), self.meanings[one.after]
        axis = channel_axis(of)
        assert axis is not None  # is_clear
        places = [size for place, size in enumerate(shape) if place not in (0, axis)]
        sides = [
            meaning
            for meaning, size in zip(of, shape, strict=True)
            if meaning in (HEIGHT, WIDTH) or size == 1
        ]
        is_map = len(places) == 2 and len([side for side in sides if side not in (BATCH, CHANNEL)]) == 2
        height, width = places if is_map else (prod(places), 1)
        seen = self.spans[one.after]
        return Tap(
            layer=name,
            position=position,
            kind=self._kind(one, len(places), is_map),
            operator=one.operator,
            before=one.before.removeprefix(INSIDE),
            after=one.after.removeprefix(INSIDE),
            filters=shape[axis],
            height=height,
            width=width,
            step=step(seen, self.image, height * width),
            receptive_field=receptive_field(seen, self.image),
            axis=axis,
            rank=len(shape),
        )

    def _is_pool(self, node: Node) -> bool:
        """Pools, and means or maxima over space that are not a step of a norm."""
        if node.operator in POOLS:
            return True
        if node.operator not in REDUCED:
            return False
        of = self.meanings[node.inputs[0]]
        gone = self.wiring.axes(node)
        channel = channel_axis(of)
        if channel is None or set(gone) != set(range(len(of))) - {0, channel}:
            return False
        takers = list(self.wiring.behind(node.output))
        return not any(self._is_of_a_norm(node, taker) for taker in takers)

    def _is_of_a_norm(self, node: Node, taker: Node) -> bool:
        """A mean is taken off its own map; a mean square goes into a root."""
        if taker.operator == "Sub" and self.wiring.before(node.inputs[0]) in map(
            self.wiring.before, taker.inputs
        ):
            return True
        if taker.operator == "Add" and len(self.wiring.seen_inputs(taker)) == 1:
            return any(self._is_of_a_norm(node, behind) for behind in self.wiring.behind(taker.output))
        return taker.operator in ("Sqrt", "Reciprocal", "Pow")

    def _is_sum(self, node: Node) -> bool:
        """The sum of two streams of one shape: the end of a residual block."""
        return node.operator in SUMS and self._is_joint(node)

    def _is_maxout(self, node: Node) -> bool:
        """The larger of two maps of one shape at every position (Goodfellow et al. 2013, arXiv:1302.4389)."""
        return node.operator == "Max" and self._is_joint(node)

    def _is_joint(self, node: Node) -> bool:
        """Whether two streams of one shape come together."""
        seen = self.wiring.seen_inputs(node)
        if len(seen) < 2 or channel_axis(self.meanings[node.output]) is None:
            return False
        shapes = {self.wiring.shape(name) for name in (*seen, node.output)}
        is_arithmetic = self.origins[node.output] is not None  # as in x + 0.04 x^3
        return len(shapes) == 1 and not is_arithmetic

    def _ends(self) -> Iterator[_Candidate]:
        """What the graph gives: before and after its softmax, where it has one; that first, for it covers both."""
        ends = [
            self.wiring.before(output, VIEWS) for output in self.wiring.outputs if output in self.wiring.seen
        ]
        nodes = [self.wiring.producer[end] for end in ends if end in self.wiring.producer]
        for node in sorted(nodes, key=lambda node: node.operator not in SQUASHES):
            if node.operator in SQUASHES:
                before = self.wiring.before(node.inputs[0])
                yield _Candidate(
                    node.inputs[0], node.output, node.operator, self.wiring.producer.get(before, node)
                )
            elif node.output in self.wiring.observed.floats:
                yield _Candidate(node.output, node.output, node.operator, node)

    def _kind(self, one: _Candidate, axes: int, is_map: bool) -> str:
        """What a layer is: tokens, or what the operator does that its filters come from."""
        if axes and not is_map:
            return "tokens"
        tensor = one.before
        while (node := self.wiring.producer.get(tensor)) is not None:
            if self._is_sum(node):
                return "sum"
            if self._is_maxout(node):
                return "maxout"
            if node.operator in KINDS:
                kind = KINDS[node.operator]
                return "convolution" if kind == "dense" and is_map else kind
            tensor = next(name for name in node.inputs if name in self.wiring.seen)
        return "dense" if not axes else "map"
