"""Receptive fields after operators that mix values, or keep them in place. Owns these rules; `windows` has the others.

Every rule takes a passage and returns the spans of its output, along the height and the width of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from toolbox.tapping.axes import read_equation
from toolbox.tapping.geometry import Spans
from toolbox.tapping.traces import BATCH, CHANNEL, HEIGHT, POSITIONS, SHARE, TOKEN, WIDTH, Passage

SpansRule = Callable[[Passage], Spans]


def same(at: Passage) -> Spans:
    """Every result depends on one position of every input, although the shape may change."""
    return at.spans


def everywhere(at: Passage) -> Spans:
    """Every result depends on the whole map."""
    return at.spans[0].everywhere(), at.spans[1].everywhere()


def equal_shape(at: Passage) -> Spans:
    """An unknown operator is assumed to be element-wise if the shape is unchanged."""
    return at.spans if at.shape in map(at.wiring.shape, at.inputs) else everywhere(at)


def reduction(at: Passage) -> Spans:
    """Sums, means and maxima over some axes."""
    return _mix(at, at.wiring.reduction_axes(at.node))


def softmax(at: Passage) -> Spans:
    """Every value is divided by a sum over one axis."""
    return _mix(at, [int(at.node.attributes.get("axis", -1))])


def norm(at: Passage) -> Spans:
    """LayerNorm and RMSNorm: over the last axes, from a given one."""
    rank = len(at.first_shape)
    return _mix(at, range(int(at.node.attributes.get("axis", -1)) % rank, rank))


def product(at: Passage) -> Spans:
    """A dense layer at every position keeps the field; one over positions, and attention, see the whole image."""
    if len(at.inputs) > 1 or len(at.shape) <= 2:
        return everywhere(at)
    axis = -1 if at.first == at.node.inputs[0] else -2
    return at.spans if at.axes[axis] == CHANNEL else everywhere(at)


def einsum(at: Passage) -> Spans:
    """Axes whose letter is missing in the result are summed over."""
    terms, result = read_equation(at.node)
    if len(at.inputs) > 1:
        return everywhere(at)
    term = terms[at.node.inputs.index(at.first)]
    if len(term) != len(at.axes):
        return everywhere(at)
    return _mix(at, [axis for axis, letter in enumerate(term) if letter not in result])


def _mix(at: Passage, axes: Sequence[int]) -> Spans:
    """Combine the values along some axes of the first input: every result sees all positions along these axes.

    Over the height, positions see the whole height, while their width is unchanged; over tokens, or an axis of unknown
    meaning, they see the whole image. Axes of filters and images are not positions.
    """
    spans = list(at.spans)
    for axis in axes:
        meaning = at.axes[axis]
        if at.first_shape[axis] == 1 or meaning in (CHANNEL, SHARE, BATCH):
            continue
        for side, own in enumerate((HEIGHT, WIDTH)):
            if meaning not in POSITIONS or meaning in (own, TOKEN):
                spans[side] = spans[side].everywhere()
    return spans[0], spans[1]
