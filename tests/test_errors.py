"""What an error suggests: a name that was probably meant, and commands that a shell reads as they are."""

from __future__ import annotations

import shlex

import pytest

from toolbox.errors import UnknownNameError, command_line, nearest_name

INDICES = ["auc", "auprc", "contrast", "d_prime", "welch_t"]


@pytest.mark.parametrize(
    ("written", "known", "meant"),
    [
        ("dprime", INDICES, "d_prime"),
        ("D-Prime", INDICES, "d_prime"),
        ("AUC", INDICES, "auc"),
        ("contrsat", INDICES, "contrast"),
        ("VGG16", ["vgg11", "vgg16", "vgg16-torchvision"], "vgg16"),
        ("vgg 16", ["vgg11", "vgg16"], "vgg16"),
        ("Block5 Conv3", ["block5_conv2", "block5_conv3"], "block5_conv3"),
        ("GESICHTER", ["gesichter", "häuser"], "gesichter"),
        ("HÄUSER", ["gesichter", "häuser"], "häuser"),
        ("a-b", ["a_b", "A B"], "a_b"),
        ("resnet", INDICES, None),
        ("", INDICES, None),
        ("auc", [], None),
    ],
)
def test_the_nearest_name_is_found_whatever_its_case_and_separators(
    written: str, known: list[str], meant: str | None
) -> None:
    assert nearest_name(written, known) == meant


def test_an_unknown_name_suggests_the_name_that_was_meant() -> None:
    assert str(UnknownNameError("model", "VGG16", ["vgg11", "vgg16"])) == (
        "no model named 'VGG16'; did you mean 'vgg16'?"
    )


@pytest.mark.parametrize("name", ["pets", "my pets", "it's", "$HOME", "a;b", "*", "Тест", "-x", ""])
def test_a_suggested_command_is_read_by_a_shell_as_it_is(name: str) -> None:
    assert shlex.split(command_line("extract", name, "--study", "a b")) == [
        "toolbox", "extract", name, "--study", "a b",
    ]  # fmt: skip
