"""toolbox model add: the table on stdout, what is asked on stderr, and the network at work in the other commands."""

from __future__ import annotations

from pathlib import Path

import onnx
import pytest

from support.commands import run
from support.foreign_graphs import SIDE, residual, saved, transformer


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "own models"
    monkeypatch.setenv("TOOLBOX_MODELS", str(folder))
    return folder


@pytest.fixture
def graph(tmp_path: Path) -> str:
    return str(saved(residual(), tmp_path / "net.onnx"))


def test_without_a_choice_the_table_is_shown_and_the_choice_asked_for(own: Path, graph: str) -> None:
    shown = run("model", "add", graph, "--name", "net", code=2)
    header, *rows = shown.stdout.splitlines()
    assert header.split() == [
        "layer", "position", "kind", "operator", "filters", "height", "width", "stride", "receptive_field", "before",
        "after",
    ]  # fmt: skip
    assert rows[3].split()[:9] == ["layer1.0.act_1", "4", "sum", "Relu", "8", "8", "8", "4", "27"]
    assert shown.stderr.count("\n") == 1
    assert "choose activation=after (the input of the next layer" in shown.stderr
    assert "choose the preprocessing used in training with" in run(
        "model", "add", graph, "--name", "net", "--activation", "after", code=2
    ).stderr  # fmt: skip
    assert not own.exists()


def test_without_a_name_the_table_alone_is_shown(own: Path, graph: str) -> None:
    shown = run("model", "add", graph)
    assert len(shown.stdout.splitlines()) == 9
    assert shown.stderr.splitlines() == [
        "to add it: --name NAME --activation after|before --preprocessing caffe|torch|tf|unit|none"
    ]
    assert not own.exists()


def test_a_broken_card_is_one_line_beside_the_list(own: Path) -> None:
    own.mkdir()
    (own / "broken.toml").write_text("no TOML at all")
    shown = run("model", "list")
    assert "vgg16" in {line.split()[0] for line in shown.stdout.splitlines()}
    assert shown.stderr.count("\n") == 1
    assert shown.stderr.startswith(f"left out: {own / 'broken.toml'} is not valid TOML")


def test_an_added_network_works_in_every_command(
    own: Path, graph: str, tmp_path: Path, photographs: Path, cache: Path
) -> None:
    done = run("model", "add", graph, "--name", "net", "--activation", "after", "--preprocessing", "torch")
    assert done.stdout.splitlines()[1].split()[0] == "stem.act"
    assert done.stderr.splitlines() == [
        f"net: 73 filters in 8 layers; its card is {own / 'net.toml'}",
        "next: toolbox extract SET --model net",
    ]
    assert run("model", "list").stdout.splitlines()[-1].split() == ["net", "net.onnx", "8", "73"]
    shown = run("model", "show", "net")
    assert shown.stdout.splitlines()[2].split() == ["stem.pool", "2", "pool", "8", "8", "8", "4", "11"]
    (file,) = own.glob("net-*.onnx")
    assert f"graph: {file} (recorded after the activation functions)" in shown.stderr
    study = ["--study", str(tmp_path / "study")]
    run("ingest", str(photographs), "--set", "colours", "--create", *study)
    told = run("extract", "colours", "--model", "net", "--layers", "layer*", *study).stderr
    assert "responses of 40 filters in 4 layers of net to 6 stimuli; weights: the graph" in told
    rows = run("query", "layers/profile", "--format", "csv", *study).stdout.splitlines()
    assert {row.split(",")[0] for row in rows[1:]} == {
        "layer1.0.act", "layer1.0.act_1", "layer2.0.act", "layer2.0.act_1",
    }  # fmt: skip
    figure = tmp_path / "profile.html"
    run("plot", "layers/profile", "--output", str(figure), *study)
    assert "layer2.0.act_1" in figure.read_text()
    exported = run("model", "export", "net", "--pooled", str(tmp_path / "pooled.onnx"), "--layers", "fc")
    assert "weights: the graph" in exported.stderr
    assert [output.name for output in onnx.load(tmp_path / "pooled.onnx").graph.output] == [
        "fc.maximum",
        "fc.mean",
    ]
    refused = run("extract", "colours", "--model", "net", "--weights", "random:0", *study, code=2)
    assert refused.stderr.count("\n") == 1
    assert "are in its graph and cannot be replaced" in refused.stderr


def test_tokens_and_sizes_are_said(own: Path, tmp_path: Path) -> None:
    path = str(saved(transformer(), tmp_path / "tokens.onnx"))
    choices = ["--activation", "before", "--preprocessing", "unit", "--resize", "lanczos"]
    done = run("model", "add", path, "--name", "tokens", *choices)
    assert (
        "3 layers have tokens instead of maps; maximum and mean are taken over their 17 tokens" in done.stderr
    )
    assert 'resize = "lanczos"' in (own / "tokens.toml").read_text()
    assert (
        run("model", "add", path, "--name", "tokens", *choices, code=2).stderr.count("\n") == 2
    )  # tokens, and there
    assert "its card is" in run("model", "add", path, "--name", "tokens", *choices, "--replace").stderr
    free = str(saved(residual(shape=("n", 3, "h", "w")), tmp_path / "free.onnx"))
    asked = run("model", "add", free, "--name", "free", *choices, code=2)
    assert "choose the size used in training, such as size='224' (--size 224)" in asked.stderr
    run("model", "add", free, "--name", "free", *choices, "--size", str(SIDE))


def test_a_file_that_is_no_graph_is_one_line(own: Path, tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_text("no graph")
    failed = run("model", "add", str(tmp_path / "net.onnx"), "--name", "net", code=2)
    assert failed.stderr.count("\n") == 1
    assert "is not an ONNX file" in failed.stderr
