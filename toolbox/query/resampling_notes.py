"""Notes on resampling: that a query shows no intervals or chance levels yet. Owns the command that makes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from toolbox.store.database import Database
from toolbox.store.resamples import Measure
from toolbox.store.views import RESAMPLE_VIEWS

_LACK_OF_COUNTS = "intervals and chance levels for this index and threshold are missing; to compute them"
_LACK = "this index was not resampled; to resample it"


def note_missing_resamples(database: Database, views: Collection[str], values: Mapping[str, Any]) -> None:
    """Say how to have what a query would show of resampling, if nothing was resampled for its very values.

    Args:
        database: open; the note is added to its own.
        views: those that the query reads.
        values: of the query's parameters.
    """
    chosen = [values.get(name) for name in ("index", "statistic", "normalise")]
    if database.labelling is None or None in chosen:
        return
    measure, threshold = Measure(*map(str, chosen)), values.get("threshold")
    missing = [view for view in RESAMPLE_VIEWS if view in views]
    missing = [view for view in missing if not _is_resampled(database, view, measure, threshold)]
    if not missing:
        return
    lack, thresholds = _LACK, []
    if "resamples" in missing and threshold is not None:
        lack, thresholds = _LACK_OF_COUNTS, [threshold]
    command = database.labelling.command(measure, thresholds)
    if not any(command in note for note in database.notes):  # that of a stale table says the same
        database.notes.append(f"{lack}: {command}")


def _is_resampled(database: Database, view: str, measure: Measure, threshold: float | None) -> bool:
    """Whether a view has rows of a measure and, where it counts filters, of a threshold."""
    values = vars(measure) | (
        {"threshold": threshold} if view == "resamples" and threshold is not None else {}
    )
    wanted = " and ".join(f"v.{name} = ${name}" for name in values)
    sql = f"select 1 from {view} v where {wanted} limit 1"
    return bool(database.connection.execute(sql, values).fetchall())
