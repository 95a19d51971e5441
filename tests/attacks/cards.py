"""Cards of networks in which one value is replaced by one that nobody means: every key, 19 values each."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator, Mapping
from typing import Any

VALUES = (
    0, -1, 1.5, True, float("inf"), float("nan"), 2**31, 10**30, "", "x", "../../x", "/etc/passwd", "\x1b[31m", [],
    ["a"], [[1]], {}, {"a": 1}, datetime.date(2020, 1, 1),
)  # fmt: skip
WHEELS = (
    "/a/folder", "./folder", "folder", "../folder", "--index-url=http://127.0.0.1:9", "-r/etc/passwd", "-e.",
    "name @ file:///a/folder", "name @ http://127.0.0.1:9/x.whl", "git+https://127.0.0.1:9/x", "name==1.0 --pre",
    "name[extra]==1.0", "name==1.0; python_version > '3'", "name>=1.0", "name==1.*", "name===1.0", "name==1.0+a.zip",
    "name==1.0\n--pre", "http://127.0.0.1:9/x.tar.gz", "x.tar.gz", "name-1.0-py3-none-any.whl", "", "==1", "náme==1.0",
)  # fmt: skip
"""What pip would follow, or run, besides name==version."""

_INPUT = {
    "height": 4, "width": 4, "resize": "nearest", "channels": "RGB", "mean": [0.0, 0.0, 0.0], "scale": 1.0,
    "fit": "stretch", "decoding": "full",
}  # fmt: skip
SOURCE = {"wheel": "name==1.0", "member": "name/f.npz", "sha256": "ab" * 32, "bytes": 10}
CHAIN: dict[str, Any] = {
    "name": "tiny", "title": "Tiny", "description": "d", "citation": "c", "licence": "l", "layout": "keras",
    "input": _INPUT,
    "layers": {
        "colour": {"kind": "convolution", "filters": 3, "kernel": 1, "stride": 1, "padding": 0, "activation": "relu"},
        "pool": {"kind": "pool", "kernel": 2, "stride": 2, "padding": 0},
        "sum": {"kind": "dense", "filters": 2, "activation": "relu"},
    },
    "digests": {"sum.bias": "ab" * 32},
    "first_values": {"sum": [1.0, 2.0]},
    "weights": [
        {"title": "t", "format": "npz", "layers": ["*"], **SOURCE},
        {"format": "npz", "layers": ["*"], "url": "http://127.0.0.1:9/f.npz", "md5": "ab" * 16, "bytes": 10},
        {"format": "random", "layers": ["*"], "seed": 0},
    ],
}  # fmt: skip
IMPORTED: dict[str, Any] = {
    "name": "imported", "title": "Imported", "graph": "g.onnx", "sha256": "ab" * 32, "activation": "after", "batch": 1,
    "input": _INPUT,
    "layers": {
        "a": {
            "tensor": "t", "kind": "convolution", "axis": 1, "rank": 4, "filters": 3, "height": 2, "width": 2,
            "stride": 1, "receptive_field": 1,
        }
    },
}  # fmt: skip


def hostile_cards() -> Iterator[tuple[str, dict[str, Any]]]:
    """The key that was changed, and the card."""
    for card in (CHAIN, IMPORTED):
        for path in list(_paths(card))[1:]:  # its name is checked where cards are read
            for value in VALUES:
                yield f"{'.'.join(map(str, path))} = {value!r}", _replaced(card, path, value)
    for wheel in WHEELS:
        yield f"wheel = {wheel!r}", _replaced(CHAIN, ("weights", 0, "wheel"), wheel)


def _paths(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    entries = content.items() if isinstance(content, Mapping) else enumerate(content)
    for key, value in entries:
        yield (*path, key)
        if isinstance(value, Mapping | list):
            yield from _paths(value, (*path, key))


def _replaced(card: Mapping[str, Any], path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    changed = copy.deepcopy(dict(card))
    place: Any = changed
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    return changed
