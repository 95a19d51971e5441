"""The names of the layers of an imported graph. Owns deriving them from the names that exporters write."""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Sequence

from toolbox.tapping.operators import OPERATORS, UNKNOWN
from toolbox.tapping.wiring import Node
from toolbox.terms import IMAGE, PIXELS, STATISTICS

UNCLEAN = re.compile(r"[^A-Za-z0-9._-]+")
"""Characters that are replaced in names of layers."""
WORDS_OF_KIND = {"sum": ("add", "sum"), "pool": ("pool",)}
"""Words in the name of a module that is itself a sum or a pool, and not the block around it."""


def layer_names(nodes: Sequence[Node], operators: Sequence[str]) -> list[str]:
    """Unique names of valid characters, from the exporter's names of the nodes, else the operator and a number.

    Args:
        nodes: nodes of the layers, in order.
        operators: operators of the layers; for a function of several operators, this is not the node's operator.
    """
    paths = [_path(node, operator) for node, operator in zip(nodes, operators, strict=True)]
    common = _count_common_parts(paths)
    counts: Counter[str] = Counter()
    names: list[str] = []
    for path, operator in zip(paths, operators, strict=True):
        # `<layer>.maximum` and `<layer>.mean` are reserved for the outputs of the layer.
        name = re.sub(rf"\.({'|'.join(STATISTICS)})$", r"_\1", _clean(".".join(path[common:])))
        if not name or name in (IMAGE, PIXELS) or _is_meaningless(name, operator):
            word = _clean(operator.removeprefix("x * ")).lower()
            counts[word] += 1
            name = f"{word}_{counts[word]}"
        names.append(_make_unique(name, names))
    return names


def _path(node: Node, operator: str) -> list[str]:
    """The parts of a node's name, outermost first, without repeated prefixes.

    An activation is named after the module around it. A sum or pool in a block is not named after the block alone.
    """
    parts = _scopes(node) or [part for part in re.split(r"/|::", node.name.split(";")[0]) if part]
    if parts and _is_meaningless(parts[-1], node.operator):
        parts = parts[:-1]
    path: list[str] = []
    for part in parts:
        while path and part.startswith(path[-1] + "."):
            path.pop()
        path.append(part)
    words = WORDS_OF_KIND.get(OPERATORS.get(operator, UNKNOWN).kind, ())
    is_named = not words or (path and any(word in path[-1].lower() for word in words))
    return path if is_named or not path else [*path, operator.lower()]


def _scopes(node: Node) -> list[str]:
    """The modules around a node, as PyTorch records them; the name of an inner module contains those of outer ones."""
    for entry in node.proto.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            try:
                scopes = ast.literal_eval(entry.value)
            except (ValueError, SyntaxError):
                return []
            return [str(scope) for scope in scopes[:-1] if scope] if isinstance(scopes, list) else []
    return []


def _is_meaningless(name: str, operator: str) -> bool:
    """Whether a name is only an operator and a number: Relu_12, node_Conv_3, n7, 12."""
    bare = re.sub(r"^(node|n)?[_\W]*|[_\W]*\d*$", "", name, flags=re.IGNORECASE)
    return not bare or bare.lower() in {operator.lower(), *(word.lower() for word in EXPORTERS_WORDS)}


EXPORTERS_WORDS = frozenset(
    {
        "Relu", "Clip", "Mul", "Add", "Div", "Sigmoid", "Tanh", "Erf", "Conv", "MaxPool", "AveragePool",
        "GlobalAveragePool", "ReduceMean", "Gemm", "MatMul", "Softmax", "Reshape", "Flatten", "Squeeze", "LeakyRelu",
        "Elu", "Gelu", "HardSwish", "Identity", "Mean", "Max", "BiasAdd", "Conv2D", "MaxPool2d", "AvgPool2d", "Relu6",
    }
)  # fmt: skip


def _count_common_parts(paths: Sequence[Sequence[str]]) -> int:
    """The number of outer parts that all names have in common, such as the name of the model."""
    named = [path for path in paths if path]
    if len(named) < 2:
        return 0
    count = 0
    while all(len(path) > count + 1 for path in named) and len({path[count] for path in named}) == 1:
        count += 1
    return count


def _clean(name: str) -> str:
    return UNCLEAN.sub("_", name).strip("._-")[:80].rstrip("._-")


def _make_unique(name: str, taken: Sequence[str]) -> str:
    number, unique = 0, name
    while unique in taken:
        number += 1
        unique = f"{name}_{number}"
    return unique
