"""Which tensor of a file belongs to which layer: by name, else all of them by order and shape, never a mixture."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from toolbox.errors import WeightsError
from toolbox.graph import Tensors
from toolbox.network.card import ChainLayer, Network
from toolbox.network.weights.layout import (
    KERAS,
    TOOLBOX,
    TORCH,
    Convention,
    Place,
    Shape,
    Stored,
    in_layout,
    places,
    shape_in_file,
)
from toolbox.network.weights.reading import opened

_Layer = tuple[Stored, Stored]  # kernel and bias
GROUPS = 8
"""Groups of names whose order is sought by their shapes; more of them are names that tell nothing."""


@dataclass(frozen=True)
class _Pair:
    """A layer, and what a file holds for it."""

    place: Place
    kernel: Stored
    bias: Stored | None

    @property
    def name(self) -> str:
        return self.place.layer.name

    def misfit(self, convention: Convention) -> tuple[Stored, Shape] | None:
        """The first tensor that has not its shape, and that shape."""
        expected = shape_in_file(self.place, convention, len(self.kernel.shape))
        if self.kernel.shape != expected:
            return self.kernel, expected
        if self.bias is not None and self.bias.shape != (self.place.layer.filters,):
            return self.bias, (self.place.layer.filters,)
        return None


@dataclass(frozen=True)
class Found:
    """The tensors of a file in the toolbox's layout, and remarks on how they were found.

    Attributes:
        program: whose layout the file has, in the word of a card's `layout`; empty where that cannot be told.
    """

    tensors: Tensors
    remarks: tuple[str, ...] = ()
    program: str = ""


def read_tensors(path: Path, format: str, network: Network, wanted: Sequence[ChainLayer]) -> Found:
    """The tensors of a file for the wanted layers.

    Names decide where they reach the first layer; a layer that has none is left out. Else every kernel is taken in
    the file's order, and all must fit, down to the deepest wanted layer and the last convolution that the file holds.

    Raises: WeightsError for a tensor that does not fit, two of one name, or a layout that no shape tells.
    """
    chain = places(network)
    needed = [place for place in chain if place.layer in wanted]
    if not needed:
        return Found({})
    with opened(path, format) as stored:
        named = _named(path, network, stored)
        if f"{chain[0].layer.name}.kernel" in named:
            pairs, remarks = _by_name(path, needed, named), []
        else:
            pairs = _by_order(path, network, chain, needed, stored)
            remarks = [_order_remark(path, network, pairs)]
        conventions = _conventions(path, pairs)
        _check_chain(path, network, pairs)
        if remarks:
            _check_names(path, pairs, named)
            _check_no_more(path, network, chain, pairs, stored)
        if conventions[0] in (TORCH, KERAS) and pairs[0].kernel.convention is None:
            remarks.append(f"the kernels of {path.name} are laid out as in {conventions[0].name}")
        tensors: Tensors = {}
        for pair, convention in zip(pairs, conventions, strict=True):
            if pair.place in needed:
                tensors |= _tensors(path, pair, convention)
                remarks += [pair.bias.remark] if pair.bias and pair.bias.remark else []
    return Found(tensors, tuple(remarks), conventions[0].program)


def _named(path: Path, network: Network, stored: Sequence[Stored]) -> dict[str, Stored]:
    """Tensors whose name contains a layer's, as `<layer>.kernel` and `<layer>.bias`."""
    names = sorted((layer.name for layer in network.chain if layer.has_weights), key=len, reverse=True)
    pattern = re.compile(rf"(?<![A-Za-z0-9])({'|'.join(map(re.escape, names))})(?![A-Za-z0-9])")
    found: dict[str, Stored] = {}
    for tensor in stored:
        if match := pattern.search(tensor.name):
            key = f"{match[1]}.{_part(tensor)}"
            if key in found:
                raise WeightsError(f"{path} holds several tensors for {key}; keep one")
            found[key] = tensor
    return found


def _part(tensor: Stored) -> str:
    return "bias" if len(tensor.shape) == 1 else "kernel"


def _by_name(path: Path, needed: Sequence[Place], named: Mapping[str, Stored]) -> list[_Pair]:
    """The leading layers that the file names; a gap among them means that it is another network's."""
    pairs: list[_Pair] = []
    for number, place in enumerate(needed):
        kernel = named.get(f"{place.layer.name}.kernel")
        if kernel and len(pairs) < number:
            raise WeightsError(
                f"{path} holds {place.layer.name}, but not {needed[len(pairs)].layer.name} below it; check --model"
            )
        if kernel:
            pairs.append(_Pair(place, kernel, named.get(f"{place.layer.name}.bias")))
    return pairs


def _by_order(
    path: Path, network: Network, chain: Sequence[Place], needed: Sequence[Place], stored: Sequence[Stored]
) -> list[_Pair]:
    """Kernel by kernel along the network, as far as the file reaches, each with the bias of its own layer."""
    kernels, biases = ([tensor for tensor in stored if _part(tensor) == part] for part in ("kernel", "bias"))
    remedy = (
        f"expected names such as {chain[0].layer.name}.kernel, or one kernel and one bias a layer in order"
    )
    if not kernels:
        raise WeightsError(f"{path} holds no kernel; {remedy}")
    if len(kernels) != len(biases):
        raise WeightsError(
            f"{path} does not name the layers of {network.name}, and holds {len(kernels)} kernels but "
            f"{len(biases)} vectors; {remedy} (normalisation layers must be folded into the kernels)"
        )
    groups: dict[str, list[_Layer]] = {}
    for kernel, bias in zip(kernels, biases, strict=True):
        if kernel.part_of != bias.part_of:
            raise WeightsError(f"{path}: {kernel.name} and {bias.name} are of two layers; {remedy}")
        groups.setdefault(kernel.group, []).append((kernel, bias))
    deepest = max(
        number
        for number, place in enumerate(chain, start=1)
        if place is needed[-1] or place.layer.kind == "convolution"
    )
    return _in_order(path, chain[:deepest], groups)


def _in_order(path: Path, chain: Sequence[Place], groups: Mapping[str, Sequence[_Layer]]) -> list[_Pair]:
    """The layers of a file along the chain: the only order of its groups in which all fit, or the one that is nearest.

    Raises: WeightsError when two orders fit.
    """
    kernel, _ = next(iter(groups.values()))[0]
    if len(groups) == 1:
        return _paired(chain, groups[kernel.group])
    conventions = [kernel.convention()] if kernel.convention else [TORCH, KERAS]
    if len(groups) > GROUPS:
        raise WeightsError(f"{path}: the names of its tensors tell no order; number them, as in conv1, conv2")
    reached: dict[tuple[str, ...], tuple[int, list[_Pair]]] = {}
    for convention in conventions:
        for pairs in _orders(chain, groups, convention):
            reach = _reach(pairs, convention)
            key = tuple(pair.kernel.name for pair in pairs)
            reached[key] = max(reached.get(key, (0, pairs)), (reach, pairs), key=lambda each: each[0])
    whole = [pairs for reach, pairs in reached.values() if reach == len(pairs)]
    if len(whole) > 1:
        first, second = next(
            both for both in zip(*whole[:2], strict=True) if both[0].kernel is not both[1].kernel
        )
        raise WeightsError(
            f"{path}: {first.kernel.name} and {second.kernel.name} fit at {first.name} alike, and their names tell no "
            "order; give all layers the names of the card"
        )
    return max(reached.values(), key=lambda each: (each[0] == len(each[1]), each[0]))[1]


def _orders(
    chain: Sequence[Place], groups: Mapping[str, Sequence[_Layer]], convention: Convention
) -> Iterator[list[_Pair]]:
    """Every order of groups in which all fit; where none fits further, what comes next stands there all the same."""
    if not chain or not groups:
        yield []
        return
    steps = {name: _paired(chain, layers) for name, layers in groups.items()}
    fitting = {name: pairs for name, pairs in steps.items() if _reach(pairs, convention) == len(pairs)}
    for name, pairs in fitting.items():
        others = {other: layers for other, layers in groups.items() if other != name}
        for rest in _orders(chain[len(pairs) :], others, convention):
            yield [*pairs, *rest]
    if not fitting:
        yield from steps.values()


def _paired(chain: Sequence[Place], layers: Sequence[_Layer]) -> list[_Pair]:
    return [_Pair(place, kernel, bias) for place, (kernel, bias) in zip(chain, layers, strict=False)]


def _reach(pairs: Sequence[_Pair], convention: Convention) -> int:
    """How many leading layers fit."""
    return len(list(takewhile(lambda pair: not pair.misfit(convention), pairs)))


def _order_remark(path: Path, network: Network, pairs: Sequence[_Pair]) -> str:
    shown = [f"{pair.name} = {pair.kernel.name}" for pair in (pairs[0], pairs[-1])[: len(pairs)]]
    return (
        f"{path.name} does not name the layers of {network.name}; {len(pairs)} were matched by order and shape: "
        f"{' … '.join(shown)}"
    )


def _check_names(path: Path, pairs: Sequence[_Pair], named: Mapping[str, Stored]) -> None:
    """What names do say must agree with the order."""
    for pair in pairs:
        for part, tensor in (("kernel", pair.kernel), ("bias", pair.bias)):
            other = named.get(f"{pair.name}.{part}")
            if other is not None and other is not tensor:
                raise WeightsError(
                    f"{path}: by order {pair.name}.{part} is {tensor and tensor.name}, by name {other.name}; "
                    "give all its layers the names of the card"
                )


def _check_chain(path: Path, network: Network, pairs: Sequence[_Pair]) -> None:
    """Where a file has a graph, every layer must take what the one before gives, by nothing but a chain's operators."""
    for before, pair in pairwise(pairs):
        if pair.kernel.below and pair.kernel.below() != before.kernel.part_of:
            raise WeightsError(
                f"{path} is no chain: {pair.kernel.name} does not take what {before.kernel.name} gives; "
                f"{network.name} takes its layers one after another"
            )


def _check_no_more(
    path: Path, network: Network, chain: Sequence[Place], pairs: Sequence[_Pair], stored: Sequence[Stored]
) -> None:
    """Where order decides, a file of a longer network is another network's."""
    used = [pair.kernel for pair in pairs]
    more = [tensor.name for tensor in stored if _part(tensor) == "kernel" and tensor not in used]
    if more and len(pairs) == len(chain):
        raise WeightsError(
            f"{path} holds {len(used) + len(more)} kernels, {network.name} has {len(used)}; left over: {more[0]}; "
            "check --model, or give all layers the names of the card"
        )


def _conventions(path: Path, pairs: Sequence[_Pair]) -> list[Convention]:
    """How each kernel is laid out, held against its shape: told by the file itself, or one for all by their shapes."""
    common = TOOLBOX if pairs[0].kernel.convention else _common(path, pairs)
    conventions = []
    for pair in pairs:
        convention = pair.kernel.convention() if pair.kernel.convention else common
        conventions.append(convention)
        if found := pair.misfit(convention):
            tensor, expected = found
            raise WeightsError(
                f"{path} does not fit at {pair.name}: {tensor.name} has shape {tensor.shape}, the card expects "
                f"{expected} (laid out as in {convention.name}); check --model, or choose --layers below it"
            )
    return conventions


def _common(path: Path, pairs: Sequence[_Pair]) -> Convention:
    """The one convention that every shape fits; of those that do not fit, the one that gets furthest."""
    is_ours = all(pair.kernel.name == f"{pair.name}.kernel" for pair in pairs)
    candidates = [TOOLBOX, TORCH, KERAS] if is_ours else [TORCH, KERAS]
    reach = [_reach(pairs, each) for each in candidates]
    if is_ours and reach[0] == max(reach):
        return TOOLBOX
    if reach.count(len(pairs)) > 1:
        raise WeightsError(
            f"{path} may be laid out as in {TORCH.name} or in {KERAS.name}: its shapes fit both; save it in the "
            f"toolbox's layout with names such as {pairs[0].name}.kernel"
        )
    return candidates[reach.index(max(reach))]


def _tensors(path: Path, pair: _Pair, convention: Convention) -> Tensors:
    kernel = in_layout(_numbers(path, pair.kernel), pair.place, convention)
    if pair.bias is None:
        return {f"{pair.name}.kernel": kernel}
    bias = np.ascontiguousarray(_numbers(path, pair.bias), np.float32)
    return {f"{pair.name}.kernel": kernel, f"{pair.name}.bias": bias}


def _numbers(path: Path, stored: Stored) -> NDArray[np.generic]:
    tensor = stored.read()
    if tensor.dtype.kind in "OSUTbcMm":
        raise WeightsError(f"{stored.name} in {path} holds {tensor.dtype}; expected floating-point numbers")
    return tensor
