"""Adding a label scheme to a set. Owns which names and labels are refused, and what is written with the labels.

    labels/set=<set>/scheme=<scheme>/labels.parquet   stimulus_id, category; no row for unlabelled stimuli
    runs/<run>.json                                   where the labels come from

Never changes stimuli, responses, or the scheme that ingestion writes: a new label scheme needs only a join.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from toolbox.errors import UnknownNameError, UsageError
from toolbox.files import write_json
from toolbox.store.commits import committing, finish_commit, writing
from toolbox.store.folder import SCHEME, StudyFolder, check_new_name
from toolbox.store.labels import read_labels, write_labels
from toolbox.store.parquet import creation, with_version
from toolbox.store.rollups import update_rollups


def check_scheme(study: StudyFolder, set_name: str, scheme: str) -> str:
    """Refuse a name that cannot be that of a new label scheme; the name as it is stored.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        scheme: the name; any but `category`, the scheme that ingestion writes.

    Raises: UnknownNameError for the set; UsageError for the name.
    """
    if set_name not in study.sets():
        raise UnknownNameError("stimulus set", set_name, study.sets())
    if scheme.casefold() == SCHEME:  # many file systems ignore case
        raise UsageError(
            f"the scheme name {scheme!r} is reserved for ingestion; choose another name for these labels"
        )
    return check_new_name("label scheme", scheme, study.schemes(set_name))


@contextmanager
def labelling(study: StudyFolder, set_name: str, scheme: str) -> Iterator[None]:
    """The lock under which labels of a set are matched with its stimuli, compared and written.

    It is that of ingestion, whose two tables are inconsistent while it writes them.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        scheme: the label scheme.

    Raises: BusyError.
    """
    folder = study.labels(set_name, scheme).parent
    with writing(study, study.lock(set_name), "ingesting or labelling", folder):
        yield


def has_new_labels(study: StudyFolder, set_name: str, scheme: str, labels: Mapping[int, str]) -> bool:
    """Whether a scheme does not have these labels yet; refuse to overwrite different labels.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        scheme: the label scheme.
        labels: category by stimulus_id.

    Raises: UsageError for a scheme that contains different labels.
    """
    path = study.labels(set_name, scheme)
    if not path.is_file():
        return True
    if read_labels(path) == labels:
        return False
    raise UsageError(
        f"the scheme {scheme!r} of {set_name} already contains different labels; choose another scheme name, "
        "or overwrite those labels with replace (--replace)"
    )


def commit_labels(
    study: StudyFolder,
    set_name: str,
    scheme: str,
    labels: Mapping[int, str],
    record: Mapping[str, Any],
) -> None:
    """Write labels and the record of their run, both or neither; the lock is held.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        scheme: the label scheme.
        labels: category by stimulus_id.
        record: of the run: `task`, `source`, and whatever else describes it.
    """
    path = study.labels(set_name, scheme)
    sources = [record["source"]]
    provenance = {"task": record["task"], "set": set_name, "scheme": scheme, "sources": sources}
    with committing(study) as commit:
        write_labels(commit.stage(path), labels, {**provenance, **creation(path)})
        run = study.run_record(f"{record['task']}-{set_name}")
        write_json(commit.stage(run), with_version(record))


def save_labels(
    study: StudyFolder,
    set_name: str,
    scheme: str,
    labels: Mapping[int, str],
    record: Mapping[str, Any],
    *,
    replace: bool = False,
) -> bool:
    """Write labels that were computed, the record of their run, and what is derived from labels.

    Args:
        study: the study that contains the set.
        set_name: the stimulus set.
        scheme: the label scheme, as `check_scheme` returns it.
        labels: category by stimulus_id; other stimuli are unlabelled.
        record: of the run: `task`, `source`, and whatever else describes it.
        replace: whether different labels that the scheme already contains are overwritten.

    Returns: whether they were written: the scheme may have had exactly these.
    Raises: UsageError for a scheme that contains different labels; BusyError.
    """
    finish_commit(study)
    with labelling(study, set_name, scheme):
        is_written = replace or has_new_labels(study, set_name, scheme, labels)
        if is_written:
            commit_labels(study, set_name, scheme, labels, record)
    update_rollups(study, set_name, study.models(set_name), [scheme])
    return is_written


def save_run(study: StudyFolder, what: str, record: Mapping[str, Any]) -> None:
    """Write the record of a run that changes nothing else of a study.

    Args:
        study: the study.
        what: task and set, for the name of the file.
        record: of the run.
    """
    with committing(study) as commit:
        write_json(commit.stage(study.run_record(what)), with_version(record))
