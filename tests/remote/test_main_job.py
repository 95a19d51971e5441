"""A study in object storage is used as one in a directory, and gives the same values."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from s3fs import S3FileSystem

from support.commands import run
from support.object_storage import SECRET, storage
from toolbox import Study
from toolbox.errors import ObjectStorageError, VerificationError
from toolbox.remote import fetching

QUERIES = ("layers/profile", "filters/representative", "layers/significant")
SQL = "select layer, filter, stimulus_id, maximum, mean from responses order by all"

pytestmark = pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
Fill = Callable[[str | Path], Study]


@pytest.fixture
def fill(photographs: Path, card: str, weights: str) -> Fill:
    """Makes a study at a place: ingests, extracts and resamples."""

    def made(place: str | Path) -> Study:
        study = Study(place, create=True)
        study.ingest(photographs, set="colours")
        study.extract("colours", model=card, weights=weights)
        study.significance("colours", resamples=20)
        return study

    return made


@pytest.fixture
def another_computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Goes on as on a computer that has seen nothing of the study yet."""

    def go_on() -> None:
        monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "another cache"))

    return go_on


@pytest.fixture
def placeholders(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every table were large."""
    monkeypatch.setattr(fetching, "LARGEST_WHOLE", 0)


def answers(study: Study) -> list[object]:
    """The rows of queries."""
    return [study.query(name).rows() for name in (*QUERIES, SQL)]


def test_every_answer_is_that_of_a_local_study(
    address: str, tmp_path: Path, fill: Fill, another_computer: Callable[[], None]
) -> None:
    expected = answers(fill(tmp_path / "local"))
    assert answers(fill(address)) == expected
    another_computer()
    study = Study(address)
    assert answers(study) == expected
    assert study.verify(thorough=True).is_intact


def test_blocks_are_read_from_the_storage_and_kept(
    address: str, fill: Fill, another_computer: Callable[[], None], placeholders: None
) -> None:
    expected = answers(fill(address))
    another_computer()
    study = Study(address)
    parts = sorted(study.folder.root.glob("responses/*/*/part-*.parquet"))
    assert parts and not any(any(part.read_bytes()) for part in parts)  # zeros, of the right number
    assert answers(study) == expected
    assert all(part.read_bytes().startswith(b"PAR1") for part in parts)
    assert study.verify(thorough=True).is_intact


@pytest.mark.long
def test_the_whole_main_job_by_its_commands(
    address: str, tmp_path: Path, photographs: Path, card: str, weights: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = (f"{path.as_posix()},{path.stem[-1]}" for path in sorted(photographs.rglob("*.png")))
    (tmp_path / "labels.csv").write_text("\n".join(["path,category", *lines]))
    printed: dict[str, list[str]] = {"my-study": [], address: []}
    for study, texts in printed.items():
        monkeypatch.setenv("TOOLBOX_STUDY", study)
        run("ingest", str(photographs), "--set", "colours", "--create")
        run("extract", "colours", "--model", card, "--weights", weights)
        run("label", "colours", "--scheme", "number", "--source", "labels.csv")
        run("significance", "--resamples", "20")
        run("properties", "colours")
        for name in QUERIES:
            texts.append(run("query", name, "--scheme", "category").stdout)
        texts.append(run("query", "layers/profile", "--scheme", "number").stdout)
        texts.append(run("query", SQL).stdout)
        run("plot", "layers/profile", "--output", "profile.svg")
        run("report", "--output", "report.html")
        run("share", "--with", "responses", "--output", f"bundle-{len(study)}.zip")
        run("use", "colours", "--scheme", "number")
        assert "no problem" in run("verify", "--thorough").stderr
        run("remove", "scheme", "number", "--yes")
        assert "no problem" in run("verify").stderr
    assert printed[address] == printed["my-study"]
    assert not list(tmp_path.glob("s3:*"))
    left = [*(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())]
    left += storage().cat(storage().find(address)).values()
    assert len(left) > 30
    assert not [content for content in left if SECRET.encode() in content or b"object-storage" in content]


@pytest.mark.long
def test_a_local_study_that_was_copied_is_one(address: str, tmp_path: Path, fill: Fill) -> None:
    local = fill(tmp_path / "local")
    storage().put(f"{tmp_path / 'local'}/", f"{address}/", recursive=True)
    study = Study(address)
    assert answers(study) == answers(local)
    assert study.verify(thorough=True).is_intact


@pytest.mark.long
def test_several_processes_extract_into_one_study(
    address: str, fill: Fill, tmp_path: Path, photographs: Path, card: str, weights: str
) -> None:
    expected = answers(fill(tmp_path / "local"))
    study = Study(address, create=True)
    study.ingest(photographs, set="colours")
    study.extract("colours", model=card, weights=weights, part=2, engine="processes", workers=2)
    study.significance("colours", resamples=20)
    assert answers(study) == expected
    assert study.verify(thorough=True).is_intact
    assert not [
        name
        for name in storage().find(address)
        if "draft" in name or ".lock" in name or ".uncommitted" in name
    ]


@pytest.mark.long
def test_jobs_of_several_computers_extract_into_one_study(
    address: str,
    fill: Fill,
    tmp_path: Path,
    photographs: Path,
    card: str,
    weights: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = answers(fill(tmp_path / "local"))
    Study(address, create=True).ingest(photographs, set="colours")
    monkeypatch.setattr("toolbox.store.plan.SMALLEST_PART", 2)
    for job in ("1/2", "0/2"):
        monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / f"cache of {job[0]}"))
        Study(address).extract("colours", model=card, weights=weights, part=job)
    study = Study(address)
    study.significance("colours", resamples=20)
    assert answers(study) == expected
    assert study.verify(thorough=True).is_intact


@pytest.mark.long
def test_what_a_storage_shows_as_folders_is_nothing(address: str, fill: Fill) -> None:
    """SeaweedFS reports them; the pages of S3 make objects of them."""
    Study(address, create=True)
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    for folder in ("", "plans/", "plans/.uncommitted/", "runs/", "responses/"):
        storage().call_s3("put_object", Bucket=bucket, Key=f"{prefix}/{folder}", Body=b"")
    study = fill(address)
    assert study.verify(thorough=True).is_intact


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (("plot", "layers/profile", "--study", "{study}"), "profile.svg"),
        (("share", "--study", "{study}"), "bundle"),
        (("export", "colours", "--as", "npy", "--study", "{study}"), "responses"),
        (("merge", "{study}", "{study}"), "both"),
    ],
    ids=("plot", "share", "export", "merge"),
)
def test_a_result_is_never_written_to_an_address(
    address: str,
    fill: Fill,
    tmp_path: Path,
    command: tuple[str, ...],
    name: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    fill(address)
    words = [word.format(study=address) for word in command]
    line = run(*words, "--output", f"s3://laboratory/{name}", code=2).stderr.splitlines()[-1]
    assert line.startswith(f"error: s3://laboratory/{name} is an address, and only studies can be in object")
    assert not list(tmp_path.glob("s3:*"))


def test_a_damaged_object_ends_a_query(
    address: str, fill: Fill, another_computer: Callable[[], None], placeholders: None
) -> None:
    fill(address)
    (part,) = storage().glob(f"{address}/responses/*/*/part-0.parquet")
    content = bytearray(storage().cat_file(part))
    content[len(content) // 2] ^= 1
    storage().pipe_file(part, bytes(content))
    another_computer()
    study = Study(address)
    with pytest.raises(VerificationError, match=rf"^{address}/responses/.*part-0.parquet is damaged"):
        study.query(SQL)
    assert "part-0.parquet" in str(study.verify().problems) or not study.verify(thorough=True).is_intact


@pytest.mark.long
def test_without_the_cache_every_reader_asks_the_storage(
    address: str, fill: Fill, placeholders: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(fetching.NO_CACHE, "1")
    study = fill(address)
    first = answers(study)
    parts = sorted(study.folder.root.glob("responses/*/*/part-*.parquet"))
    assert parts and not any(any(part.read_bytes()) for part in parts)
    assert answers(study) == first


def test_a_reader_without_the_permission_to_write_gets_his_answers(
    address: str, fill: Fill, another_computer: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = answers(fill(address))
    another_computer()
    original = S3FileSystem._call_s3

    async def call(self: S3FileSystem, method: str, *arguments: object, **options: object) -> object:
        if not method.startswith(("get_", "head_", "list_")):
            raise PermissionError("Access Denied")
        return await original(self, method, *arguments, **options)

    monkeypatch.setattr(S3FileSystem, "_call_s3", call)
    monkeypatch.setattr(S3FileSystem, "call_s3", call)
    study = Study(address)
    for file in study.folder.root.glob("rollups/**/*.parquet"):
        file.unlink()
    assert answers(study) == expected
    with pytest.raises(ObjectStorageError, match=f"{address}: access is refused; check the credentials"):
        study.use("colours")
