"""`toolbox model check`: the table, the exit codes, and what is said of a difference over its bound."""

from __future__ import annotations

import pytest

from support.commands import run
from support.faulty_session import use_faulty_sessions
from support.needs import needs_bf16, needs_no_bf16
from toolbox.errors import DeviceError, ToolboxError, UnknownNameError, UsageError, VerificationError
from toolbox.setup.checking import ModelCheck, check_fidelity, check_model
from toolbox.setup.differences import Comparison


def test_a_sound_network_passes(card: str, weights: str) -> None:
    steps: list[tuple[str, int, int]] = []
    found = check_model(card, weights=weights, images=3, progress=lambda *step: steps.append(step))
    check_fidelity(found)
    table = found.table()
    assert table.columns == ["comparison", "statistic", "difference", "layer", "bound", "ok"]
    assert table["ok"].to_list() == [True] * 9
    assert "batch of 1 vs batch of 3" in table["comparison"].to_list()
    assert (found.model, found.weights, found.images) == ("tiny", "tiny.npz", 3)
    assert steps[0] == ("check", 0, 7)
    assert steps[-1] == ("check", 7, 7)
    assert [done for _, done, _ in steps] == sorted(done for _, done, _ in steps)


def test_layers_are_chosen_as_everywhere(card: str, weights: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use_faulty_sessions(monkeypatch, "pool", lambda run: run.threads == 2)
    check_fidelity(check_model(card, layers=["colour", "sum"], weights=weights))
    with pytest.raises(VerificationError, match=r"one thread vs two: the m.* of pool differs by 0.001 of"):
        check_fidelity(check_model(card, layers=["p*"], weights=weights))
    with pytest.raises(UnknownNameError):
        check_model(card, layers=["block9"], weights=weights)


def test_one_image_is_too_few(card: str, weights: str) -> None:
    with pytest.raises(UsageError, match="images is 1; expected 2 or more"):
        check_model(card, weights=weights, images=1)


def test_the_command_prints_the_table_and_ends_with_0(card: str, weights: str) -> None:
    done = run("model", "check", card, "--weights", weights, "--images", "2")
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["comparison", "statistic", "difference", "layer", "bound", "ok"]
    assert len(rows) == 9
    assert "2 images of noise were presented to tiny; weights: tiny.npz" in done.stderr


def test_the_command_ends_with_3_over_a_bound_and_names_the_layer(
    card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_faulty_sessions(monkeypatch, "sum", lambda run: run.threads == 2)
    told = run("model", "check", card, "--weights", weights, "--quiet", code=3)
    assert len(told.stdout.splitlines()) == 10
    (line,) = told.stderr.splitlines()
    assert line.startswith("error: tiny: one thread vs two: the ")
    assert "of sum differs by 0.001 of the layer's largest value; expected at most 1e-06" in line


def test_one_bit_is_too_much_between_what_is_extracted_and_the_images(
    card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_faulty_sessions(monkeypatch, "sum", lambda run: run.of_pixels)
    found = check_model(card, weights=weights, images=2)
    with pytest.raises(
        VerificationError,
        match=r"pixels presented by 2 workers .* of sum differs by 0.001 .*expected at most 0;",
    ):
        check_fidelity(found)
    assert [entry.bound for entry in found.comparisons if entry.comparison.startswith("pixels")] == [0, 0]
    assert [entry.comparison.split()[0] for entry in found.comparisons if not entry.ok] == [
        "pixels",
        "pixels",
    ]


def test_a_precision_that_the_processor_lacks_is_refused_at_once(weights: str, card: str) -> None:
    with pytest.raises(DeviceError, match="precision 'tf32' needs a GPU"):
        check_model(card, weights=weights, device="cpu", precision="tf32")
    with pytest.raises(UsageError, match="unknown precision 'int8'"):
        check_model(card, weights=weights, device="cpu", precision="int8")


@needs_bf16
def test_bf16_is_compared_with_float32(weights: str, card: str) -> None:
    found = check_model(card, weights=weights, device="cpu", precision="bf16")
    assert found.comparisons[-1].comparison == "bf16 vs float32"
    check_fidelity(found)


@needs_no_bf16
def test_bf16_is_refused_where_the_processor_lacks_it(weights: str, card: str) -> None:
    with pytest.raises(DeviceError, match="precision 'bf16' needs"):
        check_model(card, weights=weights, device="cpu", precision="bf16")


def test_a_comparison_that_could_not_be_made_is_an_error_of_its_own() -> None:
    done = Comparison("one thread vs two", "map", 0.0, "", 1e-6)
    missing = Comparison("not compared: numpy cannot", "map", None, "", 1e-4)
    check = ModelCheck("net", "a file", 2, (done, missing))
    assert check.table()["difference"].to_list() == [0.0, None]
    assert check.table()["ok"].to_list() == [True, False]
    with pytest.raises(
        ToolboxError, match="net: not compared: numpy cannot; all other comparisons"
    ) as caught:
        check_fidelity(check)
    assert caught.value.exit_code == 1
    over = Comparison("batches", "map", 0.5, "a", 0.0)
    with pytest.raises(VerificationError, match=r"the map of a differs by 0\.5"):
        check_fidelity(ModelCheck("net", "a file", 2, (missing, over)))
