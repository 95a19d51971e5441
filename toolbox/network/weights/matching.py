"""Assigns the tensors of a file to layers: all of them by name, else all by order and shape."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

import numpy as np

from toolbox.errors import WeightsError
from toolbox.graph import Tensors
from toolbox.network.architecture import Network
from toolbox.network.weights.layout import (
    KERAS_LAYOUT,
    PARTS,
    TOOLBOX_LAYOUT,
    TORCH_LAYOUT,
    KernelLayout,
    Shape,
    StoredTensor,
    WeightedLayer,
    WeightFile,
    weighted_layers,
)

_Pair = tuple[StoredTensor, StoredTensor]  # kernel and bias of one layer


@dataclass(frozen=True)
class _Match:
    """A layer, and its tensors in a file. All kernels have a common layout, where the file does not specify it."""

    layer: WeightedLayer
    kernel: StoredTensor
    bias: StoredTensor | None

    def layout(self, common: KernelLayout) -> KernelLayout:
        return self.kernel.layout() if self.kernel.layout else common

    def misfit(self, common: KernelLayout) -> tuple[StoredTensor, Shape] | None:
        """The first tensor with a wrong shape, and the expected shape."""
        expected = self.layer.kernel_shape(self.layout(common), len(self.kernel.shape))
        if self.kernel.shape != expected:
            return self.kernel, expected
        if self.bias is not None and self.bias.shape != self.layer.bias_shape:
            return self.bias, self.layer.bias_shape
        return None

    def tensors(self, common: KernelLayout) -> Tensors:
        kernel = self.layer.arrange_kernel(self.kernel.read(), self.layout(common))
        if self.bias is None:
            return {f"{self.layer.name}.kernel": kernel}
        bias = np.ascontiguousarray(self.bias.read(), np.float32)
        return {f"{self.layer.name}.kernel": kernel, f"{self.layer.name}.bias": bias}


def match_layers(
    file: WeightFile, network: Network, needed: Sequence[WeightedLayer]
) -> tuple[Tensors, str, list[str]]:
    """The tensors of the required layers: by name where the file names the first layer, else by order; all must fit.

    By name, layers without tensors are left out. By order, tensors are matched up to the deepest required layer and
    the last convolution.

    Args:
        file: the open file.
        network: the network.
        needed: the required layers, starting at the input.

    Returns: the tensors; the program whose layout they have, if known; warnings for provenance.
    Raises: WeightsError for a tensor that does not fit, for two tensors with one name, or for an ambiguous layout or
        order.
    """
    chain = weighted_layers(network)
    by_name = _tensors_by_name(file, chain)
    is_named = f"{chain[0].name}.kernel" in by_name
    matches = _match_names(file, needed, by_name) if is_named else _match_order(file, network, needed)
    layout = _common_layout(file, matches, network.layout)
    _check_shapes(file, matches, layout)
    _check_chain(file, network, matches)
    if not is_named:
        _check_names(file, matches, by_name)
        _check_rest(file, network, matches)
    tensors: Tensors = {}
    notes = _notes(file, network, matches, layout, is_named=is_named)
    for match in matches:
        if match.layer in needed:
            tensors |= match.tensors(layout)
            notes += [match.bias.note] if match.bias and match.bias.note else []
    return tensors, layout.program, notes


def _tensors_by_name(file: WeightFile, chain: Sequence[WeightedLayer]) -> dict[str, StoredTensor]:
    """Tensors whose name contains that of a layer, by `<layer>.kernel` and `<layer>.bias`."""
    names = sorted((layer.name for layer in chain), key=len, reverse=True)  # conv_10 before conv_1
    pattern = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(map(re.escape, names))})(?![A-Za-z0-9])")
    tensors: dict[str, StoredTensor] = {}
    for tensor in file.tensors:
        if match := pattern.search(tensor.name):
            key = f"{match[1]}.{tensor.part}"
            if key in tensors:
                raise WeightsError(f"{file.path} contains several tensors for {key}; keep one of them")
            tensors[key] = tensor
    return tensors


def _match_names(
    file: WeightFile, needed: Sequence[WeightedLayer], by_name: Mapping[str, StoredTensor]
) -> list[_Match]:
    """The first layers that the file names; a gap means that the file belongs to another network."""
    matches: list[_Match] = []
    for number, layer in enumerate(needed):
        kernel = by_name.get(f"{layer.name}.kernel")
        if kernel and len(matches) < number:
            raise WeightsError(
                f"{file.path} contains {layer.name}, but not {needed[len(matches)].name} below it; check the model "
                "(--model)"
            )
        if kernel:
            matches.append(_Match(layer, kernel, by_name.get(f"{layer.name}.bias")))
    return matches


def _match_order(file: WeightFile, network: Network, needed: Sequence[WeightedLayer]) -> list[_Match]:
    """Match one group after the other along the chain: the next group fits there, in a layout that fits all groups."""
    chain = weighted_layers(network)
    while chain[-1] != needed[-1] and chain[-1].layer.kind != "convolution":
        chain.pop()
    groups = _groups(file, network.name, chain[0].name)
    matches: list[_Match] = []
    layouts = [TORCH_LAYOUT, KERAS_LAYOUT]
    while groups and len(matches) < len(chain):
        steps = [_match_pairs(chain[len(matches) :], pairs) for pairs in groups]
        fitting = [step for step in steps if any(_is_fit(step, layout) for layout in layouts)]
        if not fitting:  # the best match gives the most helpful message
            return matches + max(steps, key=lambda step: max(_reach(step, layout) for layout in layouts))
        _check_order(file, fitting)
        matches += fitting[0]
        layouts = [layout for layout in layouts if _is_fit(fitting[0], layout)]
        del groups[steps.index(fitting[0])]
    return matches


def _check_order(file: WeightFile, steps: Sequence[Sequence[_Match]]) -> None:
    if len(steps) > 1:
        first, second = (step[0] for step in steps[:2])
        raise WeightsError(
            f"{file.path}: both {first.kernel.name} and {second.kernel.name} fit layer {first.layer.name}, and their "
            "names do not specify an order; number them, as in conv1, conv2, or give all layers the names in the card"
        )


def _groups(file: WeightFile, network: str, first: str) -> list[list[_Pair]]:
    """Pairs of kernel and bias of one layer, by group, in the order of the file."""
    kernels, biases = ([tensor for tensor in file.tensors if tensor.part == part] for part in PARTS)
    remedy = f"expected names such as {first}.kernel, or one kernel and one bias per layer, in order"
    if not kernels:
        raise WeightsError(f"{file.path} contains no kernel; {remedy}")
    if len(kernels) != len(biases):
        raise WeightsError(
            f"{file.path} does not name the layers of {network}, and contains {len(kernels)} kernels but {len(biases)} "
            f"vectors; {remedy} (fold normalisation layers into the kernels)"
        )
    groups: dict[str, list[_Pair]] = {}
    for kernel, bias in zip(kernels, biases, strict=True):
        if kernel.part_of != bias.part_of:
            raise WeightsError(
                f"{file.path}: {kernel.name} and {bias.name} belong to different layers; {remedy}"
            )
        groups.setdefault(kernel.group, []).append((kernel, bias))
    return list(groups.values())


def _match_pairs(chain: Sequence[WeightedLayer], pairs: Sequence[_Pair]) -> list[_Match]:
    return [_Match(layer, *pair) for layer, pair in zip(chain, pairs, strict=False)]


def _reach(matches: Sequence[_Match], layout: KernelLayout) -> int:
    """The number of first layers that fit."""
    return len(list(takewhile(lambda match: not match.misfit(layout), matches)))


def _is_fit(matches: Sequence[_Match], layout: KernelLayout) -> bool:
    return _reach(matches, layout) == len(matches)


def _common_layout(file: WeightFile, matches: Sequence[_Match], program: str) -> KernelLayout:
    """The layout that fits every shape, or the layout of the card's program; if none fits, the best match."""
    if matches[0].kernel.layout:
        return matches[0].kernel.layout()
    is_ours = all(match.kernel.name == f"{match.layer.name}.kernel" for match in matches)
    layouts = [TOOLBOX_LAYOUT, TORCH_LAYOUT, KERAS_LAYOUT] if is_ours else [TORCH_LAYOUT, KERAS_LAYOUT]
    reach = {layout: _reach(matches, layout) for layout in layouts}
    nearest = [layout for layout in layouts if reach[layout] == max(reach.values())]
    if len(nearest) == 1 or nearest[0] is TOOLBOX_LAYOUT or reach[nearest[0]] < len(matches):
        return nearest[0]
    for layout in nearest:
        if layout.program == program:
            return layout
    raise WeightsError(
        f"{file.path} may have the layout of {TORCH_LAYOUT.name} or of {KERAS_LAYOUT.name}, because its shapes fit "
        f"both; save it in the layout of the toolbox with names such as {matches[0].layer.name}.kernel"
    )


def _check_shapes(file: WeightFile, matches: Sequence[_Match], common: KernelLayout) -> None:
    for match in matches:
        if misfit := match.misfit(common):
            tensor, expected = misfit
            raise WeightsError(
                f"{file.path} does not fit layer {match.layer.name}: {tensor.name} has shape {tensor.shape}, but the "
                f"card expects {expected} (in the layout of {match.layout(common).name}); check the model (--model), "
                "or choose layers (--layers) below this one"
            )


def _check_chain(file: WeightFile, network: Network, matches: Sequence[_Match]) -> None:
    """Check, for a file with a graph, that every layer receives the output of the previous one."""
    for before, match in pairwise(matches):
        if match.kernel.below and match.kernel.below() != before.kernel.part_of:
            raise WeightsError(
                f"{file.path} is not a chain: the input of {match.kernel.name} is not the output of "
                f"{before.kernel.name}; expected the layers of {network.name} one after the other"
            )


def _check_names(file: WeightFile, matches: Sequence[_Match], by_name: Mapping[str, StoredTensor]) -> None:
    """Check that existing names agree with the order."""
    for match in matches:
        for part, tensor in (("kernel", match.kernel), ("bias", match.bias)):
            key = f"{match.layer.name}.{part}"
            if tensor is not None and by_name.get(key, tensor) is not tensor:
                raise WeightsError(
                    f"{file.path}: {key} is {tensor.name} by order, but {by_name[key].name} by name; "
                    "give all layers the names in the card"
                )


def _check_rest(file: WeightFile, network: Network, matches: Sequence[_Match]) -> None:
    """Check, for a match by order, that the file does not belong to a longer network."""
    used = [match.kernel for match in matches]
    rest = [tensor for tensor in file.tensors if tensor.part == "kernel" and tensor not in used]
    if rest and len(matches) == len(weighted_layers(network)):
        raise WeightsError(
            f"{file.path} contains {len(used) + len(rest)} kernels, but {network.name} has {len(used)} (left over: "
            f"{rest[0].name}); check the model (--model), or give all layers the names in the card"
        )


def _notes(
    file: WeightFile, network: Network, matches: Sequence[_Match], layout: KernelLayout, *, is_named: bool
) -> list[str]:
    """Warnings for provenance about how layers were matched."""
    notes = []
    if not is_named:
        ends = [f"{match.layer.name} = {match.kernel.name}" for match in (matches[0], matches[-1])]
        notes.append(
            f"{file.path.name} does not name the layers of {network.name}; {len(matches)} were matched by order and "
            f"shape: {' … '.join(dict.fromkeys(ends))}"
        )
    if layout is not TOOLBOX_LAYOUT and not matches[0].kernel.layout:
        notes.append(f"the kernels of {file.path.name} have the layout of {layout.name}")
    return notes
