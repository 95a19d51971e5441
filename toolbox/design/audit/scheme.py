"""The label scheme without what an audit found, beside the one that was audited. Owns its record."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

from toolbox.design.audit.choices import AuditChoices
from toolbox.design.audit.result import Audit
from toolbox.errors import UsageError
from toolbox.store.folder import StudyFolder
from toolbox.store.labelling import check_scheme, save_labels
from toolbox.store.labels import read_labels
from toolbox.store.selection import Selection, resolve_labelling


def check_saving(study: StudyFolder, selection: Selection, scheme: str) -> None:
    """Refuse a label scheme that could not be written, before an audit that may take minutes.

    Args:
        study: that will be audited.
        selection: of the audit.
        scheme: name of the new label scheme.

    Raises: UnknownNameError, UsageError for the set or the name.
    """
    check_scheme(study, str(resolve_labelling(study, {"stimuli"}, selection).set), scheme)


def save_scheme(
    study: StudyFolder, found: Audit, scheme: str, choices: AuditChoices, *, replace: bool = False
) -> str:
    """Write the labels of all stimuli but those that were found; what was done, in a line.

    Args:
        study: that was audited.
        found: the audit.
        scheme: name of the new label scheme.
        choices: of the audit.
        replace: whether different labels that the scheme already contains are overwritten.

    Raises: UsageError for the name, for a set without labels, or where no label would be left; BusyError.
    """
    started = datetime.now(UTC)
    if found.scheme is None:
        raise UsageError(f"{found.set} has no labels, so no scheme can leave some out; label it first")
    name = check_scheme(study, found.set, scheme)
    labels = read_labels(study.labels(found.set, found.scheme))
    left = {*found.left_out}
    kept = {number: category for number, category in labels.items() if number not in left}
    if not kept:
        raise UsageError(
            f"the findings leave out every labelled stimulus of {found.set}; choose kinds with kind (--kind), or other "
            "sets with against (--against)"
        )
    lost = sorted({*labels.values()} - {*kept.values()})
    record = {
        "task": "audit",
        "started": started.isoformat(),
        "seconds": (datetime.now(UTC) - started).total_seconds(),
        "source": {"command": "audit", "scheme": found.scheme, "model": found.model, **asdict(choices)},
        "set": found.set,
        "scheme": name,
        "labelled": len(kept),
        "left_out": sorted(left & labels.keys()),
    }
    is_written = save_labels(study, found.set, name, kept, record, replace=replace)
    without = f"; no stimulus is left of {', '.join(lost)}" if lost else ""
    done = f"{name}: {len(kept):,} of {len(labels):,} labels of {found.scheme}{without}"
    return (
        f"{done}; choose them with --scheme {name}"
        if is_written
        else f"{done}; the set has these labels already"
    )
