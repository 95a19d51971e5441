"""A copy of an index under another name is an index everywhere, with the same values, and nothing else changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from support.commands import Outcome
from support.forks import Forks, forks_of
from support.moments import some_of
from support.random_study import RandomStudy, make_random_study
from toolbox.content import content_folder

REPOSITORY = Path(__file__).parents[2]
COPIED = ("d_prime", "auc", "lifetime_sparseness")
"""One index of each family."""


LIBRARIES = "duckdb, polars, pyarrow.parquet, rich.table, scipy.stats, typer"
"""Imported once; the toolbox in every process, as it reads the files of the indices then."""
PROGRAM = """
os.environ["COLUMNS"] = "500"

def run(arguments, stdout, stderr):
    for stream, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), stream)
    sys.argv = ["toolbox", *arguments]
    from toolbox.__main__ import main
    sys.exit(main())
"""


class Checkout:
    """A copy of the repository's code and content, and a study; its commands run in processes of their own."""

    def __init__(self, root: Path, study: RandomStudy, forks: Forks) -> None:
        self.root, self.study, self.forks = root, study, forks

    def run(self, *arguments: str) -> str:
        done = self.attempt(*arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def attempt(self, *arguments: str) -> Outcome:
        stdout, stderr = self.root / "stdout", self.root / "stderr"
        self.forks.start(arguments, stdout, stderr)
        code = self.forks.exit_code()
        return Outcome(stdout.read_text(encoding="utf-8"), stderr.read_text(encoding="utf-8"), code)

    def file(self, index: str) -> Path:
        return self.root / "queries/indices" / f"{index}.sql"

    def rows(self, query: str, *parameters: str) -> pl.DataFrame:
        options = [text for parameter in parameters for text in ("--param", parameter)]
        place = ("--study", str(self.study.folder.root), "--quiet", "--format", "json")
        return pl.read_json(self.run("query", query, *options, *place).encode())


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    root = tmp_path_factory.mktemp("checkout")
    shutil.copytree(REPOSITORY / "toolbox", root / "toolbox", ignore=shutil.ignore_patterns("__pycache__"))
    for kind in ("queries", "models", "datasets"):
        shutil.copytree(content_folder(kind), root / kind)
    for name in COPIED:
        text = (root / "queries/indices" / f"{name}.sql").read_text(encoding="utf-8")
        assert text.startswith(f"-- {name}: ")
        copy = root / "queries/indices" / f"{name}_copy.sql"
        copy.write_text(text.replace(f"-- {name}: ", f"-- {name}_copy: ", 1), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TOOLBOX_CACHE", str(tmp_path_factory.mktemp("cache")))
        study = make_random_study(tmp_path_factory.mktemp("study") / "study")
        with forks_of(PROGRAM, imports=LIBRARIES, root=root) as forks:
            yield Checkout(root, study, forks)


@pytest.mark.parametrize("name", some_of(COPIED, 3))
def test_the_copy_has_the_values_of_the_original(checkout: Checkout, name: str) -> None:
    sql = "select layer, filter, category, value from index_values('{}', 'maximum', 'filter') order by all"
    original, copy = (checkout.rows(sql.format(index)) for index in (name, f"{name}_copy"))
    assert original.height > 100
    assert copy.equals(original)


def test_queries_that_take_an_index_take_the_copy(checkout: Checkout) -> None:
    threshold = "threshold=0.65"
    original = checkout.rows("layers/profile", "index=d_prime", threshold)
    assert checkout.rows("layers/profile", "index=d_prime_copy", threshold).equals(original)
    agreement = checkout.rows("selectivity/agreement", "first=d_prime", "second=d_prime_copy")
    assert agreement["spearman"].to_list() == pytest.approx([1.0] * agreement.height)
    assert "auc_copy" in set(checkout.rows("selectivity/agreement")["first"])
    assert {"d_prime_copy", "auc_copy"} <= set(checkout.rows("selectivity/sanity", "repeats=1")["index"])
    wide = checkout.rows("selectivity/index")
    assert wide["d_prime_copy"].equals(wide["d_prime"])
    filters = checkout.rows("selectivity/filters")
    assert filters["lifetime_sparseness_copy"].equals(filters["lifetime_sparseness"])


@pytest.mark.long
def test_the_copy_is_resampled(checkout: Checkout) -> None:
    study = str(checkout.study.folder.root)
    for index in ("d_prime", "d_prime_copy"):
        checkout.run("significance", "--index", index, "--resamples", "20", "--study", study, "--quiet")
    original, copy = (
        checkout.rows("selectivity/significance", f"index={index}") for index in ("d_prime", "d_prime_copy")
    )
    assert original["p"].null_count() < original.height
    assert copy.equals(original)


def test_help_errors_and_descriptions_name_the_copy(checkout: Checkout) -> None:
    assert "d_prime_copy" in checkout.run("significance", "--help")
    assert checkout.run("query", "d_prime_copy", "--describe").startswith("d_prime_copy: ")
    assert "d_prime_copy" in checkout.run("query", "layers/profile", "--describe")
    with pytest.raises(AssertionError, match="expected one of auc, auc_copy, auprc"):
        checkout.rows("layers/profile", "index=selectivity")


@pytest.mark.long
def test_a_changed_formula_leaves_the_resampled_tables_unused_until_they_are_computed_again(
    checkout: Checkout,
) -> None:
    place = ("--study", str(checkout.study.folder.root))
    resampling = ("significance", "--index", "auc_copy", "--resamples", "20", *place, "--quiet")
    query = ("query", "selectivity/significance", "--param", "index=auc_copy", "--format", "csv", *place)
    checkout.run(*resampling)
    before = checkout.run(*query)
    file = checkout.file("auc_copy")
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("(rank_sum", "1 - (rank_sum"), encoding="utf-8")
    unused = checkout.attempt(*query)
    assert len(unused.stdout.splitlines()) == 1
    assert (
        "was computed with another formula of the index, so it is ignored; to compute it again:"
        in unused.stderr
    )
    checkout.run(*resampling)
    assert len(checkout.run(*query).splitlines()) == len(before.splitlines()) > 100
    assert checkout.run(*query) != before
    file.write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "--   needs ",
            "--   wants ",
            "the rows of Index are family, formula, range, chance, threshold, wants",
        ),
        ("sqrt((variance", "bogus((variance", "queries/indices/d_prime_copy.sql: Catalog Error"),
    ],
)
def test_a_broken_file_is_reported_in_one_line_by_every_command(
    checkout: Checkout, old: str, new: str, message: str
) -> None:
    file = checkout.file("d_prime_copy")
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")
    study = str(checkout.study.folder.root)
    done = checkout.attempt(
        "significance", "--index", "d_prime_copy", "--seed", "9", "--study", study, "--quiet"
    )
    file.write_text(text, encoding="utf-8")
    assert done.returncode != 0
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("error: ")
    assert message in done.stderr
