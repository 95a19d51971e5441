"""The command line: what its commands do, and what goes to stdout and stderr. Runs in this process."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

from support.commands import run
from support.tiny_network import CARD
from toolbox import Study
from toolbox.store.parquet import provenance_of, read_table, write_table


@pytest.fixture
def extracted(study: Study, card: str, weights: str) -> str:
    """The directory of a study whose set `colours` was presented to the three-layer network."""
    study.extract("colours", model=card, weights=weights)
    return str(study.folder.root)


def test_the_whole_job_from_an_empty_directory(
    tmp_path: Path, photographs: Path, card: str, weights: str
) -> None:
    there = ["--study", str(tmp_path / "new")]
    run("init", str(tmp_path / "new"), "--title", 'Rot & "Grün"')
    assert "6 added, 0 known; now 6: green 3, red 3" in run(
        "ingest", str(photographs), "--set", "colours", *there
    ).stderr  # fmt: skip
    shown = run("extract", "colours", "--model", card, "--weights", weights, *there)
    assert shown.stdout == ""
    assert "responses of 8 filters in 3 layers of tiny to 6 stimuli; weights: tiny.npz" in shown.stderr
    assert "nothing to do" in run("extract", "colours", "--model", card, "--weights", weights, *there).stderr
    rows = run("query", "layers/profile", "--format", "csv", *there).stdout.splitlines()
    measured = (
        "filters,selective,proportion,low,high,chance,chance_low,chance_high,beyond_chance,dead,is_pool"
    )
    assert rows[0] == f"layer,category,{measured}"
    # Every filter of the map prefers its colour; the dense layer's second filter is dead.
    assert rows[1:] == [
        "colour,green,3,1,0.3333333333333333,,,,,,,0,FALSE",
        "colour,red,3,2,0.6666666666666666,,,,,,,0,FALSE",
        "pool,green,3,1,0.3333333333333333,,,,,,,0,TRUE",
        "pool,red,3,2,0.6666666666666666,,,,,,,0,TRUE",
        "sum,green,2,0,0.0,,,,,,,1,FALSE",
        "sum,red,2,1,0.5,,,,,,,1,FALSE",
    ]


def test_a_further_label_scheme_is_added_and_queried(extracted: str, tmp_path: Path) -> None:
    file = tmp_path / "warmth.csv"
    file.write_text("category,warmth,note\nred,warm,\ngreen,,not sure\n")
    asked = ["label", "colours", "--scheme", "warmth", "--source", str(file), "--study", extracted]
    told = run(*asked)
    assert told.stdout == ""
    assert told.stderr.splitlines() == [
        "not used: note; labels are 'warmth' by 'category' "
        "(columns of a table of stimuli are kept by: toolbox ingest TABLE)",
        "colours: 3 labelled, 3 unlabelled; warm 3; choose them in queries with --scheme warmth",
    ]
    assert "nothing to do: the set has these labels already" in run(*asked).stderr
    # all red images have the same green, so the second filter is dead among them
    rows = run("query", "layers/profile", "--scheme", "warmth", "--study", extracted, "--format", "csv")
    assert rows.stdout.splitlines()[1:] == [
        "colour,warm,3,0,0.0,,,,,,,1,FALSE",
        "pool,warm,3,0,0.0,,,,,,,1,TRUE",
        "sum,warm,2,0,0.0,,,,,,,1,FALSE",
    ]
    assert "all stimuli are of one category, warm" in rows.stderr
    file.write_text("category,warmth\nred,warm\ngreen,cold\n")
    assert "the scheme 'warmth' of colours already contains different labels" in run(*asked, code=2).stderr
    done = run(*asked, "--replace", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")
    assert "cold" in run("query", "sets/summary", "--study", extracted).stdout


def test_an_index_is_resampled_and_shown(extracted: str) -> None:
    there = ["--study", extracted]
    asked = ["query", "layers/profile", "--param", "threshold=0.05", "--format", "csv", *there]
    assert run(*asked).stderr.splitlines() == [
        "intervals and chance levels for this index and threshold are missing; to compute them: "
        "toolbox significance colours --threshold 0.05"
    ]
    told = run("significance", "colours", "--threshold", "0.05", "--resamples", "20", *there)
    assert told.stdout == ""
    # the pool repeats the map; of its three filters and the two of sum one is dead: four live ones, two colours
    note, first, second, following = told.stderr.splitlines()
    assert following == f"next: toolbox plot layers/significant --study {extracted}"
    assert note.endswith(
        "20 permutations give no p below 0.048, too large for 8 tests; raise resamples (--resamples)"
    )
    assert first.startswith("colours: contrast of 5 filters of tiny (1 dead), 20 resamples in ")
    assert re.fullmatch(
        r"of 8 tests \(filter x category\), \d have q < 0.05, \d an FWE-corrected p < 0.05", second
    )
    shown = run(*asked)
    assert "are not beyond chance" in shown.stderr and "missing" not in shown.stderr
    rows = list(csv.DictReader(io.StringIO(shown.stdout)))
    of_chance = ("chance", "chance_low", "chance_high", "beyond_chance")
    assert all(row[name] != "" for row in rows for name in of_chance)
    done = run("significance", "--quiet", "--resamples", "20", *there)
    assert (done.stdout, done.stderr) == ("", "")
    assert run(*asked).stderr == shown.stderr  # the threshold of the first run is kept


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["query", "layers/profle"], 2, "no query named 'layers/profle'; did you mean 'layers/profile'?"),
        (["query"], 2, "expected one of: the name of a query, SQL text, --file FILE, --list"),
        (["query", "layers/profile", "--param", "threshold"], 2, "--param 'threshold' has no value"),
        (
            ["query", "layers/profile", "--param", "threshold=low"],
            2,
            "$threshold is 'low'; expected a finite number",
        ),
        (
            ["query", "layers/profile", "--set", "color"],
            2,
            "no stimulus set named 'color'; did you mean 'colours'?",
        ),
        (
            ["significance", "--index", "selectivity"],
            2,
            "index is 'selectivity'; expected one of auc, auprc, balanced_share, contrast",
        ),
        (
            ["significance", "--statistic", "median"],
            2,
            "statistic is 'median'; expected one of maximum, mean",
        ),
        (["significance", "--normalise", "set"], 2, "normalise is 'set'; expected one of filter, layer"),
        (
            ["significance", "--resamples", "5"],
            2,
            "resamples is 5; expected 20 or more, or no p value could be below 0.05",
        ),
        (["significance", "--seed", "-1"], 2, "seed is -1; expected 0 or more"),
        (
            ["significance", "--threshold", "nan"],
            2,
            "threshold is [nan]; expected one finite number or more",
        ),
        (
            ["significance", "--threshold", "0.1", "--threshold", "5"],
            2,
            "threshold is 5; expected -1 to 1, the range of contrast",
        ),
        (["significance", "colors"], 2, "no stimulus set named 'colors'; did you mean 'colours'?"),
        (["significance", "--scheme", "warmth"], 2, "no label scheme named 'warmth'"),
        (["query", "drop table labels"], 1, "is refused: expected one SELECT, found DROP"),
        (["query", "select nothing from labels"], 1, "nothing"),
        (
            ["query", "select * from respones"],
            2,
            "no view or formula named 'respones'; did you mean 'responses'?",
        ),
        (["query", "select * from selectivty('mean', 'filter')"], 2, "did you mean 'selectivity'?"),
        (
            ["query", "filters/stimuli"],
            2,
            "needs a value for $filter, $layer; pass it as filter=…, layer=… (--filter … --layer …)",
        ),
        (["query", "--file", "none.sql"], 2, "no file none.sql; expected a .sql file with one SELECT"),
        (
            ["query", "select [1] as a", "--format", "csv"],
            1,
            "is List(Int32), which csv cannot hold; cast it",
        ),
        (
            ["query", "select 1", "--format", "csv", "--output", "."],
            2,
            ". is a directory; expected the name of a file",
        ),
        (
            ["query", "select 1", "--output", "rows.xlsx"],
            2,
            "no format 'xlsx' for files; expected csv, json, parquet",
        ),
        (["plot", "layers/profile", "--output", "figure.gif"], 2, ".gif"),
        (["plot", "layers/none"], 2, "no query named 'layers/none'"),
        (["ingest", "nowhere", "--set", "x"], 2, "nowhere"),
        (
            ["label", "colours", "--scheme", "x", "--source", "none.csv"],
            2,
            "none.csv does not exist; expected a table",
        ),
        (["label", "colors", "--scheme", "x", "--source", "none.csv"], 2, "no stimulus set named 'colors'"),
        (["plot", "replication/filters"], 2, "it is available in: toolbox replicate --reference FILE"),
        (
            ["query", "layers/profile", "--model", "tiny", "--model", "tiny"],
            2,
            "the model tiny is named twice",
        ),
        (["extract", "colors"], 2, "no stimulus set named 'colors'; did you mean 'colours'?"),
        (["extract", "colours", "--model", "VGG16"], 2, "named 'VGG16'; did you mean 'vgg16'?"),
        (["significance", "--index", "dprime"], 2, "welch_t; did you mean 'd_prime'?"),
        (["significance", "--statistic", "Mean"], 2, "expected one of maximum, mean; did you mean 'mean'?"),
    ],
)
def test_an_error_is_one_line_on_stderr(
    shared_study: str, arguments: list[str], code: int, message: str
) -> None:
    done = run(*arguments, "--study", shared_study, code=code)
    assert done.stdout == ""
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_directory_that_is_no_study_is_said(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    message = run("query", "sets/summary", "--study", str(tmp_path), code=2).stderr
    expected = (
        f"error: {tmp_path} is not a study (it has no study.toml); "
        "choose the directory of a study with --study, or with TOOLBOX_STUDY\n"
    )
    assert message == expected
    message = run("query", "sets/summary", "--study", str(tmp_path / "none"), code=2).stderr
    assert f"no study at {tmp_path / 'none'}; to make one: toolbox init {tmp_path / 'none'}" in message
    assert not (tmp_path / "none").exists()


def test_a_mistyped_study_is_never_made(tmp_path: Path, photographs: Path, cache: Path) -> None:
    arguments = ["ingest", str(photographs), "--set", "colours", "--study"]
    run("init", str(tmp_path / "my-study"))
    message = run(*arguments, str(tmp_path / "my-studdy"), code=2).stderr
    assert f"no study at {tmp_path / 'my-studdy'}; did you mean {tmp_path / 'my-study'}?" in message
    assert not (tmp_path / "my-studdy").exists()
    dry = run(*arguments, str(tmp_path / "new"), "--create", "--dry-run").stderr
    assert "6 added, 0 known; now 6: green 3, red 3" in dry
    assert "nothing was written; without --dry-run, the same command writes" in dry
    assert not (tmp_path / "new").exists()
    assert "6 added" in run(*arguments, str(tmp_path / "new"), "--create").stderr
    assert "0 added, 6 known" in run(*arguments, str(tmp_path / "new"), "--create").stderr


def test_damaged_responses_end_with_code_3(extracted: str) -> None:
    part = Path(extracted) / "responses" / "set=colours" / "model=tiny" / "part-0.parquet"
    content = bytearray(part.read_bytes())
    content[len(content) // 2] ^= 1
    part.write_bytes(content)
    message = run("query", "layers/profile", "--study", extracted, code=3).stderr
    assert "part-0.parquet is damaged: its bytes have changed since they were written" in message


def test_of_several_sets_the_first_is_meant_until_another_is_in_use(
    extracted: str, photographs: Path, card: str, weights: str
) -> None:
    there = ["--study", extracted]
    run("ingest", str(photographs), "--set", "again", *there)
    before = run("query", "layers/profile", "--format", "csv", *there)  # only one of them has responses
    run("extract", "again", "--model", card, "--weights", weights, *there)
    after = run("query", "layers/profile", "--format", "csv", *there)
    note = "the study holds several stimulus sets (again, colours); colours is used, as it was the first; "
    assert after.stdout == before.stdout
    assert note + "choose another with set=… (--set …), or with: toolbox use" in after.stderr
    assert run("use", *there).stdout.splitlines()[1:] == [
        "set     colours   the first; others: again",
        "model   tiny      the only one",
        "scheme  category  the only one",
    ]
    assert run("use", "again", *there).stdout.splitlines()[1] == "set     again     in use; others: colours"
    assert "(again, colours); again is in use" in run("query", "layers/profile", *there).stderr
    assert "several" not in run("query", "layers/profile", "--set", "colours", *there).stderr
    assert (
        "no stimulus set named 'agian'; did you mean 'again'?" in run("use", "agian", *there, code=2).stderr
    )


def test_of_several_sets_of_unknown_age_one_must_be_named(
    extracted: str, photographs: Path, card: str, weights: str
) -> None:
    there = ["--study", extracted]
    run("ingest", str(photographs), "--set", "again", *there)
    run("query", "layers/profile", *there)  # only one of them has responses
    run("extract", "again", "--model", card, "--weights", weights, *there)
    for plan in Path(extracted).rglob("plan.parquet"):  # as early versions wrote it
        origin = {name: value for name, value in provenance_of(plan).items() if name != "created"}
        write_table(plan, read_table(plan), origin)
    message = run("query", "layers/profile", *there, code=2).stderr
    assert message == (
        "error: the study holds several stimulus sets (again, colours); choose one with set=… (--set …), "
        "or for all commands with: toolbox use\n"
    )
    assert "must be named, or put in use; there are: again, colours" in run("use", *there).stdout
    run("use", "again", *there)
    run("query", "layers/profile", *there)
    run("query", "layers/profile", "--set", "again", *there)


def test_a_removal_is_described_and_needs_a_yes(extracted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    there = ["--study", extracted]
    refused = run("remove", "set", "colours", *there, code=2)
    assert refused.stdout == ""
    told, kept, error = refused.stderr.splitlines()
    start = r"to be deleted: set colours: 6 stimuli; label schemes: category; responses: tiny"
    assert re.fullmatch(rf"{start}; \d+ files, \d+ kB", told)
    assert kept == "not deleted: images"
    assert error == "error: there is no terminal to ask before deleting; to delete without a question: --yes"
    assert "nothing was deleted" in run("remove", "model", "tiny", "--dry-run", *there).stderr
    assert "model   tiny" in run("use", *there).stdout
    monkeypatch.setattr("sys.stdin", Terminal("n\n"))
    assert "Delete this? [y/N]" in run("remove", "model", "tiny", *there, code=1).stderr
    assert "model   tiny" in run("use", *there).stdout
    monkeypatch.setattr("sys.stdin", Terminal("y\n"))
    assert (
        "to be deleted: model tiny of colours: its responses" in run("remove", "model", "tiny", *there).stderr
    )
    assert run("use", *there).stdout.splitlines()[2] == "model   -         none yet"
    assert run("remove", "set", "colours", "--yes", *there).stderr.splitlines()[-1] == "deleted"
    assert "the study has no stimulus set yet" in run("query", "from stimuli", *there, code=2).stderr


class Terminal(io.StringIO):
    """What a user types into a terminal."""

    def isatty(self) -> bool:
        return True


def test_quiet_says_nothing_but_errors(extracted: str, photographs: Path) -> None:
    done = run("ingest", str(photographs), "--set", "colours", "--study", extracted, "--quiet")
    assert (done.stdout, done.stderr) == ("", "")


def test_a_plot_is_written_and_its_name_printed(shared_study: str, tmp_path: Path) -> None:
    path = tmp_path / "figures" / "profile.svg"
    assert run("plot", "layers/profile", "--study", shared_study, "--output", str(path)).stdout == f"{path}\n"
    assert "Proportion of category-selective filters" in path.read_text()


def test_a_query_describes_itself(shared_study: str) -> None:
    told = run("query", "layers/profile", "--describe").stdout
    assert told.startswith("Proportion of category-selective filters in every layer.\n")
    assert "$threshold" in told
    assert "--" not in told


def test_ones_own_file_is_run_the_same_way(shared_study: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.sql"
    file.write_text(
        "-- How many stimuli.\n--\n-- Parameters\n--   $category  varchar  {labels.category}  which\n"
        "-- Columns\n--   n  bigint  stimuli\nselect count(*)::bigint as n from labels where category = $category\n"
    )
    asked = ["query", "--file", str(file), "--study", shared_study, "--format", "csv"]
    assert run(*asked, "--param", "category=red").stdout == "n\n3\n"
    assert (
        "no category named 'rd'; did you mean 'red'?" in run(*asked, "--param", "category=rd", code=2).stderr
    )


def test_models_are_shown_and_exported(card: str, weights: str, tmp_path: Path) -> None:
    assert "vgg16-untrained" in run("model", "list").stdout
    shown = run("model", "show", "vgg16")
    assert "block5_conv3" in shown.stdout
    assert "Simonyan and Zisserman (2015)" in shown.stderr
    assert "input: 224 x 224 (nearest, stretch), (BGR - (103.939, 116.779, 123.68)) * 1\n" in shown.stderr
    scaled = "(RGB - (123.675, 116.28, 103.53)) * (0.0171248, 0.017507, 0.0174292)\n"
    shown = run("model", "show", "vgg16-torchvision").stderr
    assert scaled in shown
    assert "weights: the card names no source; choose a file with --weights FILE" in shown
    full = tmp_path / "full.onnx"
    assert run("model", "export", card, "--full", str(full), "--weights", weights).stdout == f"{full}\n"
    assert full.stat().st_size > 0


@pytest.fixture
def published(tmp_path: Path) -> str:
    """A table that knows red of the first layer under another name, and something else."""
    rows = [(0, "rouge", 0.5), (1, "rouge", -0.5), (2, "rouge", 0.4), (0, "blue", 0.1)]
    lines = [f"colour,{number},{label},{value}" for number, label, value in rows]
    (tmp_path / "published.csv").write_text("\n".join(["layer,filter,label,selectivity", *lines]) + "\n")
    return str(tmp_path / "published.csv")


def test_a_published_table_is_replicated(shared_study: str, published: str, tmp_path: Path) -> None:
    asked = ["replicate", "--reference", published, "--map", "rouge=red", "--study", shared_study]
    figure = tmp_path / "figures" / "scatter.svg"
    done = run(*asked, "--threshold", "0.45", "--count", "2", "--figure", str(figure), "--format", "csv")
    header, red, pooled = (line.split(",") for line in done.stdout.splitlines())
    assert header[:4] == ["layer", "category", "filters", "unpaired"]
    assert (red[:4], red[6:], pooled[1]) == (["colour", "red", "3", "0"], ["1.0", "2", "1"], "all")
    assert done.stderr.splitlines() == [
        f"left out, as colours has no such category: blue (of {published}); "
        "map={LABEL: CATEGORY} (--map LABEL=CATEGORY) names a counterpart",
        f"left out, as {published} has no such category: green (of colours)",
        f"figure: {figure}",
    ]
    assert ">colour, r = " in figure.read_text()
    run(*asked, "--filters", "--quiet", "--output", str(tmp_path / "filters.parquet"))
    assert pl.read_parquet(tmp_path / "filters.parquet")["there"].to_list() == [0.5, -0.5, 0.4]
    provenance = json.loads(pq.read_metadata(tmp_path / "filters.parquet").metadata[b"toolbox"])
    assert provenance["reference"]["map"] == {"rouge": "red"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--map", "rouge"], "--map 'rouge' has no value; expected LABEL=CATEGORY"),
        (["--map", "rouge=rot"], "no category of colours named 'rot'"),
        (["--map", "noir=red"], "no label of "),
        ([], "in common; name counterparts with map={LABEL: CATEGORY} (--map LABEL=CATEGORY)"),
        (["--map", "rouge=red", "--index", "share1"], "$index is 'share1'; expected one of auc, auprc"),
        (["--map", "rouge=red", "--figure", "scatter.gif"], ".gif"),
    ],
)
def test_a_table_that_cannot_be_replicated_is_one_line(
    options: list[str], message: str, shared_study: str, published: str
) -> None:
    done = run("replicate", "--reference", published, *options, "--study", shared_study, "--quiet", code=2)
    assert message in done.stderr
    assert done.stderr.count("\n") == 1


def test_two_models_are_compared(extracted: str, study: Study, weights: str, tmp_path: Path) -> None:
    card = tmp_path / "twin.toml"
    card.write_text(CARD.read_text().replace('name = "tiny"', 'name = "twin"'))
    study.extract("colours", model=str(card), weights=weights)
    both = ["--model", "tiny", "--model", "twin", "--study", extracted]
    rows = run("query", "layers/profile", *both, "--format", "csv").stdout.splitlines()
    columns = rows[0].split(",")
    assert [columns[0], *columns[-2:]] == ["model", "depth", "counterpart"]
    assert [row.split(",")[0] for row in rows[1:]] == ["tiny"] * 6 + ["twin"] * 6
    figure = tmp_path / "figure.svg"
    run("plot", "layers/profile", *both, "--output", str(figure))
    assert all(f">{model}<" in figure.read_text() for model in ("tiny", "twin"))
    assert (
        "the study holds several models (tiny, twin); tiny is used, as it was the first"
        in run("query", "layers/profile", "--study", extracted).stderr
    )
