"""Verifying all files of a study. Owns what is compared, and what a file that belongs to nothing is; changes no file.

Quick: every table that is small, every record, the presence and the size of every part, and what lies in the folders
without belonging to the study. Thorough: also every byte of every part, the digest of the values in it, and
roll-ups computed again from responses and labels.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from toolbox.display import Report
from toolbox.errors import MixtureError, ToolboxError, VerificationError
from toolbox.files import mirror_of, read_json
from toolbox.store.availability import available_responses
from toolbox.store.checksums import TREE, present_digest, table_of
from toolbox.store.columns import RELATION_TABLES
from toolbox.store.contents import unfinished_replacements
from toolbox.store.folder import RESAMPLE_FOLDERS, ExtractionFolder, StudyFolder
from toolbox.store.imported_rollups import check_imported_rollup, imported_record, read_imported_rollups
from toolbox.store.labels import read_labels
from toolbox.store.parquet import read_table_and_origin
from toolbox.store.plan import Plan, read_digests, read_plan
from toolbox.store.properties import verify_measurement
from toolbox.store.records import planned_record
from toolbox.store.remedies import remedy_for
from toolbox.store.rendered import read_picture_record
from toolbox.store.resamples import Labelling
from toolbox.store.rollup_comparison import rollup_difference
from toolbox.store.rollups import roll_up
from toolbox.store.verified import verified_digest

_TABLES = {
    "stimuli": ("set=*/stimuli.parquet",),
    "properties": ("set=*/properties.parquet", "set=*/measured.parquet"),
    "labels": ("set=*/scheme=*/labels.parquet",),
    "parameters": ("set=*/parameter=*/observations.parquet",),
    "plans": (
        "set=*/model=*/plan.parquet",
        "set=*/model=*/draft.parquet",
        "set=*/model=*/replacement/plan.parquet",
    ),
    "rollups": ("set=*/model=*/scheme=*/rollup.parquet",),
    **dict.fromkeys(RESAMPLE_FOLDERS.values(), ("set=*/model=*/scheme=*/*-*-*.parquet",)),
    **dict.fromkeys(RELATION_TABLES, ("set=*/model=*/scheme=*/*-*.parquet",)),
    "layers": ("model=*/layers.parquet",),
}
"""Tree of the study -> its small tables."""
_OTHERS = {
    "responses": ("set=*/model=*/part-*.parquet",),
    "plans": (
        "set=*/model=*/part-*.json",
        "set=*/model=*/rollups.json",
        "set=*/model=*/replacement/*",
        "commit*.json",
    ),
    "rendered": ("model=*/layer=*/*.json", "model=*/layer=*/*.png"),
    "runs": ("*.json",),
    TREE: ("*/*=*/**/*.json",),
}
"""Tree -> its other files."""


_UNFINISHED = "run the extraction again, unless it is running"
"""What to do about a part that a killed run began."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong in a study.

    Attributes:
        file: path in the study.
        problem: what is wrong.
        remedy: what to do.
    """

    file: str
    problem: str
    remedy: str

    def __str__(self) -> str:
        """One line."""
        return f"{self.file} {self.problem}; {self.remedy}"


@dataclass(frozen=True)
class Verification(Report):
    """What was verified in a study, and what is wrong.

    Attributes:
        files: number of files that were compared with their digests, or that belong to nothing.
        thorough: whether every byte of the responses was compared.
        problems: what is wrong, in the order of the files.
        notes: what is not wrong, but unfinished.
    """

    files: int
    thorough: bool
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_intact(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems


def verify(study: StudyFolder, *, thorough: bool = False) -> Verification:
    """Compare the files of a study with their digests, records and plans.

    Args:
        study: the study.
        thorough: whether every byte of the responses is read.
    """
    found = _Findings(study.root)
    for file in _tables(study):
        found.check(file, partial(_verify_table, study, file))
    for file in sorted((*study.root.glob("runs/*.json"), *study.root.glob(".removing/*.json"))):
        found.check(file, partial(read_json, file, remedy_for(file)))
    _verify_pictures(found, study)
    for set_folder in sorted((study.root / "plans").glob("set=*")):
        for model_folder in sorted(set_folder.glob("model=*")):
            set_name, model = (folder.name.partition("=")[2] for folder in (set_folder, model_folder))
            folder, stimuli = study.extraction(set_name, model), study.stimuli(set_name)
            found_imported = partial(_verify_imported, found, study, set_name, model)
            if imported_record(folder).exists():
                found.check(imported_record(folder), found_imported)
            numbers = _verify_parts(found, folder, stimuli, thorough=thorough)
            if thorough:
                _verify_rollups(found, study, set_name, model)
            _verify_parts(found, folder.replacement, stimuli, thorough=thorough)
            if numbers is not None:
                _name_unplanned(found, folder, numbers)
    _verify_entries(found, study)
    for file, remedy in _strays(study):
        found.add(file, "does not belong to the study", remedy)
    problems = tuple(sorted(found.problems, key=lambda each: each.file))
    return Verification(found.files, thorough, problems, tuple(unfinished_replacements(study)))


class _Findings:
    """The problems that were found so far."""

    def __init__(self, root: Path) -> None:
        self.root, self.files, self.problems = root, 0, dict[Problem, None]()

    def check(self, file: Path, compare: Callable[[], object]) -> None:
        """Add what a comparison finds, with the file that its message names first."""
        self.files += 1
        try:
            compare()
        except (ToolboxError, OSError) as error:
            problem, _, remedy = str(error).partition("; ")
            begin = re.match(rf"({re.escape(str(self.root))}.+?) ((?:is|was|has|contains) .+)", problem)
            named, what = (Path(begin[1]), begin[2]) if begin else (file, f"cannot be verified: {problem}")
            self.add(named, what, remedy or remedy_for(file))

    def add(self, file: Path, problem: str, remedy: str) -> None:
        """Add a problem."""
        self.problems[Problem(file.relative_to(self.root).as_posix(), problem, remedy)] = None


def _tables(study: StudyFolder) -> list[Path]:
    """All small tables of a study."""
    return sorted(
        file
        for tree, patterns in _TABLES.items()
        for pattern in patterns
        for file in (study.root / tree).glob(pattern)
    )


def _verify_table(study: StudyFolder, file: Path) -> None:
    """Compare a small table with its checksum; one of image properties with the images of its set, too."""
    verified_digest(file)
    if file.name == study.measured("").name:
        verify_measurement(study, file.parent.name.partition("=")[2])


def _verify_parts(
    found: _Findings, folder: ExtractionFolder, stimuli: Path, *, thorough: bool
) -> range | None:
    """Compare the records and the parts of an extraction; numbers of the planned parts, None for a damaged plan."""
    try:
        plan, digests = read_plan(folder), read_digests(stimuli)
    except VerificationError:  # found already
        return None
    if plan is None:
        return range(0)
    for number in range(len(plan.parts)):
        compare = partial(_check_part, folder, plan, number, digests, thorough)
        found.check(folder.part(number), compare)
    return range(len(plan.parts))


def _verify_imported(found: _Findings, study: StudyFolder, set_name: str, model: str) -> None:
    """Compare the roll-ups that were imported without responses with the record of their import."""
    folder = study.extraction(set_name, model)
    imported, plan = read_imported_rollups(folder), read_plan(folder)
    if imported is None:
        return
    if plan is None or plan.digest != imported.identity:
        file = imported_record(folder)
        raise MixtureError(f"{file} is of another network than that of its plan; {remedy_for(file)}")
    for scheme, digests in imported.schemes.items():
        path, labels = study.rollup(set_name, model, scheme), study.labels(set_name, scheme)
        found.check(path, partial(check_imported_rollup, path, labels, digests))


def _verify_rollups(found: _Findings, study: StudyFolder, set_name: str, model: str) -> None:
    """Compute the roll-ups of the available responses again; those of earlier responses or labels are not read."""
    if imported_record(study.extraction(set_name, model)).exists():
        return
    with contextlib.suppress(ToolboxError):  # no responses yet, or damaged ones, which were found already
        responses = available_responses(study, set_name, model)
        for scheme in study.schemes(set_name):
            path = study.rollup(set_name, model, scheme)
            if path.is_file():
                found.check(path, partial(_check_rollup, Labelling(study, responses, scheme), path))


def _check_rollup(labelling: Labelling, path: Path) -> None:
    """Compare a roll-up with the one that follows from the responses."""
    table, origin = read_table_and_origin(path)
    if labelling.is_source_of(origin):
        computed = roll_up(labelling.responses.paths(labelling.study), read_labels(labelling.labels))
        if column := rollup_difference(table, computed):
            raise VerificationError(
                f"{path} is damaged: its {column} does not follow from the responses; {remedy_for(path)}"
            )


def _name_unplanned(found: _Findings, folder: ExtractionFolder, numbers: range) -> None:
    """Name the parts and records of an extraction that do not count."""
    planned = {f"part-{number}" for number in numbers}
    recorded = {file.stem for file in folder.plans.glob("part-*.json")}
    for file in sorted((*folder.parts.glob("part-*.parquet"), *folder.plans.glob("part-*.json"))):
        if file.stem not in planned:
            found.add(file, "is not in the plan of its extraction, so it does not count", "delete it")
        elif file.stem not in recorded:
            found.add(file, "has no record, so it does not count", f"{_UNFINISHED}, or delete it")


def _check_part(
    folder: ExtractionFolder, plan: Plan, number: int, digests: dict[int, str], thorough: bool
) -> None:
    """Compare a part with its record.

    Raises: VerificationError; MixtureError for a part of another network or of other images.
    """
    path, record = folder.part(number), planned_record(folder, plan, number, digests)
    if record is None:
        return
    if present_digest(path) != record["sha256"]:  # of a file that is there, and of the same size
        raise VerificationError(f"{path} is damaged: it differs from its record; {remedy_for(path)}")
    if thorough:
        from toolbox.store.parts import stored_values_digest

        if mirror := mirror_of(path):
            mirror.drop_content(path)  # the bytes in the storage are compared, not those that were kept here
        verified_digest(path)
        if stored_values_digest(path) != record["values"]:
            raise MixtureError(f"{path} has other values than its record; {remedy_for(path)}")


def _verify_pictures(found: _Findings, study: StudyFolder) -> None:
    """Compare the rendered pictures with their records."""
    for file in sorted((study.root / "rendered").glob("model=*/layer=*/*.json")):
        found.check(file, partial(read_picture_record, file))
    for file in sorted((study.root / "rendered").glob("model=*/layer=*/*.png")):
        if not file.with_suffix(".json").is_file():
            found.add(file, "has no record, so it does not count", remedy_for(file))


def _verify_entries(found: _Findings, study: StudyFolder) -> None:
    """Find tables that are gone while their checksums exist, and damaged checksums."""
    for entry in sorted((study.root / TREE).glob("*/*=*/**/*.json")):
        table = table_of(entry)
        if not table.is_file() and _is_unfinished(study, table):
            found.add(table, "was not written to its end, so it does not count", _UNFINISHED)
        elif not table.is_file():
            remedy = f"{remedy_for(table)}; if it was deleted on purpose, delete {entry.parent}, too"
            found.add(table, "is missing, but its checksum exists", remedy)
        found.check(entry, partial(read_json, entry, "restore it, or delete it"))


def _is_unfinished(study: StudyFolder, table: Path) -> bool:
    """Whether a table is a part of which a killed run has written the checksum, but not yet its record."""
    inside = table.relative_to(study.root)
    record = study.root / "plans" / inside.relative_to(inside.parts[0]).with_suffix(".json")
    return table.stem.startswith("part-") and not record.is_file()


def _strays(study: StudyFolder) -> Iterator[tuple[Path, str]]:
    """Files in the folders of the study that belong to nothing, and what to do about them."""
    known = {*_tables(study)}
    for tree, patterns in _OTHERS.items():
        known.update(file for pattern in patterns for file in (study.root / tree).glob(pattern))
    for tree in (*_TABLES, *_OTHERS):
        for file in sorted((study.root / tree).rglob("*")):
            if file.name.endswith(".partial"):
                yield file, "delete it, unless a command is running: it was left by one that was killed"
            elif file.is_file() and file not in known and not _is_hidden(file.relative_to(study.root)):
                yield file, "move it elsewhere: programs that read this folder as one table fail"


def _is_hidden(file: Path) -> bool:
    """Whether a file is a lock, of a change that is being made, or of a file manager."""
    return any(name.startswith(".") for name in file.parts)
