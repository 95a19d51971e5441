"""Rendered pictures as stimuli. Owns the files and the manifest from which they are ingested."""

from __future__ import annotations

import csv
from pathlib import Path

from toolbox.files import replace_file
from toolbox.show.rendering.report import RenderingReport
from toolbox.store.folder import StudyFolder

MANIFEST_COLUMNS = ("path", "category", "preferred_by", "seed", "multiple")


def list_preferred(study: StudyFolder, report: RenderingReport, set_name: str, manifest: Path) -> None:
    """Copy the pictures of a report to the images of a set, and list them in a manifest for ingestion.

    They are copies, so that a set stays as it is when its pictures are made again.

    Args:
        study: the study.
        report: with the pictures.
        set_name: the stimulus set.
        manifest: the .csv file to write, outside of the study.
    """
    rows = []
    for picture in report.pictures:
        record = picture.record
        name = f"{record.subject.layer}-{record.subject.name}-{record.sha256[:8]}.png"
        file = study.images(set_name) / name
        if not file.is_file():
            with replace_file(file) as fresh:
                fresh.write_bytes((study.root / picture.file).read_bytes())
        category = picture.category or record.subject.layer
        rows.append((file.absolute(), category, picture.label, record.subject.seed, picture.multiple))
    with manifest.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(MANIFEST_COLUMNS)
        writer.writerows(rows)
