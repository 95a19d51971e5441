"""Which tensor of a file belongs to which layer: by name, else by order and shape, all or none, never a mixture."""

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
    """A layer, and what a file holds for it. Kernels whose file tells no layout have one in common."""

    layer: WeightedLayer
    kernel: StoredTensor
    bias: StoredTensor | None

    def layout(self, common: KernelLayout) -> KernelLayout:
        return self.kernel.layout() if self.kernel.layout else common

    def misfit(self, common: KernelLayout) -> tuple[StoredTensor, Shape] | None:
        """The first tensor that has not its shape, and that shape."""
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
    """The tensors of the needed layers: by name where the file names the first layer, else by order; all must fit.

    By name, a layer that has none is left out. By order, layers count down to the deepest needed one and the last
    convolution.

    Args:
        file: opened.
        network: whose layers they are.
        needed: of its layers, those that are wanted, from the input on.

    Returns: the tensors; the program whose layout they have, if it can be told; remarks for provenance.
    Raises: WeightsError for a tensor that does not fit, two of one name, or a layout or order that nothing tells.
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
    remarks = _remarks(file, network, matches, layout, is_named=is_named)
    for match in matches:
        if match.layer in needed:
            tensors |= match.tensors(layout)
            remarks += [match.bias.remark] if match.bias and match.bias.remark else []
    return tensors, layout.program, remarks


def _tensors_by_name(file: WeightFile, chain: Sequence[WeightedLayer]) -> dict[str, StoredTensor]:
    """Tensors whose name contains a layer's, as `<layer>.kernel` and `<layer>.bias`."""
    names = sorted((layer.name for layer in chain), key=len, reverse=True)  # conv_10 before conv_1
    pattern = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(map(re.escape, names))})(?![A-Za-z0-9])")
    tensors: dict[str, StoredTensor] = {}
    for tensor in file.tensors:
        if match := pattern.search(tensor.name):
            key = f"{match[1]}.{tensor.part}"
            if key in tensors:
                raise WeightsError(f"{file.path} holds several tensors for {key}; keep one")
            tensors[key] = tensor
    return tensors


def _match_names(
    file: WeightFile, needed: Sequence[WeightedLayer], by_name: Mapping[str, StoredTensor]
) -> list[_Match]:
    """The leading layers that the file names; a gap among them means that it is another network's."""
    matches: list[_Match] = []
    for number, layer in enumerate(needed):
        kernel = by_name.get(f"{layer.name}.kernel")
        if kernel and len(matches) < number:
            raise WeightsError(
                f"{file.path} holds {layer.name}, but not {needed[len(matches)].name} below it; check --model"
            )
        if kernel:
            matches.append(_Match(layer, kernel, by_name.get(f"{layer.name}.bias")))
    return matches


def _match_order(file: WeightFile, network: Network, needed: Sequence[WeightedLayer]) -> list[_Match]:
    """Group after group along the chain: next comes the one that fits there, in a layout that fits all before it."""
    chain = weighted_layers(network)
    while chain[-1] != needed[-1] and chain[-1].layer.kind != "convolution":
        chain.pop()
    groups = _groups(file, network.name, chain[0].name)
    matches: list[_Match] = []
    layouts = [TORCH_LAYOUT, KERAS_LAYOUT]
    while groups and len(matches) < len(chain):
        steps = [_match_pairs(chain[len(matches) :], pairs) for pairs in groups]
        fitting = [step for step in steps if any(_is_fit(step, layout) for layout in layouts)]
        if not fitting:  # the one that comes nearest tells best what is wrong
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
            f"{file.path}: {first.kernel.name} and {second.kernel.name} fit at {first.layer.name} alike, and their "
            "names tell no order; number them, as in conv1, conv2, or give all layers the names of the card"
        )


def _groups(file: WeightFile, network: str, first: str) -> list[list[_Pair]]:
    """Kernels with the bias of their own layer, in the file's order within each group."""
    kernels, biases = ([tensor for tensor in file.tensors if tensor.part == part] for part in PARTS)
    remedy = f"expected names such as {first}.kernel, or one kernel and one bias a layer in order"
    if not kernels:
        raise WeightsError(f"{file.path} holds no kernel; {remedy}")
    if len(kernels) != len(biases):
        raise WeightsError(
            f"{file.path} does not name the layers of {network}, and holds {len(kernels)} kernels but {len(biases)} "
            f"vectors; {remedy} (normalisation layers must be folded into the kernels)"
        )
    groups: dict[str, list[_Pair]] = {}
    for kernel, bias in zip(kernels, biases, strict=True):
        if kernel.part_of != bias.part_of:
            raise WeightsError(f"{file.path}: {kernel.name} and {bias.name} are of two layers; {remedy}")
        groups.setdefault(kernel.group, []).append((kernel, bias))
    return list(groups.values())


def _match_pairs(chain: Sequence[WeightedLayer], pairs: Sequence[_Pair]) -> list[_Match]:
    return [_Match(layer, *pair) for layer, pair in zip(chain, pairs, strict=False)]


def _reach(matches: Sequence[_Match], layout: KernelLayout) -> int:
    """How many leading layers fit."""
    return len(list(takewhile(lambda match: not match.misfit(layout), matches)))


def _is_fit(matches: Sequence[_Match], layout: KernelLayout) -> bool:
    return _reach(matches, layout) == len(matches)


def _common_layout(file: WeightFile, matches: Sequence[_Match], program: str) -> KernelLayout:
    """The layout that every shape fits, or that of the card's program; of those that do not fit, the nearest."""
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
        f"{file.path} may be laid out as in {TORCH_LAYOUT.name} or in {KERAS_LAYOUT.name}: its shapes fit both; "
        f"save it in the toolbox's layout with names such as {matches[0].layer.name}.kernel"
    )


def _check_shapes(file: WeightFile, matches: Sequence[_Match], common: KernelLayout) -> None:
    for match in matches:
        if misfit := match.misfit(common):
            tensor, expected = misfit
            raise WeightsError(
                f"{file.path} does not fit at {match.layer.name}: {tensor.name} has shape {tensor.shape}, the card "
                f"expects {expected} (laid out as in {match.layout(common).name}); check --model, "
                "or choose --layers below it"
            )


def _check_chain(file: WeightFile, network: Network, matches: Sequence[_Match]) -> None:
    """Where a file has a graph, every layer must take what the one before gives, by nothing but a chain's operators."""
    for before, match in pairwise(matches):
        if match.kernel.below and match.kernel.below() != before.kernel.part_of:
            raise WeightsError(
                f"{file.path} is no chain: {match.kernel.name} does not take what {before.kernel.name} gives; "
                f"{network.name} takes its layers one after another"
            )


def _check_names(file: WeightFile, matches: Sequence[_Match], by_name: Mapping[str, StoredTensor]) -> None:
    """What names do say must agree with the order."""
    for match in matches:
        for part, tensor in (("kernel", match.kernel), ("bias", match.bias)):
            key = f"{match.layer.name}.{part}"
            if tensor is not None and by_name.get(key, tensor) is not tensor:
                raise WeightsError(
                    f"{file.path}: by order {key} is {tensor.name}, by name {by_name[key].name}; "
                    "give all its layers the names of the card"
                )


def _check_rest(file: WeightFile, network: Network, matches: Sequence[_Match]) -> None:
    """Where order decides, a file of a longer network is another network's."""
    used = [match.kernel for match in matches]
    rest = [tensor for tensor in file.tensors if tensor.part == "kernel" and tensor not in used]
    if rest and len(matches) == len(weighted_layers(network)):
        raise WeightsError(
            f"{file.path} holds {len(used) + len(rest)} kernels, {network.name} has {len(used)}; left over: "
            f"{rest[0].name}; check --model, or give all layers the names of the card"
        )


def _remarks(
    file: WeightFile, network: Network, matches: Sequence[_Match], layout: KernelLayout, *, is_named: bool
) -> list[str]:
    """What provenance must say of how layers were matched."""
    remarks = []
    if not is_named:
        ends = [f"{match.layer.name} = {match.kernel.name}" for match in (matches[0], matches[-1])]
        remarks.append(
            f"{file.path.name} does not name the layers of {network.name}; {len(matches)} were matched by order and "
            f"shape: {' … '.join(dict.fromkeys(ends))}"
        )
    if layout is not TOOLBOX_LAYOUT and not matches[0].kernel.layout:
        remarks.append(f"the kernels of {file.path.name} are laid out as in {layout.name}")
    return remarks
