"""Receptive fields of positions and the distances between positions. Owns intervals of pixels and their arithmetic.

Along the height and the width of the image, every tensor has an interval: position p sees the pixels from
p * step + left to p * step + right. For two 3 x 3 convolutions with stride 2 and padding 1:

    pixels         -3 -2 -1  0  1  2  3  4  5
    map 1, p = 0         [------]               step 2, left -1, right 1
    map 1, p = 1                [-----]
    map 2, p = 0   [------------------]         step 4, left -3, right 3

An operator widens the interval; where branches meet, the widest interval is used (Araujo, Norris and Sim 2019,
doi 10.23915/distill.00021). A position sees every pixel that can change its value: after attention, after pooling over
the whole map, and where such a number scales a map, this is the whole image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf


@dataclass(frozen=True)
class Span:
    """The pixels that position p sees along one axis of the image: p * step + left to p * step + right."""

    step: float = 1
    left: float = 0
    right: float = 0

    def slide(self, kernel: int, stride: float, begin: int) -> Span:
        """The span of a window that slides over the map.

        Window q covers the positions from q * stride - begin to q * stride - begin + kernel - 1. With a kernel of 3,
        a stride of 2 and a begin of 1 over a map of step 2, left -1, right 1, window 0 covers the positions -1 to 1:
        the pixels -1 * 2 - 1 = -3 to 1 * 2 + 1 = 3.

        Args:
            kernel: length of the window in positions.
            stride: distance between neighbouring windows in positions.
            begin: number of positions before the map at which the first window starts; negative inside the map.
        """
        left = self.left - begin * self.step
        right = self.right + (kernel - 1 - begin) * self.step
        return Span(self.step * stride, left, right)

    def everywhere(self) -> Span:
        """The span of positions that see all pixels along this axis."""
        return Span(self.step, -inf, inf)


Spans = tuple[Span, Span]
"""The spans along height and width."""


def unite_spans(spans: Mapping[str, Spans], sizes: Mapping[str, int]) -> Spans:
    """The span of several tensors that meet: the widest interval, with the step of the tensors with most positions.

    A vector that scales a map has few positions and a different step; the step of the map is used.

    Args:
        spans: spans of the tensors by name.
        sizes: number of values of each tensor.
    """
    most = max(sizes.values())
    largest = [name for name in spans if sizes[name] * 2 > most] or list(spans)
    height, width = (
        Span(
            max(spans[name][axis].step for name in largest),
            min(own[axis].left for own in spans.values()),
            max(own[axis].right for own in spans.values()),
        )
        for axis in (0, 1)
    )
    return height, width


def receptive_field(spans: Spans, image: tuple[int, int]) -> int:
    """The receptive field in pixels, along its longer side; the larger side of the image where all of it is seen.

    After convolutions and pools only, it is the theoretical receptive field, that of a position in the middle of an
    infinite map; it may exceed the image.

    Args:
        spans: spans along height and width.
        image: height and width of the image in pixels.
    """
    # An interval from -3 to 3 has 7 pixels. Fractions of pixels, which result from resizing, are rounded up; 1e-6
    # allows for the rounding errors of floating-point arithmetic.
    sizes = [max(image) if span.right == inf else ceil(span.right - span.left - 1e-6) + 1 for span in spans]
    return max(sizes)


def step(spans: Spans, image: tuple[int, int], positions: int) -> int:
    """Pixels between neighbouring positions; the larger side of the image where a single position sees all of it.

    Args:
        spans: spans along height and width.
        image: height and width of the image in pixels.
        positions: number of positions in the map.
    """
    is_whole = any(span.right == inf for span in spans)
    return max(image) if is_whole and positions == 1 else max(1, round(max(span.step for span in spans)))
