"""One import under way: where its files are staged, and what is there already. Owns that nothing is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from toolbox.errors import UsageError
from toolbox.exchange.bundle.layout import PROVENANCE
from toolbox.exchange.importing.faults import refuse, shortened
from toolbox.exchange.importing.json_files import read_limited_json, texts
from toolbox.exchange.importing.records import ExtractionRecord
from toolbox.exchange.importing.responses import check_plain
from toolbox.exchange.importing.values import Content
from toolbox.store.commits import Commit
from toolbox.store.computed_with import ComputedWith
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import present_time


@dataclass
class Taking:
    """An import under way.

    Attributes:
        content: the tables of the bundle.
        study: which takes them in.
        commit: under which they become visible.
        names: set in the bundle -> its name in the study.
        provenance: what `provenance.json` states.
        written: what is new in the study.
        known: what was there already, with the same content.
        notes: what a reader should know.
    """

    content: Content
    study: StudyFolder
    commit: Commit
    names: Mapping[str, str]
    provenance: Mapping[str, Any] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    known: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Read the provenance.

        Raises: BundleError when it is no plain record.
        """
        self.provenance = read_limited_json(self.content.bundle.folder / PROVENANCE)

    @property
    def origin(self) -> str:
        """The text of the column `origin`."""
        return self.content.bundle.record.origin

    def there(self, path: Path) -> Path:
        """Where a file of the study is until the commit.

        Args:
            path: a path in the study.
        """
        staged = self.commit.stage(path)
        return staged if staged.is_file() else path

    def made(self, set_name: str, **further: Any) -> dict[str, Any]:
        """The provenance of a table of a set.

        Args:
            set_name: the set in the study.
            further: what else is recorded.
        """
        source = {"kind": "bundle", "origin": self.origin, "digest": self.content.bundle.record.digest}
        return {"task": "import", "set": set_name, **further, "sources": [source], "created": present_time()}

    def origin_of(self, *path: str) -> dict[str, Any]:
        """The provenance of a table in the study that was shared; empty where it is not known.

        Args:
            path: names in `provenance.json`.

        Raises: BundleError when it is no plain record.
        """
        found: Any = self.provenance
        for name in path:
            found = found.get(name, {}) if isinstance(found, Mapping) else {}
        if not isinstance(found, dict):
            refuse(PROVENANCE, f"has an entry {' '.join(path)} that is no table of JSON")
        check_plain(PROVENANCE, found)
        return found

    def computed_with(self, each: ExtractionRecord) -> ComputedWith:
        """What the responses of an extraction were computed with; empty what is not known.

        Args:
            each: the extraction.

        Raises: BundleError when it is no plain record.
        """
        file = self.content.bundle.record.models[each.model].get("model")
        found = read_limited_json(self.content.bundle.folder / file) if file else {}
        preprocessing, runtime = found.get("preprocessing") or {}, found.get("runtime", [])
        if not isinstance(preprocessing, dict):
            refuse(str(file), f"has preprocessing = {shortened(preprocessing)}; expected a table")
        check_plain(str(file), [preprocessing, runtime])
        return ComputedWith(preprocessing, each.weights, each.provider, texts(str(file), "runtime", runtime))

    def in_order(self, kind: str, names: Mapping[str, Any] | list[str]) -> list[str]:
        """Names, that in use in the bundle first: where nothing is named, the first is meant.

        Args:
            kind: set, model or scheme.
            names: those of the bundle.
        """
        meant = self.content.bundle.record.in_use.get(kind)
        return sorted(names, key=lambda name: (name != meant, name))

    def extractions(self) -> list[ExtractionRecord]:
        """The extractions, that in use first."""
        in_use = self.content.bundle.record.in_use
        meant = (in_use.get("set"), in_use.get("model"))
        return sorted(self.content.bundle.extractions, key=lambda each: (each.names != meant, each.names))


def other_content(kind: str, name: str, set_name: str) -> UsageError:
    """The refusal to overwrite what has the same name and another content.

    Args:
        kind: what it is.
        name: its name in the study.
        set_name: the set in the study.
    """
    return UsageError(
        f"the study already has {kind} {name!r} with another content than the bundle, and import overwrites nothing; "
        f"import it as another set with set=… (--set {set_name}-2), or into another study"
    )


def are_equal(first: pl.DataFrame, second: pl.DataFrame) -> bool:
    """Whether two tables have the same columns, in any order, with the same rows.

    Args:
        first: a table.
        second: another one, with rows in the same order.
    """
    same_columns = {*first.columns} == {*second.columns} and first.height == second.height
    return same_columns and first.equals(second.select(first.columns), null_equal=True)
