"""From a study to a bundle. Changes nothing in the study; owns that a bundle is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.display import Report
from toolbox.errors import UsageError
from toolbox.exchange.bundle.cards import write_cards
from toolbox.exchange.bundle.choices import Sharing, check_output, check_sharing
from toolbox.exchange.bundle.contents import Contents, contents_of
from toolbox.exchange.bundle.descriptions.writing import write_descriptions
from toolbox.exchange.bundle.layout import (
    BUNDLE,
    EXTRACTIONS,
    PROVENANCE,
    QUERIES,
    VIEWS,
    content_digest,
    safe_names,
)
from toolbox.exchange.bundle.names import Replacements, private_names
from toolbox.exchange.bundle.package import write_sums, write_zip
from toolbox.exchange.bundle.records import (
    bundle_record,
    extractions_record,
    json_bytes,
    provenance_record,
    texts_of_study,
)
from toolbox.exchange.bundle.sql import BundleSql
from toolbox.exchange.bundle.tables import TableSources, write_bundle_tables
from toolbox.exchange.bundle.withholding import withheld_from
from toolbox.files import digest_of, folder_beside, new_folder, replace_file
from toolbox.progress import Progress, silent
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder


@dataclass(frozen=True)
class ShareReport(Report):
    """What was written."""

    output: str
    bytes: int
    files: int
    digest: str
    """Of the content, which `bundle.json` has too."""
    includes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def share(
    study: StudyFolder, output: Path | None, sharing: Sharing, *, progress: Progress = silent
) -> ShareReport:
    """Write a bundle of a study.

    Args:
        study: the study.
        output: a new zip or directory; None for a zip in the current directory with the title of the study.
        sharing: the options.
        progress: is called with what is done.

    Raises: UsageError for options that cannot be, and where there is something at the output; UnknownNameError;
        VerificationError for damaged tables.
    """
    check_sharing(sharing)
    contents = contents_of(study, sharing)
    target = output or Path(f"{default_name(contents)}.zip")
    check_output(target)
    with _written_whole(target) as folder:
        record = read_between_commits(study, lambda: _write_files(study, sharing, folder, progress))
        files = len([*folder.iterdir()])
    size = sum(file.stat().st_size for file in ([target] if target.is_file() else target.iterdir()))
    return ShareReport(
        str(target), size, files, record["digest"], tuple(record["includes"]), tuple(record["notes"])
    )


def default_name(contents: Contents) -> str:
    """The name of a bundle where none is chosen: that of the study's title, or `study`.

    Args:
        contents: what is shared.
    """
    return next(iter(safe_names([contents.title]).values()))


@contextmanager
def _written_whole(target: Path) -> Iterator[Path]:
    """A folder for the files of a bundle, which becomes the directory, or a zip."""
    if target.suffix.lower() != ".zip":
        with new_folder(target) as folder:
            yield folder
        return
    with folder_beside(target) as folder:
        yield folder
        with replace_file(target) as fresh:
            write_zip(folder, fresh)


def _write_files(study: StudyFolder, sharing: Sharing, folder: Path, progress: Progress) -> dict[str, Any]:
    """Write all files of a bundle into a folder; the record of the bundle, with notes."""
    shutil.rmtree(folder)  # of an earlier reading, while the study was changed
    folder.mkdir()
    contents = contents_of(study, sharing)
    withheld = withheld_from(contents, sharing.minimum_n)
    if withheld and "significance" in sharing.included:
        raise UsageError(
            "tables of significance are of the responses to all stimuli, so that those to the withheld ones could be "
            "computed from them; leave out significance (--with significance) or minimum_n (--minimum-n)"
        )
    replacements = Replacements(_private(contents, sharing), keep=sharing.keep_names)
    sources = TableSources(contents, withheld, replacements, sharing.included)
    progress("share", 0, 3)
    tables = write_bundle_tables(sources, folder)
    progress("share", 1, 3)
    models = write_cards(sources, folder)
    (folder / EXTRACTIONS).write_bytes(json_bytes(extractions_record(sources)))
    (folder / PROVENANCE).write_bytes(json_bytes(provenance_record(sources)))
    sql = BundleSql(tables, contents.in_use, sharing.included)
    (folder / VIEWS).write_bytes(sql.views.encode())
    (folder / QUERIES).write_bytes(sql.queries.encode())
    record = bundle_record(sources, tables, models, {})
    record["digest"] = content_digest(_digests(folder))
    (folder / BUNDLE).write_bytes(json_bytes(record))
    progress("share", 2, 3)
    write_descriptions(sources, tables, record, folder)
    write_sums(folder)
    progress("share", 3, 3)
    return record | {"notes": [*contents.notes, *withheld.notes]}


def _private(contents: Contents, sharing: Sharing) -> list[str]:
    """Names of users and computers that are replaced."""
    if sharing.keep_names:
        return []
    categories = {category for labels in contents.labels.values() for category in labels.values()}
    schemes = {scheme for names in contents.schemes.values() for scheme in names}
    return private_names(texts_of_study(contents), {*contents.sets, *contents.models, *schemes, *categories})


def _digests(folder: Path) -> Mapping[str, str]:
    return {file.name: digest_of(file) for file in folder.iterdir()}
