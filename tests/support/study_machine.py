"""A study that is written, killed, damaged and asked in any order, beside a model of it in memory.

The model knows what every image evokes (see `tiny_network`), so that each value is compared with one that the toolbox
did not compute. After each step nothing may be lost, doubled, of two states, or silently wrong, and `verify` finds
nothing but what kills left.
"""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from support.failpoints import change_before_reading, kill_before
from support.forks import Forks
from support.tiny_network import CARD, paint, write_weights
from toolbox import Study, ToolboxError
from toolbox.errors import StimulusError, UsageError, VerificationError
from toolbox.query.across_models import ask_each
from toolbox.query.header import Query
from toolbox.store.database import open_database
from toolbox.store.remedies import REPLACEMENT
from toolbox.store.selection import Selection
from toolbox.store.verification import Problem

SET, SCHEME = "colours", "category"
CATEGORIES = ("green", "red")
BIAS = {"tiny": 10, "other": 11}
"""Name of weights -> what is subtracted in the third filter."""
COMMANDS = (("ingest", None), ("label", "a"), ("label", "b"), ("extract", "tiny"), ("extract", "other"),
            ("category", 30), ("category", 35))  # fmt: skip
RECORDS = {"ingest": "ingest-colours", "label": "label-colours", "category": "significance-colours-tiny"}
"""Command that becomes visible at once -> the ending of the names of its records."""
LEFT = (".partial", ".uncommitted")
COUNTS = {
    "labels": "select count(*) labelled, count(distinct category) categories, min(category) first from labels",
    "stimuli": "select count(*) stimuli from stimuli",
    "responses": "select count(*) responses, sum(maximum) total from responses",
    "significance": "select max(permutations) permutations, sum(value) contrasts from significance",
    "resamples": "select max(resample) resample from resamples",
    "reliability": "select count(*) halves from reliability",
}
"""Table -> what a reader sees of it; together of one state."""
Responses = dict[str, dict[tuple[str, int], float]]

PROGRAM = """
os.fsync = lambda _: None  # no disk is unplugged
sys.path[:0] = [{tests!r}]
from support.study_machine import run
"""


@dataclass
class Model:
    """What a study must contain; images are called by their sha256."""

    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    """Scheme -> image -> category. The stimuli are those of the scheme of ingestion."""
    weights: str = ""
    answered: set[str] = field(default_factory=set)
    """Images with responses."""
    resampled: dict[str, Any] = field(default_factory=dict)
    """Scheme -> what its tables of resampled indices are of, and their number of resamples."""

    def sources(self, scheme: str) -> Any:
        return deepcopy((self.labels.get(scheme), self.weights, self.answered))


def act(root: Path, action: str, choice: Any) -> None:
    """One command."""
    study, inputs = Study(root), root.parent / "inputs"
    if action == "ingest":
        study.ingest(inputs / "photographs", set=SET)
    elif action == "label":
        table = inputs / "warmth.csv"
        table.write_text("category,warmth\n" + "".join(f"{name},{choice}{name[0]}\n" for name in CATEGORIES))
        study.label(SET, scheme="warmth", source=table, replace=True)
    elif action == "share":
        study.share(root.with_suffix(".zip"), including="responses", progress=False)
    elif action == "import":
        others = Study(root.with_name("study of others"), create=True)
        others.import_(root.with_suffix(".zip"), progress=False)
    elif action == "extract":
        weights = str(inputs / f"{choice}.npz")
        study.extract(SET, model=str(CARD), weights=weights, part=2, replace=True, threads=1, progress=False)
    else:
        study.significance(resamples=choice, seed=choice, scheme=action, model="tiny", progress=False)


def run(root: str, action: str, choice: Any, failpoint: int | None, in_commits: bool = False) -> None:
    """One command that is killed, or not without a failpoint; called in a fork."""
    if failpoint is not None:
        kill_before(root, failpoint, in_commits=in_commits)
    act(Path(root), action, choice)


class StudyMachine(RuleBasedStateMachine):
    """The steps, and what must hold after each."""

    forks: Forks
    """Set by the test: where processes come from that are killed."""

    def __init__(self) -> None:
        super().__init__()
        self.place = Path(tempfile.mkdtemp(prefix="study-"))
        self.photographs, self.root = self.place / "inputs" / "photographs", self.place / "study"
        self.colours: dict[str, tuple[int, int, int]] = {}
        self.model, self.painted = Model(), 0

    def teardown(self) -> None:
        shutil.rmtree(self.place)

    @initialize(
        command=st.sampled_from(COMMANDS[::-1]),
        failpoint=st.integers(1, 9),
        table=st.integers(4, 6),
        chance=st.randoms(use_true_random=False),
    )
    def start(self, command: tuple[str, Any], failpoint: int, table: int, chance: Any) -> None:
        """A set with responses and resampled indices, damage, and kills: one between tables that are replaced."""
        self.begin(images=3)
        for first in (("label", "b"), ("extract", "other"), (SCHEME, 20)):
            self._do(*first)
        self.damage(chance)
        self.ingest_with_damage(chance, "stimuli")
        self._kill((SCHEME, 30), [table], in_commits=True, images=False)
        self.kill_in_a_commit(command, failpoint)

    def begin(self, images: int) -> None:
        """A set of some images in each category, and two networks."""
        for number in range(images):
            for category in CATEGORIES:
                self._paint(self.photographs / category / f"{number}.png")
        write_weights(self.place / "inputs" / "tiny.npz")
        write_weights(self.place / "inputs" / "other.npz", colour_bias=np.array([0, 0, -11], np.float32))
        Study(self.root, create=True).ingest(self.photographs, set=SET)
        self.model = self._after("ingest", None)

    # --- images ---

    @rule(category=st.sampled_from(CATEGORIES))
    def add_an_image(self, category: str) -> None:
        self._paint(self.photographs / category / f"new {self.painted}.png")

    @rule(chance=st.randoms(use_true_random=False), change=st.sampled_from(("content", "name", "none")))
    def change_an_image(self, chance: Any, change: str) -> None:
        file = chance.choice(self._files())
        if change == "content":
            self._paint(file)
        elif change == "name":
            file.rename(file.with_name(f"moved {self.painted}.png"))
            self.painted += 1
        elif len(self._files()) > 4:
            file.unlink()

    # --- commands ---

    @rule()
    def ingest(self) -> None:
        self._do("ingest", None)

    @rule(choice=st.sampled_from("ab"))
    def label(self, choice: str) -> None:
        self._do("label", choice)

    @rule(weights=st.sampled_from(sorted(BIAS)))
    def extract(self, weights: str) -> None:
        self._do("extract", weights)

    @precondition(lambda self: self.model.answered)
    @rule(scheme=st.sampled_from(("category", "warmth")), resamples=st.sampled_from((20, 25)))
    def resample(self, scheme: str, resamples: int) -> None:
        if scheme in self.model.labels:
            self._do(scheme, resamples)

    @rule(command=st.sampled_from(COMMANDS), failpoint=st.integers(0, 60), images=st.booleans())
    def kill(self, command: tuple[str, Any], failpoint: int, images: bool) -> None:
        """Before any change of a file."""
        self._kill(command, [failpoint, failpoint + 7], in_commits=False, images=images)

    @rule(command=st.sampled_from(COMMANDS), failpoint=st.integers(1, 9))
    def kill_in_a_commit(self, command: tuple[str, Any], failpoint: int) -> None:
        """Between two of the changes by which files become visible; a reader comes next, or another writer."""
        self._kill(command, [failpoint, failpoint + 2], in_commits=True, images=True)

    def _kill(
        self, command: tuple[str, Any], failpoints: list[int], *, in_commits: bool, images: bool
    ) -> None:
        """Kill a command, and its repetitions; what was open before must read one state, as whoever opens it later."""
        if images:
            self.add_an_image("red")
        if command[0] == "category" and not self.model.answered:
            return
        for failpoint in failpoints:
            opened, after, records = Study(self.root), self._after(*command), self._records(command[0])
            views = [*COUNTS] if self.model.answered else ["labels", "stimuli"]
            code = self._run(command, failpoint, in_commits)
            seen = self._counts(opened, views)
            before, self.model = self.model, self._state_after_a_kill(after)
            assert seen == self._counts(Study(self.root), views)
            if before != after and command[0] in RECORDS:
                assert self._records(command[0]) == records + (self.model == after)
            if code != -signal.SIGKILL:
                break

    @precondition(lambda self: self.model.answered)
    @rule(command=st.sampled_from(COMMANDS), moment=st.integers(0, 11))
    def change_while_it_is_read(self, command: tuple[str, Any], moment: int) -> None:
        """One command runs between two tables that a reader opens: it reads what was there before, or comes after."""
        self.add_an_image("green")
        study, after = Study(self.root), self._after(*command)
        changed, before = list[int](), self._counts(study)
        with change_before_reading(
            str(self.root), moment, lambda: changed.append(self._run(command, None, False))
        ):
            seen = self._counts(study)
        if changed:
            self.model = self._state_after_a_kill(after)
        assert seen in (before, self._counts(Study(self.root)))

    @rule(chance=st.randoms(use_true_random=False))
    def damage(self, chance: Any) -> None:
        """One bit of some files: what is read is right, or refused; `verify` names a damaged table."""
        files = sorted(path for path in self.root.rglob("*") if path.is_file() and path.name != ".lock")
        tables = [file for file in files if file.suffix == ".parquet"]
        for file in (*chance.sample(tables, 2), chance.choice(files)):
            with self._damaged(file, chance):
                if file.suffix == ".parquet" and not _is_uncounted(file):
                    problems = Study(self.root).verify(thorough=True).problems
                    assert file.relative_to(self.root).as_posix() in {each.file for each in problems}
                with suppress(ToolboxError):
                    self.check_what_it_contains()

    @rule(
        chance=st.randoms(use_true_random=False), table=st.sampled_from(("stimuli", "labels", "properties"))
    )
    def ingest_with_damage(self, chance: Any, table: str) -> None:
        """What is damaged is never written again as if it were whole."""
        self.add_an_image("red")
        file = getattr(Study(self.root).folder, table)(SET)
        with self._damaged(file, chance):
            content = file.read_bytes()
            with pytest.raises(VerificationError):
                act(self.root, "ingest", None)
            assert file.read_bytes() == content

    @contextmanager
    def _damaged(self, file: Path, chance: Any) -> Iterator[None]:
        """In the block, one bit of a file is another one; its time is kept."""
        content, status = file.read_bytes(), file.stat()
        damaged = bytearray(content or b"x")
        # Not one of so many bytes: records with times differ in length, and hypothesis repeats what it draws.
        damaged[chance.randrange(2**24) % len(damaged)] ^= 1 << chance.randrange(8)
        file.write_bytes(damaged)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
        try:
            yield
        finally:
            file.write_bytes(content)
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))

    # --- what must hold ---

    @invariant()
    def check(self) -> None:
        if self.root.exists():
            self.check_what_it_contains()
            problems = [
                each for each in Study(self.root).verify(thorough=True).problems if not _is_left(each)
            ]
            assert not problems, "; ".join(map(str, problems))

    def check_what_it_contains(self) -> None:
        found, model = self._read(), self.model
        assert found.labels == model.labels
        assert found.weights == (model.weights if model.answered else "")
        assert found.answered == model.answered
        assert found.resampled == {
            scheme: of for scheme, of in model.resampled.items() if of[0] == model.sources(scheme)
        }

    def _do(self, action: str, choice: Any) -> None:
        after = self._after(action, choice)
        try:
            act(self.root, action, choice)
            self.model = after
        except (StimulusError, UsageError):  # no image of the stimuli is there, or they are of one category
            assert action in ("extract", "category", "warmth")
            kept = self.model.answered if self.model.weights == choice else set()
            assert action != "extract" or not (self._present() & self._stimuli()) - kept
        left = [
            path.relative_to(self.root).as_posix()
            for path in self.root.rglob("*")
            if path.name.endswith(LEFT)
        ]
        own = "plans/set=colours/model=tiny/"  # what a killed extraction leaves there, the next one removes
        assert not [path for path in left if action == "extract" or not path.startswith(own)]

    def _run(self, command: tuple[str, Any], failpoint: int | None, in_commits: bool) -> int:
        """Run a command in a process that is killed, or not; its exit code."""
        self.forks.start(self.root, *command, failpoint, in_commits)
        code = self.forks.exit_code()
        assert code in (0, -signal.SIGKILL, 1)
        return code

    def _records(self, action: str) -> int:
        """The number of records of a command that becomes visible at once; 0 for an extraction."""
        return len([*self.root.glob(f"runs/*-{RECORDS[action]}.json")]) if action in RECORDS else 0

    def _counts(self, study: Study, views: Iterable[str] = tuple(COUNTS)) -> dict[str, Any]:
        """What a query shows of several tables that change together."""
        query = Query(
            "counts", f"select * from {', '.join(f'({COUNTS[view]})' for view in views)}", ships=True
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ask_each(study.folder, query, selection=Selection(SET, (), SCHEME)).rows.row(0, named=True)

    def _after(self, action: str, choice: Any) -> Model:
        """What the study must contain after a command."""
        model = deepcopy(self.model)
        if action == "ingest":
            labels = model.labels.setdefault(SCHEME, {})
            for file in self._files():
                labels.setdefault(_digest(file), file.parent.name)
        elif action == "label":
            model.labels["warmth"] = {
                image: choice + category[0] for image, category in model.labels[SCHEME].items()
            }
        elif action == "extract":
            kept = model.answered if model.weights == choice else set()
            found = kept | (self._present() & self._stimuli())
            if found:
                model.weights, model.answered = choice, found
        else:
            model.resampled[action] = (model.sources(action), choice)
        return model

    def _state_after_a_kill(self, after: Model) -> Model:
        """The model after a kill: the earlier one or the later one, or with some of the parts of an extraction."""
        found, before = self._read(), self.model
        if found.labels == after.labels and after.labels != before.labels:
            return after
        assert found.labels == before.labels
        if found.weights != before.weights or found.answered != before.answered:
            assert found.weights == after.weights
            assert before.weights in ("", after.weights) or found.answered == after.answered
            assert (before.answered if before.weights == after.weights else set()) <= found.answered
            assert found.answered <= after.answered
            return Model(before.labels, found.weights, found.answered, before.resampled)
        if found.resampled != {s: of for s, of in before.resampled.items() if of[0] == before.sources(s)}:
            return after
        return before

    def _read(self, root: Path | None = None) -> Model:
        """What the study, or another one, contains; every value of it was compared with the right one."""
        study = Study(root or self.root)
        stimuli = {row[0]: row[1] for row in self._rows(study, "stimulus_id, sha256", "stimuli")}
        assert len({*stimuli.values()}) == len(stimuli) and sorted(stimuli) == list(range(len(stimuli)))
        found = Model()
        for scheme in study.folder.schemes(SET):
            rows = self._rows(study, "stimulus_id, category", "labels", scheme)
            found.labels[scheme] = {stimuli[number]: category for number, category in rows}
            assert len(rows) == len(found.labels[scheme])
        assert {*stimuli.values()} == {*found.labels[SCHEME]}
        if study.models(SET):
            self._read_responses(study, stimuli, found)
        return found

    def _read_responses(self, study: Study, stimuli: dict[int, str], found: Model) -> None:
        rows = self._rows(study, "layer, filter, stimulus_id, maximum, mean", "responses")
        values = {(layer, number, stimuli[image]): (one, two) for layer, number, image, one, two in rows}
        assert len(values) == len(rows)
        found.answered = {image for _, _, image in values}
        found.weights = next(
            (
                weights
                for weights in BIAS
                if values == {place: (v, v) for place, v in self._expected(found.answered, weights).items()}
            ),
            "neither network",
        )
        for scheme in found.labels:
            self._read_resampled(study, found, scheme)

    def _read_resampled(self, study: Study, found: Model, scheme: str) -> None:
        """The tables of a scheme: all or none, of the labels and responses of now."""
        filters = self._rows(study, "layer, filter, category, value, permutations", "significance", scheme)
        counts = self._rows(study, "max(resample) + 1", "resamples", scheme)[0][0]
        halves = self._rows(study, "count(*)", "reliability", scheme)[0][0]
        assert bool(filters) == bool(counts) == bool(halves)
        if not filters:
            return
        assert {row[4] for row in filters} == {counts}
        expected = self._contrasts(found, scheme)
        assert {row[:3]: row[3] for row in filters} == pytest.approx(expected, abs=1e-6)
        found.resampled[scheme] = (found.sources(scheme), counts)

    def _contrasts(self, found: Model, scheme: str) -> dict[tuple[str, int, str], float | None]:
        """The response contrast by its definition."""
        expected, labels = dict[tuple[str, int, str], float | None](), found.labels[scheme]
        values = self._expected(found.answered, found.weights)
        for layer, number in sorted({place[:2] for place in values}):
            of_images = {image: values[layer, number, image] for image in found.answered & labels.keys()}
            low, high = min(of_images.values()), max(of_images.values())
            for category in {labels[image] for image in of_images}:
                own = [v for image, v in of_images.items() if labels[image] == category]
                rest = [v for image, v in of_images.items() if labels[image] != category]
                contrast = (np.mean(own) - np.mean(rest)) / (high - low) if high > low else None
                expected[layer, number, category] = None if contrast is None else float(contrast)
        return expected

    def _expected(self, images: set[str], weights: str) -> dict[tuple[str, int, str], float]:
        """The responses that follow from the colours."""
        values = dict[tuple[str, int, str], float]()
        for image in images:
            red, green, _ = self.colours[image]
            for layer in ("colour", "pool"):
                for number, value in enumerate((red, green, max(red - green - BIAS[weights], 0))):
                    values[layer, number, image] = value
            values["sum", 0, image], values["sum", 1, image] = 4 * red, 0
        return values

    def _rows(self, study: Study, columns: str, view: str, scheme: str | None = None) -> list[Any]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = () if view in ("stimuli", "labels") else "tiny"
            chosen = Selection(SET, model, scheme or SCHEME)
            database = open_database(study.folder, [view], chosen)
            with closing(database), database.readable.window.own_errors():
                return database.connection.sql(f"select {columns} from {view}").fetchall()

    def _paint(self, file: Path) -> None:
        """An image of a colour that no other has."""
        self.painted += 1
        colour = (self.painted * 37 % 251, self.painted * 91 % 241, self.painted)
        self.colours[_digest(paint(file, colour))] = colour

    def _files(self) -> list[Path]:
        return sorted(self.photographs.glob("*/*.png"))

    def _present(self) -> set[str]:
        """Images that are where they were ingested."""
        rows = self._rows(Study(self.root), "sha256, path", "stimuli")
        there = {image: Study(self.root).folder.image(path) for image, path in rows}
        return {image for image, file in there.items() if file.is_file() and _digest(file) == image}

    def _stimuli(self) -> set[str]:
        return {*self.model.labels[SCHEME]}


def _is_left(problem: Problem) -> bool:
    """Whether a problem is what a kill leaves: a temporary file, or a part before its record."""
    begun = ("has no record", "was not written to its end")
    return problem.file.endswith(LEFT) or problem.problem.startswith(begun)


def _is_uncounted(file: Path) -> bool:
    """Whether it is a part that an interrupted replacement wrote without its record: it will be written again."""
    return (
        file.parent.name == REPLACEMENT
        and file.name.startswith("part-")
        and not file.with_suffix(".json").exists()
    )


def _digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
