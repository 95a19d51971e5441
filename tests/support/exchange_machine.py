"""The machine of a study beside a second laboratory: bundles are shared, imported, carried back and merged."""

from __future__ import annotations

import shutil
import signal
from contextlib import suppress
from copy import deepcopy
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from support.failpoints import change_before_reading
from support.study_machine import COMMANDS, SET, Model, StudyMachine
from toolbox import Study, merge
from toolbox.errors import BusyError, MixtureError, UsageError
from toolbox.exchange.importing.run import verify_bundle

REFUSED = (MixtureError, UsageError)


class ExchangeMachine(StudyMachine):
    """A study, what it shared last, and a second study that took it in."""

    def __init__(self) -> None:
        super().__init__()
        self.second, self.bundle = self.place / "study of others", self.place / "study.zip"
        self.theirs: Model | None = None
        """What the second study must contain."""

    @precondition(lambda self: self.model.answered)
    @rule()
    def share_and_import(self) -> None:
        """Into an empty study elsewhere."""
        self._share()
        shutil.rmtree(self.second, ignore_errors=True)
        Study(self.second, create=True).import_(self.bundle, progress=False)
        self.theirs = self._shared()

    @precondition(lambda self: self.model.answered)
    @rule()
    def share_rollups(self) -> None:
        """Of which the labels arrive, and no response."""
        bundle, root = self.place / "rollups.zip", self.place / "study of roll-ups"
        Study(self.root).share(bundle, progress=False)
        Study(root, create=True).import_(bundle, progress=False)
        study = Study(root)
        assert study.verify(thorough=True).is_intact
        assert not list(root.glob("responses/*/*/part-*"))
        stimuli = {row[0]: row[1] for row in self._rows(study, "stimulus_id, sha256", "stimuli")}
        for scheme, labels in self.model.labels.items():
            rows = self._rows(study, "stimulus_id, category", "labels", scheme)
            assert {stimuli[number]: category for number, category in rows} == labels
        bundle.unlink()
        shutil.rmtree(root)

    @precondition(lambda self: self.theirs)
    @rule()
    def carry_back(self) -> None:
        """What comes back changes nothing: it is there already, or it is refused."""
        back = self.place / "back.zip"
        back.unlink(missing_ok=True)
        Study(self.second).share(back, including="responses", progress=False)
        try:
            report = Study(self.root).import_(back, progress=False)
        except REFUSED:
            assert self._shared() != self.theirs
        else:
            assert self._includes(self.theirs), report

    @precondition(lambda self: self.theirs)
    @rule()
    def merge_both(self) -> None:
        """One study has what both have, once; of two networks, or with two categories of an image, it is refused."""
        assert self.theirs is not None
        merged = self.place / "merged"
        ours = self._shared()
        try:
            merge([self.root, self.second], output=merged, set=SET)
        except REFUSED:
            assert not merged.exists()
            assert ours.weights != self.theirs.weights or not self._agrees(self.theirs)
            return
        assert Study(merged).verify(thorough=True).is_intact
        found = self._read(merged)
        assert found.weights == ours.weights == self.theirs.weights
        assert found.answered == ours.answered | self.theirs.answered
        assert found.labels["category"] == self.theirs.labels["category"] | ours.labels["category"]
        shutil.rmtree(merged)

    @precondition(lambda self: self.model.answered)
    @rule(failpoint=st.integers(0, 150))
    def kill_sharing(self, failpoint: int) -> None:
        """A bundle is there and whole, or not there."""
        self.bundle.unlink(missing_ok=True)
        self._run(("share", None), failpoint, False)
        if self.bundle.exists():
            assert verify_bundle(self.bundle, thorough=True).is_intact
        self._share()
        assert not list(self.place.glob(".study.zip*"))

    @precondition(lambda self: self.model.answered)
    @rule(failpoint=st.integers(0, 60), commit=st.booleans())
    def kill_importing(self, failpoint: int, commit: bool) -> None:
        """All of a bundle is in the second study, or nothing of it."""
        self._share()
        shutil.rmtree(self.second, ignore_errors=True)
        self.theirs = None
        code = self._run(("import", None), failpoint // (8 if commit else 1), commit)
        if (self.second / "study.toml").exists() and Study(self.second).sets:
            assert self._read_theirs() == self._shared()
        else:
            assert code == -signal.SIGKILL
        Study(self.second, create=True).import_(self.bundle, progress=False)
        self.theirs = self._shared()

    @precondition(lambda self: self.model.answered)
    @rule(command=st.sampled_from(COMMANDS), moment=st.integers(0, 20))
    def share_while_it_changes(self, command: tuple[str, Any], moment: int) -> None:
        """A bundle is of the study before a command, or after it."""
        self.add_an_image("green")
        before, after = self._shared(), self._after(*command)
        changed, is_there = list[int](), True
        with change_before_reading(
            str(self.root), moment, lambda: changed.append(self._run(command, None, False))
        ):
            try:
                self._share()
            except BusyError:
                is_there = False
        if changed:
            self.model = self._state_after_a_kill(after)
        if is_there:
            shutil.rmtree(self.second, ignore_errors=True)
            Study(self.second, create=True).import_(self.bundle, progress=False)
            self.theirs = self._read(self.second)
            assert self.theirs in (before, self._shared())

    @precondition(lambda self: self.model.answered)
    @rule(moment=st.integers(0, 5))
    def import_twice_at_once(self, moment: int) -> None:
        """The second of two imports finds what the first took in, or waits, or is refused."""
        self._share()
        shutil.rmtree(self.second, ignore_errors=True)
        with (
            change_before_reading(str(self.second), moment, lambda: self._run(("import", None), None, False)),
            suppress(BusyError),
        ):
            Study(self.second, create=True).import_(self.bundle, progress=False)
        self.theirs = self._shared()

    @invariant()
    def check_theirs(self) -> None:
        if self.theirs is not None:
            assert self._read_theirs() == self.theirs
            assert Study(self.second).verify(thorough=True).is_intact

    def _share(self) -> None:
        self.bundle.unlink(missing_ok=True)
        Study(self.root).share(self.bundle, including="responses", progress=False)

    def _shared(self) -> Model:
        """What is shared of this study now: no resampled indices."""
        return Model(deepcopy(self.model.labels), self.model.weights, {*self.model.answered})

    def _read_theirs(self) -> Model:
        return self._read(self.second)

    def _agrees(self, other: Model) -> bool:
        """Whether no image has two categories under one scheme."""
        mine = self.model.labels
        return all(
            mine[scheme].get(image, category) == category
            for scheme, labels in other.labels.items()
            if scheme in mine
            for image, category in labels.items()
        )

    def _includes(self, other: Model) -> bool:
        """Whether this study has all that another one has."""
        return (
            other.weights == self.model.weights
            and other.answered <= self.model.answered
            and self._agrees(other)
        )
