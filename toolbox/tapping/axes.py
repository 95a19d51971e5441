"""Rules for the meaning of axes after an operator. Owns these rules; `operators` assigns them to operators.

Meanings are never guessed from a rank or a size. An axis whose meaning is unknown has the meaning None, and a tensor
without exactly one axis of filters is not recorded. Every rule takes a passage and returns the meanings of the axes of
its output.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from math import prod

from toolbox.tapping.traces import (
    BATCH,
    CHANNEL,
    HEIGHT,
    SHARE,
    TOKEN,
    WIDTH,
    Meaning,
    Meanings,
    Passage,
    channel_axis,
)
from toolbox.tapping.wiring import Node, Wiring

AxesRule = Callable[[Passage], Meanings]
IMAGE_AXES: Meanings = (BATCH, CHANNEL, HEIGHT, WIDTH)


def equal_shape(at: Passage) -> Meanings:
    """The meanings of the first input, if the shape is unchanged: norms, element-wise functions, softmax."""
    return at.axes if at.first_shape == at.shape else at.lost


def equal_rank(at: Passage) -> Meanings:
    """The meanings of the first input, although sizes change: pools, slices, padding."""
    return at.axes if len(at.axes) == len(at.shape) else at.lost


def convolution(at: Passage) -> Meanings:
    """The second axis is the filters; the other axes keep their meanings."""
    below = at.axes
    if len(at.shape) == 4:
        return (below[0], CHANNEL, below[2] or HEIGHT, below[3] or WIDTH)
    if len(at.shape) == 3:
        return (below[0], CHANNEL, below[2])
    return at.lost


def align(at: Passage) -> Meanings:
    """Arithmetic: the meanings of all inputs, aligned at their last axes as in broadcasting."""
    return _align(at, is_joined=False)


def join(at: Passage) -> Meanings:
    """Concatenation: as `align`, although the inputs are shorter than the output along one axis."""
    return _align(at, is_joined=True)


def _align(at: Passage, *, is_joined: bool) -> Meanings:
    """Where inputs disagree, the input with the fewest operators before it decides: a block adds to this stream."""
    shape = at.shape
    merged: list[Meaning] = [None] * len(shape)
    for name in sorted(at.inputs, key=at.wiring.depth.__getitem__):
        own, axes = at.wiring.shape(name), at.traces[name].axes
        for place in range(1, len(own) + 1):
            # A broadcast axis of size 1, as in a gate (2, 8, 1, 1) over a map (2, 8, 5, 5), has no information.
            is_full = is_joined or own[-place] == shape[-place]
            if merged[-place] is None and is_full and (own[-place] > 1 or shape[-place] == 1):
                merged[-place] = axes[-place]
    return _drop_doubles(merged)


def _drop_doubles(axes: Sequence[Meaning]) -> Meanings:
    """A meaning that two axes would share is unknown for both, except for tokens, which may have several axes."""
    return tuple(
        None if meaning not in (None, TOKEN, SHARE) and axes.count(meaning) > 1 else meaning
        for meaning in axes
    )


def transpose(at: Passage) -> Meanings:
    """The axes in their new order, which is reversed by default."""
    order = at.node.attributes.get("perm") or range(len(at.axes))[::-1]
    return tuple(at.axes[place] for place in order)


def product(at: Passage) -> Meanings:
    """A dense layer at every position, if one factor is constant; else attention."""
    left, right = at.node.inputs[:2]
    if right not in at.traces:
        return _dense_axes(at.traces[left].axes)
    if left not in at.traces:
        # Constant weights on the left mix the second last axis, whose results are then the filters.
        axes = at.traces[right].axes
        turned = _dense_axes((*axes[:-2], axes[-1], axes[-2]))
        return (*turned[:-2], turned[-1], turned[-2])
    return _mutual_product(at, at.traces[left].axes, at.traces[right].axes)


def _mutual_product(at: Passage, left: Meanings, right: Meanings) -> Meanings:
    """Rows of the left factor and columns of the right one; leading axes are those of either factor."""
    if len(left) < 2 or len(right) < 2:
        return at.lost
    rank = len(at.shape)
    fronts = zip(_pad(left, rank)[:-2], _pad(right, rank)[:-2], strict=True)
    return _drop_doubles([*(one or other for one, other in fronts), left[-2], right[-1]])


def _dense_axes(below: Meanings) -> Meanings:
    """The last axis is the filters; a previous axis of filters becomes positions (mixing of tokens)."""
    return (*(TOKEN if meaning == CHANNEL else meaning for meaning in below[:-1]), CHANNEL)


def _pad(axes: Meanings, rank: int) -> Meanings:
    return (None,) * (rank - len(axes)) + axes


def matrix_product(at: Passage) -> Meanings:
    """Gemm: a dense layer on vectors, if the weights are constant and the rows are images."""
    left, right = at.node.inputs[:2]
    if left not in at.traces or right in at.traces or at.node.attributes.get("transA"):
        return at.lost
    return (at.traces[left].axes[0], CHANNEL)


def reduction(at: Passage) -> Meanings:
    """Reduced axes have the size 1, or are removed."""
    if at.node.attributes.get("keepdims", 1):
        return at.axes
    gone = at.wiring.reduction_axes(at.node)
    return tuple(meaning for place, meaning in enumerate(at.axes) if place not in gone)


def gather(at: Passage) -> Meanings:
    """One or several positions of an axis; a single position removes the axis, as for the class token."""
    values, indices = at.node.inputs[:2]
    if values not in at.traces or indices in at.traces:
        return at.lost
    below = at.traces[values].axes
    axis = int(at.node.attributes.get("axis", 0)) % len(below)
    rank = len(at.wiring.shape(indices))
    return (*below[:axis], *([below[axis]] if rank == 1 else [None] * rank), *below[axis + 1 :])


def einsum(at: Passage) -> Meanings:
    """Letters keep their meaning; a letter that occurs only in constant weights is the filters.

    In `btc,cd->btd` with constant weights (c, d), b and t remain images and tokens, and d is the filters.
    """
    terms, result = read_equation(at.node)
    meanings = _letter_meanings(at, terms)
    has_weights = any(name not in at.traces for name in at.node.inputs)
    axes = [meanings.get(letter, CHANNEL if has_weights else None) for letter in result]
    if any(letter not in meanings for letter in result):  # remaining old filters are then positions
        axes = [
            TOKEN if axis == CHANNEL and letter in meanings else axis
            for axis, letter in zip(axes, result, strict=True)
        ]
    return tuple(axes) if len(axes) == len(at.shape) else at.lost


def read_equation(node: Node) -> tuple[list[str], str]:
    """The letters of every input of an Einsum, and the letters of its result."""
    terms, _, result = str(node.attributes["equation"]).replace(" ", "").partition("->")
    return terms.split(","), result


def _letter_meanings(at: Passage, terms: Sequence[str]) -> dict[str, Meaning]:
    """The meanings of the letters of an equation in the inputs that depend on the image."""
    meanings: dict[str, Meaning] = {}
    for term, name in zip(terms, at.node.inputs, strict=True):
        if name in at.traces and len(term) == len(at.traces[name].axes):
            for letter, meaning in zip(term, at.traces[name].axes, strict=True):
                meanings.setdefault(letter, meaning)
    return meanings


def view(at: Passage, is_ordered: Callable[[Wiring, Node], bool]) -> Meanings:
    """Unchanged axes keep their meaning; the meanings of merged and split axes depend on their parts.

    When the values return to an earlier shape in the same order, the earlier meanings return too. Exporters write a
    norm over groups of filters in this way:

        map (2, 8, 5, 5) -> Reshape (2, 2, 100) -> InstanceNormalization -> Reshape (2, 8, 5, 5)

    The axis of 100 mixes filters with positions, and no rule for reshapes could split it again. But the last shape is
    that of the map, so its meanings apply again.

    Args:
        at: the passage through a Reshape or a similar operator.
        is_ordered: returns whether a node keeps all values in their order.
    """
    for tensor in _ordered_tensors(at, is_ordered):
        if at.wiring.shape(tensor) == at.shape and channel_axis(at.traces[tensor].axes) is not None:
            return at.traces[tensor].axes
    return reshape_axes(at.first_shape, at.axes, at.shape)


def _ordered_tensors(at: Passage, is_ordered: Callable[[Wiring, Node], bool]) -> Iterator[str]:
    """Earlier tensors with the same values in the same order as a view."""
    node: Node | None = at.node
    while node is not None and is_ordered(at.wiring, node):
        shape = at.wiring.shape(node.output)
        inputs = at.wiring.responsive_inputs(node)
        tensor = next((name for name in inputs if at.wiring.shape(name) == shape), inputs[0])
        yield tensor
        node = at.wiring.producer.get(tensor)


def reshape_axes(old: Sequence[int], axes: Meanings, new: Sequence[int]) -> Meanings:
    """Meanings after a reshape: runs of axes whose sizes have equal products correspond to each other.

    From (2, 8, 5, 4) to (2, 2, 4, 20) the runs are 2 = 2, 8 = 2 * 4 and 5 * 4 = 20: the images are unchanged, the
    filters are split into parts, and height and width become tokens. Axes of size 1 belong to no run.

    Args:
        old: sizes before the reshape.
        axes: meanings of the axes before the reshape.
        new: sizes after the reshape.

    >>> reshape_axes((2, 8, 5, 5), ("batch", "channel", "height", "width"), (2, 8, 25))
    ('batch', 'channel', 'token')
    """
    if tuple(old) == tuple(new):
        return axes
    reshaped: list[Meaning] = [None] * len(new)
    if old and new and old[0] == new[0] == 1:
        reshaped[0] = axes[0]  # a single image
    for before, after in _equal_runs(old, new):
        meanings = _regroup([axes[place] for place in before], len(after))
        for place, meaning in zip(after, meanings, strict=True):
            reshaped[place] = meaning
    return _drop_doubles(reshaped)


def _equal_runs(old: Sequence[int], new: Sequence[int]) -> Iterator[tuple[list[int], list[int]]]:
    """The shortest runs of axes before and after the reshape with equal numbers of values, from the first axis on."""
    olds = [place for place, size in enumerate(old) if size != 1]
    news = [place for place, size in enumerate(new) if size != 1]
    while olds and news:
        before, after = [olds.pop(0)], [news.pop(0)]
        # The run with the smaller product is extended by the next axis until both products are equal.
        while (gap := prod(old[axis] for axis in before) - prod(new[axis] for axis in after)) and (
            olds if gap < 0 else news
        ):
            if gap < 0:
                before.append(olds.pop(0))
            else:
                after.append(news.pop(0))
        if gap:
            return
        yield before, after


def _regroup(parts: Sequence[Meaning], count: int) -> list[Meaning]:
    """The meanings of `count` axes with the values of the axes `parts`.

    1 -> 1   the same                          height, width -> 1   tokens
    filters -> n   parts of the filters        parts -> 1   the filters
    tokens -> 2    height and width again      anything else is unknown
    """
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
