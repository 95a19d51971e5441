"""Notes on relations: that no permutation was made of them, or of other values. Owns the command that makes them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from toolbox.errors import command_line
from toolbox.store.database import Database
from toolbox.store.relations import Relation, given_text
from toolbox.store.resamples import Labelling

_KNOWN = """
select count(*) from relations r
where r.parameter = $parameter and r.given = $given and r.statistic = $statistic
"""
_COUNTED = """
select count(*) from relation_permutations r
where r.parameter = $parameter and r.given = $given and r.statistic = $statistic
    and abs(r.threshold - $threshold) < 1e-9
"""


def note_missing_relations(database: Database, views: Collection[str], values: Mapping[str, Any]) -> None:
    """Say how to have the p values and chance levels of a relation that a query would show but nobody computed.

    Args:
        database: open; the note is added to its own.
        views: those that the query reads.
        values: of the query's parameters.
    """
    if "relations" not in views or "parameter" not in values or database.labelling is None:
        return
    relation = Relation(str(values["parameter"]), given_text(values.get("given")), str(values["statistic"]))
    known = database.connection.execute(_KNOWN, vars(relation)).fetchall()[0][0]
    threshold = values.get("threshold")
    if known and (threshold is None or "relation_permutations" not in views):
        return
    if known:
        asked = {**vars(relation), "threshold": threshold}
        if database.connection.execute(_COUNTED, asked).fetchall()[0][0]:
            return
    command = relate_command(database.labelling, relation, threshold)
    if relation in database.stale_relations:
        lack = "permutations were made of other responses, labels or values than those of the study now, and ignored"
        database.notes.append(f"{lack}; to repeat them: {command}")
    else:
        what = "chance levels at this threshold" if known else "p values and chance levels for this relation"
        database.notes.append(f"{what} are missing; to compute them: {command}")


def relate_command(labelling: Labelling, relation: Relation, threshold: float | None = None) -> str:
    """The command that computes the tables of a relation.

    Args:
        labelling: responses and label scheme.
        relation: the parameter, and what is held constant.
        threshold: where related filters are counted too.
    """
    study, responses = labelling.study, labelling.responses
    options: list[tuple[str, Any]] = [*relation.options()]
    if threshold is not None:
        options.append(("threshold", threshold))
    if len(study.models(responses.set)) > 1:
        options.append(("model", responses.model))
    if len(study.schemes(responses.set)) > 1:
        options.append(("scheme", labelling.scheme))
    words = [word for name, value in options for word in (f"--{name}", value)]
    return command_line("relate", responses.set, *words)
