"""What the responses of a model were computed with, from their records, or from that of imported roll-ups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from toolbox.store.folder import ExtractionFolder
from toolbox.store.imported_rollups import read_imported_rollups
from toolbox.store.plan import read_plan
from toolbox.store.records import read_record


@dataclass(frozen=True)
class ComputedWith:
    """What responses were computed with.

    Attributes:
        preprocessing: of the images, as the first record states it; empty where it is not known.
        weights: their sources, each once.
        provider: execution providers, each once.
        runtime: libraries and their versions, each once; empty where they are not known.
    """

    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    weights: Sequence[str] = ()
    provider: Sequence[str] = ()
    runtime: Sequence[str] = ()


def computed_with(folder: ExtractionFolder) -> ComputedWith:
    """What the responses of an extraction were computed with.

    Args:
        folder: its folders.

    Raises: VerificationError for a damaged record.
    """
    if imported := read_imported_rollups(folder):
        stated = {name: imported.provenance.get(name, ()) for name in ("weights", "provider", "runtime")}
        return ComputedWith(imported.preprocessing, **stated)
    plan = read_plan(folder)
    found = (read_record(folder, number) for number in range(len(plan.parts) if plan else 0))
    records = [record for record in found if record]
    if not records:
        return ComputedWith()
    stated = {
        name: sorted({str(record[name]) for record in records if record.get(name)})
        for name in ("weights", "provider", "runtime")
    }
    return ComputedWith(records[0].get("preprocessing") or {}, **stated)
