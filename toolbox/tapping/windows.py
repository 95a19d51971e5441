"""Receptive fields after operators that slide windows over a map, or move or resize it. Owns these rules.

Every rule takes a passage and returns the spans of its output, along the height and the width of the image.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from toolbox.tapping.fields import everywhere
from toolbox.tapping.geometry import Span, Spans
from toolbox.tapping.traces import HEIGHT, WIDTH, Passage


@dataclass(frozen=True)
class _Window:
    """The window of a convolution or pool: one number per axis of the map, the height first.

    `reach` is the distance from the first to the last position: 2 for three neighbours, 4 with a dilation of 2.
    """

    reach: Sequence[int]
    strides: Sequence[int]


def _read_window(at: Passage) -> _Window:
    attributes = at.node.attributes
    sides = attributes.get("kernel_shape") or at.wiring.shape(at.node.inputs[1])[2:]
    strides, dilations = (list(attributes.get(key) or [1] * len(sides)) for key in ("strides", "dilations"))
    reach = [(side - 1) * dilation for side, dilation in zip(sides, dilations, strict=True)]
    return _Window(reach, strides)


def window(at: Passage) -> Spans:
    """Convolutions and pools: a window sees all that its positions see."""
    if not _is_map(at):
        return everywhere(at)
    frame = _read_window(at)
    begins = _begins(at, frame)
    return _change_sides(
        at, lambda axis, span: span.slide(frame.reach[axis] + 1, frame.strides[axis], begins[axis])
    )


def _begins(at: Passage, frame: _Window) -> list[int]:
    """The number of positions before the map at which the first window starts.

    With SAME, positions are added to complete the last window. For 8 positions, a kernel of 3 and a stride of 2 there
    are 4 windows, which need (4 - 1) * 2 + 3 = 9 positions. One is added: after the map with SAME_UPPER (begin 0),
    before it with SAME_LOWER (begin 1).
    """
    attributes = at.node.attributes
    how = attributes.get("auto_pad", "NOTSET")
    count = len(frame.reach)
    if how == "NOTSET":
        return list(attributes.get("pads") or [0] * count * 2)[:count]
    if how not in ("SAME_UPPER", "SAME_LOWER"):
        return [0, 0]
    sizes = zip(at.first_shape[2:], at.shape[2:], frame.reach, frame.strides, strict=True)
    totals = [max((out - 1) * stride + reach + 1 - size, 0) for size, out, reach, stride in sizes]
    return [total // 2 if how == "SAME_UPPER" else total - total // 2 for total in totals]


def transposed_window(at: Passage) -> Spans:
    """ConvTranspose: a position sees the inputs whose windows contain it, at most kernel / stride of them."""
    if not _is_map(at):
        return everywhere(at)
    frame = _read_window(at)
    begins = list(at.node.attributes.get("pads") or [0] * len(frame.reach) * 2)
    return _change_sides(
        at, lambda axis, span: _spread(span, frame.reach[axis], frame.strides[axis], begins[axis])
    )


def _spread(span: Span, reach: int, stride: int, begin: int) -> Span:
    """The span of positions that are covered by the windows of a coarser map.

    The window of input i covers the positions i * stride - begin to i * stride - begin + reach. So position
    p = q * stride + r sees the inputs from q + ceil((r + begin - reach) / stride) to q + floor((r + begin) / stride);
    in units of inputs, p is at q + r / stride. The interval is the widest over all remainders r. With a kernel of 3
    (reach 2) and a stride of 2:

        input              0           1           2
        covers          0  1  2     2  3  4     4  5  6
        position 2 (r = 0, q = 1) sees the inputs 0 and 1: offsets -1 and 0
        position 3 (r = 1, q = 1) sees input 1, but is at 1.5: offset -0.5
        together -1 to 0, in steps of the coarser map
    """
    # -(-a // b) rounds up: ceil((r + begin - reach) / stride) = -((reach - begin - r) // stride)
    left = min(-((reach - begin - r) // stride) - r / stride for r in range(stride))
    right = max((r + begin) // stride - r / stride for r in range(stride))
    return Span(span.step / stride, span.left + left * span.step, span.right + right * span.step)


def resize(at: Passage) -> Spans:
    """Resize and Upsample: steps change; interpolation also sees the neighbours, two on each side if cubic."""
    if not _is_map(at):
        return everywhere(at)
    mode = str(at.node.attributes.get("mode", "nearest"))
    reach = 1 if mode in ("nearest", "linear", "bilinear") else 2
    old, new = at.first_shape[2:], at.shape[2:]

    def change(axis: int, span: Span) -> Span:
        if old[axis] == new[axis]:
            return span
        scale = new[axis] / old[axis]
        return Span(span.step / scale, span.left - reach * span.step, span.right + reach * span.step)

    return _change_sides(at, change)


def pad(at: Passage) -> Spans:
    """Padding moves every position: with two zeros before the map, position 0 is at the former position -2."""
    given = at.wiring.value(at.node, 1)
    pads = at.node.attributes.get("pads", ()) if given is None else given.ravel().tolist()
    rank = len(at.first_shape)
    chosen = at.wiring.value(at.node, 3)
    axes = range(rank) if chosen is None else [int(axis) % rank for axis in chosen.ravel()]
    begins = dict(zip(axes, pads, strict=False))  # the remaining pads are after the map
    return _move(at, {axis: (1, -int(begin)) for axis, begin in begins.items()})


def slice_positions(at: Passage) -> Spans:
    """A slice moves every position, and skips positions if it has a step."""
    wiring, node = at.wiring, at.node
    is_old = len(node.inputs) == 1  # before opset 10, the bounds were attributes
    starts = node.attributes.get("starts") if is_old else wiring.value(node, 1)
    if starts is None:
        return everywhere(at)
    chosen = node.attributes.get("axes") if is_old else wiring.value(node, 3)
    given = wiring.value(node, 4)
    shape = at.first_shape
    axes = [int(axis) % len(shape) for axis in (range(len(starts)) if chosen is None else chosen)]
    steps = [1] * len(axes) if given is None else [int(value) for value in given.ravel()]
    if min(steps) < 1:
        return everywhere(at)
    moves = {
        axis: (every, _first_position(int(start), shape[axis]))
        for axis, start, every in zip(axes, starts, steps, strict=True)
    }
    return _move(at, moves)


def _first_position(start: int, size: int) -> int:
    """The first position of a slice: a negative start counts from the end, and the result is inside the axis."""
    return min(max(start + size if start < 0 else start, 0), size)


def blocks(at: Passage) -> Spans:
    """SpaceToDepth gathers blocks of positions; DepthToSpace distributes them.

    When 2 x 2 positions replace one, the second one is at 0.5 and sees what is at 0, half a step to the left; a whole
    step is counted.
    """
    size = int(at.node.attributes["blocksize"])
    if at.node.operator == "SpaceToDepth":
        return _change_sides(at, lambda _, span: span.slide(size, size, 0))
    return _change_sides(at, lambda _, span: Span(span.step / size, span.left - span.step, span.right))


def _is_map(at: Passage) -> bool:
    """Whether the last two axes are the height and width of the image, as convolutions and pools require."""
    axes, shape = at.axes, at.first_shape
    return len(axes) == 4 and all(axes[axis] in (HEIGHT, WIDTH) or shape[axis] == 1 for axis in (2, 3))


def _change_sides(at: Passage, change: Callable[[int, Span], Span]) -> Spans:
    """Change the span of every axis of the map that is an axis of the image; `change` receives the axis of the map."""
    spans = list(at.spans)
    for axis, meaning in enumerate(at.axes[2:]):
        side = meaning or ((HEIGHT, WIDTH)[axis] if axis < 2 else None)
        if side in (HEIGHT, WIDTH):
            place = 0 if side == HEIGHT else 1
            spans[place] = change(axis, spans[place])
    return spans[0], spans[1]


def _move(at: Passage, moves: Mapping[int, tuple[int, int]]) -> Spans:
    """Move positions and increase their distances; `moves` is axis -> (factor of the step, begin)."""
    spans = list(at.spans)
    for axis, (every, begin) in moves.items():
        if at.axes[axis] in (HEIGHT, WIDTH):
            side = 0 if at.axes[axis] == HEIGHT else 1
            spans[side] = spans[side].slide(1, every, -begin)
    return spans[0], spans[1]
