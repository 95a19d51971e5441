"""Searching a graph for places to record from. Owns which operators are layers, and of what kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from toolbox.tapping import axes
from toolbox.tapping.activations import Origins, activations
from toolbox.tapping.flow import source, takers, trace_tensors
from toolbox.tapping.operators import Effect, has_effect, operator_of
from toolbox.tapping.traces import BATCH, Trace, channel_axis
from toolbox.tapping.wiring import Node, Wiring

JOINTS = ("sum", "maxout")
"""Kinds of operators that are layers only where they join two streams of one shape."""
IN_ORDER = (Effect.COPY, Effect.VIEW)
"""Effects of operators that may be between the last layer and an output of the graph."""


@dataclass(frozen=True)
class Site:
    """A candidate for a layer: the tensors before and after its activation function."""

    before: str
    after: str
    operator: str
    node: Node


class Search:
    """A search for the layers of a graph."""

    def __init__(self, wiring: Wiring) -> None:
        """Start a search.

        Args:
            wiring: the wiring of the graph, with the observation of its run.
        """
        self.wiring = wiring

    @cached_property
    def traces(self) -> dict[str, Trace]:
        """The traces of all tensors that depend on the image."""
        return trace_tensors(self.wiring)

    @cached_property
    def origins(self) -> Origins:
        """The origins of tensors that are element-wise functions of others."""
        return Origins(self.wiring)

    def sites(self) -> list[Site]:
        """Activations; pools, sums and maxima of maps that no activation follows; and other outputs of the graph."""
        sites = [
            Site(one.before, one.after, one.operator, one.node)
            for one in activations(self.wiring, self.origins)
        ]
        activated = {source(self.wiring, site.before) for site in sites}
        for node in self.wiring.nodes:
            is_new = (
                node.output in self.wiring.responsive and source(self.wiring, node.output) not in activated
            )
            if is_new and (self._is_pool(node) or self._joint_kind(node)):
                sites.append(Site(node.output, node.output, node.operator, node))
        taken = {tensor for site in sites for tensor in (site.before, site.after)}
        for site in self._ends():
            if not taken & {site.before, site.after}:
                taken |= {site.before, site.after}
                sites.append(site)
        return sorted(sites, key=lambda site: site.node.number)

    def is_clear(self, site: Site) -> bool:
        """Whether both tensors have floating-point values per image and filter."""
        observation = self.wiring.observation
        meanings = self.traces[site.after].axes
        return (
            channel_axis(meanings) is not None
            and meanings[0] == BATCH
            and all(
                self.traces[name].axes == meanings
                and name in observation.by_image
                and name in observation.floats
                for name in (site.before, site.after)
            )
        )

    def kind(self, site: Site, *, is_vector: bool, is_map: bool) -> str:
        """The kind of a layer: tokens, or the kind of the operator from which its filters come.

        Args:
            site: the layer.
            is_vector: whether it has only one position.
            is_map: whether its positions have a height and a width.
        """
        if not is_vector and not is_map:
            return "tokens"
        tensor = site.before
        while (node := self.wiring.producer.get(tensor)) is not None:
            if kind := self._joint_kind(node) or self._own_kind(node):
                return "convolution" if kind == "dense" and is_map else kind
            tensor = self.wiring.responsive_inputs(node)[0]
        return "dense" if is_vector else "map"

    def _own_kind(self, node: Node) -> str:
        kind = operator_of(node).kind
        return "" if kind in JOINTS else kind

    def _joint_kind(self, node: Node) -> str:
        """`sum`, the end of a residual block, or `maxout`, the larger of two maps at every position; else empty.

        Source: of maxout, Goodfellow et al. (2013), arXiv:1302.4389.
        """
        kind = operator_of(node).kind
        return kind if kind in JOINTS and self._is_joint(node) else ""

    def _is_joint(self, node: Node) -> bool:
        """Whether two streams of one shape are joined."""
        inputs = self.wiring.responsive_inputs(node)
        if len(inputs) < 2 or channel_axis(self.traces[node.output].axes) is None:
            return False
        shapes = {self.wiring.shape(name) for name in (*inputs, node.output)}
        is_arithmetic = self.origins[node.output] is not None  # as in x + 0.04 x^3
        return len(shapes) == 1 and not is_arithmetic

    def _is_pool(self, node: Node) -> bool:
        """Whether a node is a pool, or a mean or maximum over all positions that is not part of a norm."""
        operator = operator_of(node)
        if operator.kind != "pool" or operator.axes is not axes.reduction:
            return operator.kind == "pool"
        meanings = self.traces[node.inputs[0]].axes
        channel = channel_axis(meanings)
        positions = set(range(len(meanings))) - {0, channel}
        if channel is None or set(self.wiring.reduction_axes(node)) != positions:
            return False
        return not any(self._is_of_norm(node, taker) for taker in takers(self.wiring, node.output))

    def _is_of_norm(self, node: Node, taker: Node) -> bool:
        """Whether a mean is part of a norm: it is subtracted from its own map, or a root is taken of a mean square."""
        if taker.operator == "Sub":
            own = source(self.wiring, node.inputs[0])
            if own in (source(self.wiring, name) for name in taker.inputs):
                return True
        if taker.operator == "Add" and len(self.wiring.responsive_inputs(taker)) == 1:
            # A small number is added to prevent a root of zero.
            return any(self._is_of_norm(node, after) for after in takers(self.wiring, taker.output))
        return taker.operator in ("Sqrt", "Reciprocal", "Pow")

    def _ends(self) -> Iterator[Site]:
        """The outputs of the graph, before and after a softmax if there is one; this comes first, as it covers both."""
        wiring = self.wiring
        ends = [source(wiring, output, IN_ORDER) for output in wiring.outputs if output in wiring.responsive]
        nodes = [wiring.producer[end] for end in ends if end in wiring.producer]
        for node in sorted(nodes, key=lambda node: not has_effect(node, Effect.SQUASH)):
            if has_effect(node, Effect.SQUASH):
                logits = source(wiring, node.inputs[0])
                yield Site(node.inputs[0], node.output, node.operator, wiring.producer.get(logits, node))
            elif node.output in wiring.observation.floats:
                yield Site(node.output, node.output, node.operator, node)
