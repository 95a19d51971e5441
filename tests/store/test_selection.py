"""What a question is about: names alone, given one by one or together."""

from __future__ import annotations

from typing import Any

import pytest

from toolbox.errors import UsageError
from toolbox.store.selection import Selection


def test_one_model_may_be_given_as_text() -> None:
    assert Selection(models="vgg16") == Selection(models=["vgg16"]) == Selection(models=("vgg16",))
    assert Selection("set", "vgg16").model == "vgg16"
    assert Selection().model is None


def test_of_several_models_none_is_the_one() -> None:
    with pytest.raises(UsageError, match=r"several models are named \(one, other\); expected only one"):
        _ = Selection(models=["one", "other"]).model


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"set": 5}, "set is 5; expected a name"),
        ({"scheme": 3}, "scheme is 3; expected a name"),
        ({"models": 5}, "model is 5; expected a name"),
        ({"models": ["tiny", 3]}, "model is 3; expected a name"),
        ({"models": {"tiny": 1}}, "model is {'tiny': 1}; expected a name"),
    ],
)
def test_what_is_no_name_is_refused_in_one_line(given: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=f"^{message.replace('{', chr(92) + '{')}$"):
        Selection(**given)
