"""Every option of an extraction, with values that it cannot have: one line that names it, and no traceback."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from toolbox import Study
from toolbox.collect.extraction.options import Extraction
from toolbox.errors import UsageError

TEXT = "'auto', the path of a file, or 'random:SEED', as text"
PATTERN = "a pattern of layer names such as 'block5_*', or a list of them"
COUNT = "a whole number, 1 or more"

WRONG: list[tuple[str, Any, str]] = [
    ("model", 5, "model is 5; expected the name of a network, or the path of a card, as text"),
    ("model", None, "model is None; expected the name of a network"),
    ("model", Path("card.toml"), "; expected the name of a network, or the path of a card, as text"),
    ("layers", 5, f"layers is 5; expected {PATTERN}"),
    ("layers", b"pool", f"layers is b'pool'; expected {PATTERN}"),
    ("layers", {"pool": 1}, f"layers is {{'pool': 1}}; expected {PATTERN}"),
    ("layers", ["pool", 5], f"layers is ['pool', 5]; expected {PATTERN}; 5 is not a pattern"),
    ("layers", [None], f"layers is [None]; expected {PATTERN}; None is not a pattern"),
    ("layers", (name for name in ["pool"]), f"; expected {PATTERN}"),
    ("weights", 7, f"weights is 7; expected {TEXT}"),
    ("weights", None, f"weights is None; expected {TEXT}"),
    ("weights", Path("tiny.npz"), f"; expected {TEXT}"),
    ("device", 0, "device is 0; expected 'auto', 'cpu', 'cuda' or 'tensorrt', as text"),
    ("device", None, "device is None; expected 'auto'"),
    ("device", ["cuda"], "device is ['cuda']; expected 'auto'"),
    ("precision", "fp16", "unknown precision 'fp16'; expected one of float32, tf32, bf16"),
    ("precision", 32, "unknown precision 32; expected one of float32, tf32, bf16"),
    ("precision", None, "unknown precision None; expected one of float32, tf32, bf16"),
    ("precision", np.array([["float32"], ["tf32"]]), "unknown precision array([['float32'], ['tf32']], dtype='<U7')"),
    ("convolution", "fft", "unknown convolution 'fft'; expected one of winograd, direct"),
    ("convolution", ["direct"], "unknown convolution ['direct']; expected one of winograd, direct"),
    ("convolution", None, "unknown convolution None; expected one of winograd, direct"),
    ("decoding", "half", "unknown decoding 'half'; expected one of full, scaled"),
    ("decoding", 2, "unknown decoding 2; expected one of full, scaled"),
    ("decoding", {}, "unknown decoding {}; expected one of full, scaled"),
    ("resize", "cubic", "unknown resize 'cubic'; expected one of nearest, bilinear, bicubic, lanczos, box"),
    ("resize", 2, "unknown resize 2; expected one of nearest, bilinear, bicubic, lanczos, box, area, hamming"),
    ("fit", "letterbox", "unknown fit 'letterbox'; expected one of stretch, crop, pad"),
    ("fit", True, "unknown fit True; expected one of stretch, crop, pad"),
    ("decoders", "2", "decoders is '2'; expected 0 (threads) or more processes"),
    ("decoders", -1, "decoders is -1; expected 0 (threads) or more processes"),
    ("decoders", 1.0, "decoders is 1.0; expected 0 (threads) or more processes"),
    ("decoders", None, "decoders is None; expected 0 (threads) or more processes"),
    ("decoders", float("nan"), "decoders is nan; expected 0 (threads) or more processes"),
    ("decoders", True, "decoders is True; expected 0 (threads) or more processes"),
    *(
        (name, value, f"{name} is {value!r}; expected {COUNT}")
        for name in ("batch", "threads", "limit", "part")
        for value in ("4", 4.0, 0, -1, True, [4], float("nan"))
    ),
    ("replace", "no", "replace is 'no'; expected True or False"),
    ("replace", 1, "replace is 1; expected True or False"),
    ("replace", None, "replace is None; expected True or False"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "value", "message"), WRONG)
def test_an_impossible_value_is_named_in_one_line(name: str, value: Any, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        Extraction(**{name: value})
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "choices",
    [
        {},
        {"layers": "pool"},
        {"layers": ["pool", "sum"]},
        {"layers": ("pool",)},
        {"layers": {"pool"}},
        {"layers": []},
        {"decoding": "scaled", "decoders": 2},
        {"batch": np.int64(4), "threads": 1, "limit": np.uint8(9), "part": 50, "replace": True},
    ],
)
def test_a_possible_value_is_kept(choices: dict[str, Any]) -> None:
    options = Extraction(**choices)
    assert all(getattr(options, name) is value for name, value in choices.items())


@pytest.mark.parametrize("name", ["extract", "estimate"])
@pytest.mark.parametrize(
    "choices",
    [{"batch": "4"}, {"model": 5}, {"weights": Path("tiny.npz")}, {"layers": [5]}, {"replace": "no"}],
)
def test_a_study_refuses_it_before_any_work(study: Study, name: str, choices: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match=rf"^{next(iter(choices))} is .*; expected "):
        getattr(study, name)("colours", **choices)
    assert study.models("colours") == []
