"""From a study to a bundle. Changes nothing in the study; owns that a bundle is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolbox.display import Report
from toolbox.errors import UsageError, command_line
from toolbox.exchange.bundle.cards import write_cards
from toolbox.exchange.bundle.choices import Sharing, check_bundle_output, check_sharing
from toolbox.exchange.bundle.contents import Contents, contents_of
from toolbox.exchange.bundle.descriptions.writing import write_descriptions
from toolbox.exchange.bundle.images import write_images
from toolbox.exchange.bundle.layout import (
    BUNDLE,
    EXTRACTIONS,
    MOST_BUNDLE_FILES,
    PROVENANCE,
    QUERIES,
    VIEWS,
    bundle_digest,
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
from toolbox.exchange.bundle.relations import left_out_relations, shared_relations
from toolbox.exchange.bundle.sources import TableSources
from toolbox.exchange.bundle.sql import BundleSql
from toolbox.exchange.bundle.tables import left_out_files, resampled_files, write_bundle_tables
from toolbox.exchange.bundle.texts import Writers, write_texts
from toolbox.exchange.bundle.withholding import withheld_from
from toolbox.files import digest_of, folder_beside, new_folder, replace_file
from toolbox.progress import Progress, silent
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import RESAMPLE_FOLDERS, StudyFolder
from toolbox.store.resamples import measure_of


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
    study: StudyFolder,
    output: Path | None,
    sharing: Sharing,
    writers: Writers | None = None,
    *,
    progress: Progress = silent,
) -> ShareReport:
    """Write a bundle of a study.

    Args:
        study: the study.
        output: a new zip or directory; None for a zip in the current directory with the title of the study.
        sharing: the options.
        writers: what writes the methods and the report; without them, the bundle has neither.
        progress: is called with what is done.

    Raises: UsageError for options that cannot be, and where there is something at the output; UnknownNameError;
        VerificationError for damaged tables.
    """
    check_sharing(sharing)
    contents = contents_of(study, sharing)
    target = output or Path(f"{default_name(sharing.credits.title or contents.title)}.zip")
    check_bundle_output(target)
    with _written_whole(target) as folder:
        record = read_between_commits(study, lambda: _write_files(study, sharing, folder, writers, progress))
        files = len([*folder.iterdir()])
    size = sum(file.stat().st_size for file in ([target] if target.is_file() else target.iterdir()))
    return ShareReport(
        str(target), size, files, record["digest"], tuple(record["includes"]), tuple(record["notes"])
    )


def default_name(title: str) -> str:
    """The name of a bundle where none is chosen.

    Args:
        title: of the results.
    """
    return next(iter(safe_names([title]).values()))


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


def _write_files(
    study: StudyFolder, sharing: Sharing, folder: Path, writers: Writers | None, progress: Progress
) -> dict[str, Any]:
    """Write all files of a bundle into a folder; the record of the bundle, with notes."""
    shutil.rmtree(folder)  # of an earlier reading, while the study was changed
    folder.mkdir()
    sources = _sources(study, sharing)
    progress("share", 0, 4)
    tables = write_bundle_tables(sources, folder)
    progress("share", 1, 4)
    models = write_cards(sources, folder)
    (folder / EXTRACTIONS).write_bytes(json_bytes(extractions_record(sources)))
    (folder / PROVENANCE).write_bytes(json_bytes(provenance_record(sources)))
    images = write_images(sources, folder) if sharing.include_images else {}
    progress("share", 2, 4)
    sql = BundleSql(tables, sources.contents.in_use, sources.contents.schemes)
    (folder / VIEWS).write_bytes(sql.views.encode())
    (folder / QUERIES).write_bytes(sql.queries.encode())
    notes = [*write_texts(sources, sharing, writers, folder)]
    progress("share", 3, 4)
    record = bundle_record(sources, tables, models, images)
    record["digest"] = bundle_digest(_digests(folder))
    (folder / BUNDLE).write_bytes(json_bytes(record))
    write_descriptions(sources, tables, record, folder)
    write_sums(folder)
    progress("share", 4, 4)
    return record | {"notes": [*sources.contents.notes, *notes, *_notes(sources, images, folder)]}


def _sources(study: StudyFolder, sharing: Sharing) -> TableSources:
    """What the bundle is made of.

    Raises: UsageError where what is withheld could be computed from what is asked for.
    """
    contents = contents_of(study, sharing)
    withheld = withheld_from(contents, sharing.minimum_n)
    for each in ("significance", "relations"):
        if withheld and each in sharing.included:
            raise UsageError(
                f"tables of {each} are of the responses to all stimuli, so that those to the withheld ones could be "
                f"computed from them; leave out {each} (--with {each}) or minimum_n (--minimum-n)"
            )
    replacements = Replacements(_private(contents, sharing), keep=sharing.keep_names)
    sources = TableSources(contents, withheld, replacements, sharing.included, sharing.credits)
    if "significance" in sharing.included and not any(
        any(resampled_files(sources, table)) for table in RESAMPLE_FOLDERS
    ):
        raise UsageError(
            "there is no significance of these responses to share; first: "
            f"{command_line('significance', contents.in_use['set'], '--model', contents.in_use['model'])}; or leave it "
            "out (--with significance)"
        )
    if "relations" in sharing.included and not any(shared_relations(sources)):
        first = f"first: {command_line('relate', contents.in_use['set'], '--parameter', 'PARAMETER')}"
        left_out = (
            f"that to {relation.parameter} is left out, as {why}; {remedy}"
            for _, relation, why, remedy in left_out_relations(sources)
        )
        raise UsageError(
            f"there are no relations to share; {next(left_out, first)}; or leave relations out (--with relations)"
        )
    return sources


def _notes(sources: TableSources, images: Mapping[str, str], folder: Path) -> Iterator[str]:
    """What whoever shares should know."""
    yield from sources.withheld.notes
    if "significance" in sources.included:
        for names, file in left_out_files(sources, "filters"):
            measure = measure_of(file)
            again = ("significance", names["set"], "--model", names["model"], "--index", measure.index)
            yield (
                f"significance ({measure}) of {names['model']} to {names['set']} is left out, as it is of other "
                f"responses or labels, or of another version of the toolbox; to compute it again: "
                f"{command_line(*again)}"
            )
    yield from _notes_on_relations(sources)
    replaced = {kind: n for kind, n in sources.replacements.replaced.items() if n}
    if replaced:
        yield f"replaced: {', '.join(f'{n:,} {kind}' for kind, n in replaced.items())}"
    if images:
        yield (
            f"{len(images):,} images are part of the bundle, with what their files hold of place, time and camera; "
            "share them only if their licence, and whoever is to be seen, permit it"
        )
    count = len([*folder.iterdir()])
    if count > MOST_BUNDLE_FILES:
        yield f"the bundle has {count:,} files; a deposit that accepts {MOST_BUNDLE_FILES} files needs it as one zip"


def _notes_on_relations(sources: TableSources) -> Iterator[str]:
    """Relations that are left out, and why."""
    if "relations" in sources.included:
        for names, relation, why, remedy in left_out_relations(sources):
            of = f"{names['model']} to {names['set']} by {names['scheme']}"
            yield (
                f"the relation of the responses of {of} to {relation.parameter} is left out, as {why}; {remedy}"
            )
    elif not sources.withheld and (count := sum(1 for _ in shared_relations(sources))):
        relations = "1 relation" if count == 1 else f"{count:,} relations"
        yield (
            f"{relations} (`toolbox relate`) {'is' if count == 1 else 'are'} left out; to include "
            f"{'it' if count == 1 else 'them'}: --with relations"
        )


def _private(contents: Contents, sharing: Sharing) -> list[str]:
    """Names of users and computers that are replaced."""
    if sharing.keep_names:
        return []
    categories = {category for labels in contents.labels.values() for category in labels.values()}
    schemes = {scheme for names in contents.schemes.values() for scheme in names}
    return private_names(texts_of_study(contents), {*contents.sets, *contents.models, *schemes, *categories})


def _digests(folder: Path) -> Mapping[str, str]:
    return {file.name: digest_of(file) for file in folder.iterdir()}
