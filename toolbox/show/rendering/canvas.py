"""Where a picture is in the input of a network, and which unit it drives. Owns that geometry.

A unit of a convolution sees only its receptive field. A network without padding, presented with exactly this piece of
an image, has this unit alone in the map of its layer: a picture is then made on a piece that is no larger than needed,
and a stored response, which is the maximum of a map, is that of this unit. Where this is not possible (dense layers,
receptive fields that exceed the image, branches with different padding, the mean of a map), the canvas is the whole
image.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import UsageError
from toolbox.gradient import without_padding
from toolbox.graph import Graph
from toolbox.network.architecture import ImportedLayer, Layer
from toolbox.network.fields import layer_spans
from toolbox.network.model import Model
from toolbox.show.rendering.recipe import PictureRecipe
from toolbox.show.rendering.waves import RealArray
from toolbox.stimuli.images import MID_GREY, Pixels
from toolbox.tapping.before import tensor_before_activation
from toolbox.tapping.geometry import Span
from toolbox.terms import Statistic

Sides = tuple[int, int]
"""Height and width in pixels."""


@dataclass(frozen=True)
class Canvas:
    """A piece of the input of a network, and the unit that sees it.

    Attributes:
        graph: the network for images of the size of the piece.
        tensor: the tensor of the graph that contains the driven values.
        layer: the layer that is driven.
        sides: height and width of the piece.
        corner: row and column of its first pixel in the input.
        input: height and width of the input.
        shape: of the tensor for one piece.
        axis: of the filters in a batch of this tensor.
        place: the driven position along the other axes; None for the mean of all positions.
        is_whole: whether the piece is the whole input.
    """

    graph: Graph
    tensor: str
    layer: Layer
    sides: Sides
    corner: tuple[int, int]
    input: Sides
    shape: tuple[int, ...]
    axis: int
    place: tuple[int, ...] | None
    is_whole: bool

    @property
    def field(self) -> int:
        """The longer side of the piece in pixels."""
        return max(self.sides)

    def painted_sides(self, recipe: PictureRecipe) -> Sides:
        """Height and width of the picture that is painted, of which a moved crop is the piece.

        Args:
            recipe: with the movement.
        """
        margin = 0 if self.is_whole else 2 * recipe.margin(self.field)
        return self.sides[0] + margin, self.sides[1] + margin

    def direction(self, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """The weights of the driven values.

        Args:
            weights: (pictures, filters), of the filters.

        Returns: (pictures, ...), in the shape of the tensor.
        """
        direction = np.zeros((len(weights), *self.shape), np.float32)
        last = np.moveaxis(direction, self.axis, -1)
        spread = weights.reshape(len(weights), *[1] * (len(self.shape) - 1), -1)
        if self.place is None:
            last[:] = spread / np.prod(last.shape[1:-1])
        else:
            place: tuple[slice | int, ...] = (slice(None), *self.place)
            last[place] = weights
        return direction

    def embed(self, picture: RealArray, margin: int) -> Pixels:
        """The stimulus: a picture at its place in the input, on mid-grey.

        Args:
            picture: (3, height, width), 0 to 255.
            margin: pixels of the picture beyond the piece, on each side.

        Returns: height x width x 3, in the size of the input.
        """
        whole = np.full((*self.input, 3), MID_GREY, np.uint8)
        pixels = np.rint(np.clip(picture, 0, 255)).astype(np.uint8).transpose(1, 2, 0)
        piece = pixels[margin : margin + self.sides[0], margin : margin + self.sides[1]]
        top, left = self.corner
        whole[top : top + self.sides[0], left : left + self.sides[1]] = piece
        return whole


def canvas_of(model: Model, layer: Layer, statistic: Statistic) -> Canvas:
    """The smallest canvas on which a unit of a layer, or the mean of its map, is driven.

    Args:
        model: the network, up to the layer.
        layer: what is driven.
        statistic: 'maximum' for one unit in the middle, 'mean' for all of the map.

    Raises: UsageError for a layer of unknown shape.
    """
    if statistic == "maximum" and (piece := _piece(model, layer)) is not None:
        return piece
    shape = layer_shape(layer)
    places = [side for axis, side in enumerate(shape, 1) if axis != layer.axis]
    return whole_canvas(
        model, layer, None if statistic == "mean" and places else tuple(side // 2 for side in places)
    )


def whole_canvas(model: Model, layer: Layer, place: tuple[int, ...] | None) -> Canvas:
    """The whole input as the canvas.

    Args:
        model: the network, up to the layer.
        layer: what is driven.
        place: the driven position along the axes without filters; None for the mean of all of them.

    Raises: UsageError for a layer of unknown shape.
    """
    entry = model.network.input
    sides = entry.height, entry.width
    tensor = tensor_before_activation(model.graph, layer.name) if place is not None else layer.name
    return Canvas(
        model.graph, tensor, layer, sides, (0, 0), sides, layer_shape(layer), layer.axis, place, is_whole=True
    )


def _piece(model: Model, layer: Layer) -> Canvas | None:
    """The receptive field of a unit in the middle; None where it exceeds the input, or cannot be cut out of it."""
    valid = without_padding(model.graph)
    if layer.name not in valid.outputs or layer.axis != 1:
        return None
    entry = model.network.input
    spans = layer_spans(model.network, model.graph, [layer.name])[layer.name]
    rows = _inside(spans[0], entry.height, layer.height)
    columns = _inside(spans[1], entry.width, layer.width)
    if rows is None or columns is None:
        return None
    return Canvas(
        valid,
        tensor_before_activation(valid, layer.name),
        layer,
        (rows[1], columns[1]),
        (rows[0], columns[0]),
        (entry.height, entry.width),
        (layer.filters, 1, 1),
        layer.axis,
        (0, 0),
        is_whole=False,
    )


def _inside(span: Span, side: int, positions: int) -> tuple[int, int] | None:
    """First pixel and length of what the position nearest to the middle sees; None where no position sees so much."""
    if not all(np.isfinite(edge) and edge == int(edge) for edge in (span.left, span.right, span.step)):
        return None
    length = int(span.right - span.left) + 1
    first = [int(place * span.step + span.left) for place in range(positions)]
    inside = [each for each in first if each >= 0 and each + length <= side]
    middle = (side - length) / 2
    return (min(inside, key=lambda each: abs(each - middle)), length) if inside else None


def layer_shape(layer: Layer) -> tuple[int, ...]:
    """The shape of a layer's responses to one image.

    Args:
        layer: of any network.

    Raises: UsageError where the card does not tell the number of positions.
    """
    if isinstance(layer, ImportedLayer):
        sides = layer.shape[1:]
        if any(isinstance(side, str) for side in sides):
            raise UsageError(
                f"layer {layer.name} has an unknown number of positions, so no picture of it can be made; choose "
                "another layer"
            )
        return tuple(int(side) for side in sides)
    if layer.kind == "dense":
        return (layer.filters,)
    return layer.filters, layer.height, layer.width
