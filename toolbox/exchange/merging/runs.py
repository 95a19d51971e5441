"""The records of the runs that led to the studies, as those of the merged study."""

from __future__ import annotations

from collections.abc import Sequence

from toolbox.exchange.merging.labs import Lab
from toolbox.files import read_json, write_json
from toolbox.store.folder import StudyFolder


def run_name(lab: Lab, name: str, set_name: str) -> str:
    """The name of a run in the merged study.

    Args:
        lab: the study whose run it is.
        name: its name there.
        set_name: the merged set.
    """
    return name.replace(f"-{lab.set}", f"-{set_name}", 1)


def copy_run_records(study: StudyFolder, labs: Sequence[Lab], set_name: str) -> None:
    """Copy the records of all runs on the sets that are merged, each with the laboratory whose run it was.

    Args:
        study: the merged study.
        labs: the studies.
        set_name: the merged set.

    Raises: VerificationError for a damaged record.
    """
    for lab in labs:
        for file in sorted((lab.study.root / "runs").glob("*.json")):
            record = read_json(file, "restore it, or remove it")
            copy = study.root / "runs" / f"{run_name(lab, file.stem, set_name)}.json"
            if (
                record.get("set") == lab.set and not copy.exists()
            ):  # studies that were copied share their first runs
                write_json(copy, {"origin": lab.origin, **record, "set": set_name})
