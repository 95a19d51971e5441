"""How far into the image positions look, and how far apart they are. Owns intervals of pixels and their arithmetic.

Along the height and the width of the image, every tensor carries an interval: position p sees the pixels from
p * step + left to p * step + right. Two 3 x 3 convolutions of stride 2, with a margin of 1, look like this:

    pixels         -3 -2 -1  0  1  2  3  4  5
    map 1, p = 0         [------]               step 2, left -1, right 1
    map 1, p = 1                [-----]
    map 2, p = 0   [------------------]         step 4, left -3, right 3

An operator widens the interval; where branches meet, the widest holds (Araujo, Norris and Sim 2019,
doi 10.23915/distill.00021). What a single pixel can change counts as seen: after attention, after pooling over the
whole map, and where such a number scales a map, that is the whole image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, inf


@dataclass(frozen=True)
class Span:
    """What positions see along one axis of the image, in its pixels: p * step + left to p * step + right."""

    step: float = 1
    left: float = 0
    right: float = 0

    def slide(self, kernel: int, stride: float, begin: int) -> Span:
        """What a window sees that slides over the map.

        Window q covers the positions from q * stride - begin to q * stride - begin + kernel - 1. With a kernel of 3,
        a stride of 2 and a begin of 1 over a map of step 2, left -1, right 1, window 0 covers the positions -1 to 1:
        the pixels -1 * 2 - 1 = -3 to 1 * 2 + 1 = 3.

        Args:
            kernel: length of the window in positions.
            stride: positions between neighbouring windows.
            begin: how many positions before the map the first window starts; negative for one inside the map.
        """
        left = self.left - begin * self.step
        right = self.right + (kernel - 1 - begin) * self.step
        return Span(self.step * stride, left, right)

    def everywhere(self) -> Span:
        """What a position sees that all pixels along this axis can change."""
        return Span(self.step, -inf, inf)


Spans = tuple[Span, Span]
"""Of height and of width."""


def unite_spans(spans: Mapping[str, Spans], sizes: Mapping[str, int]) -> Spans:
    """Of several tensors that meet, the widest interval; the step of those that have most positions.

    A vector that scales a map has few positions and a step of its own: the map's counts.

    Args:
        spans: of the tensors by name.
        sizes: how many values each of them has.
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
    """Pixels along the larger axis; the larger side of the image where all of it is seen.

    Through convolutions and pools alone it is the theoretical one, which may be larger than the image: the field of a
    position in the middle of a map without end.

    Args:
        spans: of height and width.
        image: its height and width in pixels.
    """
    # An interval from -3 to 3 has 7 pixels. Resizing makes fractions of pixels, which count as whole ones; 1e-6 is for
    # fractions that floating-point arithmetic makes of whole numbers.
    sizes = [max(image) if span.right == inf else ceil(span.right - span.left - 1e-6) + 1 for span in spans]
    return max(sizes)


def step(spans: Spans, image: tuple[int, int], positions: int) -> int:
    """Pixels between neighbouring positions; the larger side of the image where one position sees all of it.

    Args:
        spans: of height and width.
        image: its height and width in pixels.
        positions: how many the map has in all.
    """
    is_whole = any(span.right == inf for span in spans)
    return max(image) if is_whole and positions == 1 else max(1, round(max(span.step for span in spans)))
