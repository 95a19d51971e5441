"""A card is data: whatever is in it, nothing is run, and what does not fit is refused in one line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from attacks.cards import CHAIN, SOURCE, WHEELS, hostile_cards
from toolbox.content import card
from toolbox.errors import CardError, DownloadError, ToolboxError
from toolbox.fetch import cached_path, check_source, fetch
from toolbox.network.card import layer_table, network
from toolbox.network.chain import full_graph
from toolbox.network.weights import load_weights


def examine(content: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """All that a command does with a card before it runs the network."""
    monkeypatch.setattr("toolbox.network.card.card", lambda *_: content)
    monkeypatch.setattr("toolbox.network.card.card_path", lambda *_: Path("cards/card.toml"))
    net = network("card")
    layer_table(net)
    for source in net.weights:
        assert source["format"] == "random" or cached_path(source).resolve().is_relative_to(
            Path.cwd() / "cache"
        )
    if net.graph is None:
        full_graph(net, load_weights(net, source="random:0"))


def test_no_value_of_a_card_ends_in_a_traceback(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "cache"))
    count = {"refused": 0, "accepted": 0}
    for changed, content in hostile_cards():
        try:
            examine(content, monkeypatch)
            count["accepted"] += 1
        except ToolboxError as error:
            assert str(error).isprintable(), changed
            count["refused"] += 1
    assert count["refused"] > 10 * count["accepted"] > 0
    assert [*tmp_path.iterdir()] == []  # nothing was written anywhere


@pytest.mark.parametrize("wheel", WHEELS)
def test_a_wheel_is_a_name_and_a_version_alone(wheel: str) -> None:
    with pytest.raises(CardError, match="expected name==version of a published wheel"):
        check_source({**SOURCE, "wheel": wheel})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"pip": ["--index-url", "http://127.0.0.1:9"]}, "unknown key 'pip'"),
        ({"tags": "--pre"}, "has tags = '--pre'; expected those in the name of a wheel"),
        ({"tags": "cp311-cp311-any --pre"}, "has tags"),
        ({"sha256": "../../../../etc"}, "expected 64 hexadecimal digits"),
        ({"member": "name/.."}, "has member = 'name/..'"),
        ({"url": "http://127.0.0.1:9/f"}, "has both url and wheel"),
        ({"bytes": True}, "has bytes = True"),
    ],
)
def test_no_key_of_a_source_reaches_pip_or_a_path_unchecked(change: dict[str, Any], message: str) -> None:
    with pytest.raises(CardError) as caught:
        check_source({**SOURCE, **change})
    assert message in str(caught.value)


def test_a_source_without_a_digest_is_refused() -> None:
    undigested = {key: value for key, value in SOURCE.items() if key != "sha256"}
    with pytest.raises(CardError, match="has no digest; add sha256"):
        check_source(undigested)


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "ftp://host/f", "http:///f", "http://host/..", "http://[x/f"]
)
def test_a_url_is_an_http_address_of_a_file(url: str) -> None:
    with pytest.raises(CardError, match="expected an address such as"):
        check_source({"url": url, "sha256": "ab" * 32, "bytes": 1})


def test_no_program_in_a_folder_named_in_a_card_or_in_the_current_one_is_run(
    tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip runs the setup.py of a folder that it downloads, and Python a module that is called pip."""
    program = f"open({str(tmp_path / 'run')!r}, 'w')"
    for folder in (tmp_path / "package", tmp_path / "name==1.0"):
        folder.mkdir()
        (folder / "setup.py").write_text(program)
    (tmp_path / "pip.py").write_text(program)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for wheel in (str(tmp_path / "package"), "./package"):
        with pytest.raises(CardError):
            fetch({**SOURCE, "wheel": wheel})
    with pytest.raises(DownloadError, match=r"pip could not download name==1\.0"):
        fetch(SOURCE)
    assert not (tmp_path / "run").exists()


def test_pip_is_called_with_closed_options(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[list[str]] = []

    def remember(command: list[str], **_: object) -> None:
        called.append(command)
        raise KeyboardInterrupt

    monkeypatch.setattr("toolbox.fetch.subprocess.run", remember)
    with pytest.raises(KeyboardInterrupt):
        fetch({**SOURCE, "tags": "cp311-cp311-manylinux_2_28_x86_64"})
    (command,) = called
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:"} <= set(command)
    assert command[-10:] == [
        "--implementation", "cp", "--python-version", "311", "--abi", "cp311", "--platform", "manylinux_2_28_x86_64",
        "--", "name==1.0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('name = "a"\nlike = "{path}"', "leads back to itself"),
        (f'name = "a"\nx = {"[" * 5000}{"]" * 5000}', "is not valid TOML"),
        (f'name = "a"\nx = {"9" * 5000}', "is not valid TOML"),
        (f'name = "a"\n{"a." * 100_000}a = 1', "is not valid TOML"),
        (f'name = "a"\n[{"a." * 100_000}a]', "is not valid TOML"),
        (f'name = "a"\nx = {{{"a . " * 100_000}a = 1}}', "is not valid TOML"),
        ('name = "a"\n' + "'a b' ." * 60_000 + "a = 1", "is not valid TOML"),
        (f'name = "a"\nx = "{"a" * 900_000}"\n{"a." * 9000}a = 1', "is not valid TOML"),
        (f'name = "a"\nx = "{"x" * 2**22}"', "is larger than 4 MB"),
    ],
)
def test_a_card_that_cannot_be_read_is_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "a.toml"
    path.write_text(text.replace("{path}", str(path)))
    with pytest.raises(CardError, match=message):
        card("models", str(path))


def test_cards_that_are_like_each_other_are_refused(tmp_path: Path) -> None:
    first, second = tmp_path / "first.toml", tmp_path / "second.toml"
    first.write_text(f'name = "first"\nlike = "{second}"')
    second.write_text(f'name = "second"\nlike = "{first}"')
    with pytest.raises(CardError, match="leads back to itself"):
        card("datasets", str(first))


def test_the_card_that_the_attacks_change_is_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "cache"))
    examine({**CHAIN, "digests": {}, "first_values": {}}, monkeypatch)
