"""Exporting a list of stimuli: its file, and copies of its images. Owns paths, and that all is written or none."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl

from toolbox.design.exporting.cells import is_plain
from toolbox.design.exporting.listing import StimulusList, stimulus_list
from toolbox.design.exporting.programs import IMAGE_COLUMN, PROGRAMS, Program, Trials
from toolbox.display import Report
from toolbox.errors import StimulusError, UsageError, expected_names
from toolbox.files import digest_of, replace_file
from toolbox.stimuli.contents import content_digest, is_member, is_there, read_content
from toolbox.stimuli.readers import suffix_of
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.parquet import with_version
from toolbox.store.selection import Selection
from toolbox.store.stimuli import Stimulus, images_remedy

_NAMED = 3
"""Files that a message lists."""


@dataclass(frozen=True)
class ExportedList(Report):
    """A list of stimuli that was exported.

    Attributes:
        set: the stimulus set.
        scheme: the label scheme.
        to: the program.
        files: what was written, beside copies.
        trials: number of rows.
        categories: number of rows of each category.
        copied: number of images that were copied.
        notes: what was changed so that the program reads it as it is.
    """

    set: str
    scheme: str
    to: str
    files: tuple[str, ...]
    trials: int
    categories: Mapping[str, int]
    copied: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exporting:
    """What is exported, and how.

    Attributes:
        to: name of the program.
        output: the file.
        source: a table such as match writes; None for the stimuli of the scheme.
        column: variables of the stimuli that are columns, too.
        copy_images: folder for copies of the images; None where the list names the images themselves.
    """

    to: str
    output: Path
    source: Path | None = None
    column: Sequence[str] = ()
    copy_images: Path | None = None


def export(study: StudyFolder, selection: Selection, options: Exporting) -> ExportedList:
    """Write a list of stimuli for a program, with paths relative to its folder.

    Args:
        study: with the set.
        selection: set, model and label scheme; those that are meant if None.
        options: program, file and content.

    Raises: UsageError for an option; StimulusError where an image is missing or has changed, or a path cannot be
        written such that the program reads it; nothing is written then.
    """
    program = _check_options(options)
    chosen = read_between_commits(
        study, lambda: stimulus_list(study, selection, options.source, options.column)
    )
    files = _check_images(study, chosen)
    copies = _copies(chosen, options.copy_images) if options.copy_images else {}
    _check_openable(files, copies)
    shown = {number: copies.get(number, file) for number, file in files.items()}
    trials = _trials(chosen, _relative_paths(shown, options.output))
    contents = program.write(trials, options.output)
    _check_targets(contents, copies, files)
    with ExitStack() as stack:
        for number, copy in copies.items():
            stack.enter_context(replace_file(copy)).write_bytes(read_content(files[number]))
        for file, content in contents.items():
            stack.enter_context(replace_file(file)).write_bytes(content)
    return _report(chosen, trials, options, [*map(str, contents)], len(copies))


def _report(
    chosen: StimulusList, trials: Trials, options: Exporting, files: Sequence[str], copied: int
) -> ExportedList:
    counts = chosen.rows["category"].drop_nulls().value_counts().sort("category")
    return ExportedList(
        set=chosen.set,
        scheme=chosen.scheme,
        to=options.to,
        files=tuple(files),
        trials=trials.rows.height,
        categories=dict(zip(counts["category"], counts["count"], strict=True)),
        copied=copied,
        notes=(*chosen.notes, *_notes_on_cells(chosen, options.to)),
    )


def _check_options(options: Exporting) -> Program:
    if options.to not in PROGRAMS:
        raise UsageError(f"no program or format {options.to!r}; {expected_names(options.to, PROGRAMS)}")
    program, suffix = PROGRAMS[options.to], options.output.suffix.lower()
    if suffix not in program.suffixes:
        expected = " or ".join(program.suffixes)
        raise UsageError(
            f"a list for {options.to} cannot be written to {options.output.name}; expected {expected}"
        )
    if options.output.is_dir():
        raise UsageError(f"{options.output} is a directory; expected the name of a file")
    if options.copy_images is not None and options.copy_images.is_file():
        raise UsageError(f"{options.copy_images} is a file; expected a folder for copies of the images")
    return program


def _check_images(study: StudyFolder, chosen: StimulusList) -> dict[int, Path]:
    """Where the images are; refuse to list images that are missing or have changed."""
    missing = [each.path for each in chosen.stimuli.values() if not is_there(each.file)]
    if missing:
        raise StimulusError(f"{_named(missing)} cannot be found; {images_remedy(study, chosen.set)}")
    changed = [each.path for each in chosen.stimuli.values() if content_digest(each.file) != each.sha256]
    if changed:
        raise StimulusError(
            f"{_named(changed)} changed after it was ingested, so that it is another stimulus; restore the file, or "
            "ingest it again"
        )
    return {number: each.file for number, each in chosen.stimuli.items()}


def _check_openable(files: Mapping[int, Path], copies: Mapping[int, Path]) -> None:
    """Refuse to list images that no program can open."""
    inside = next((file for number, file in files.items() if number not in copies and is_member(file)), None)
    if inside is not None:
        raise StimulusError(
            f"{inside} is in a container, which a program for experiments does not open; copy the images with "
            "--copy-images"
        )


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{', '.join(names[:_NAMED])}{more}"


def _copies(chosen: StimulusList, folder: Path) -> dict[int, Path]:
    """Where the copy of each image is: named after category and number, in letters that every system has."""
    category = dict(zip(chosen.rows["stimulus_id"], chosen.rows["category"], strict=True))
    return {
        number: folder / _copy_name(stimulus, category[number]) for number, stimulus in chosen.stimuli.items()
    }


def _copy_name(stimulus: Stimulus, category: str | None) -> str:
    plain = re.sub(r"\W+", "_", category or "", flags=re.ASCII).strip("_") or "stimulus"
    named = PurePosixPath(stimulus.path).suffix.lower() or suffix_of(read_content(stimulus.file))
    suffix = re.sub(r"[^.\w]", "", named, flags=re.ASCII)
    return f"{plain[:60]}_{stimulus.stimulus_id:04d}{suffix}"


def _relative_paths(files: Mapping[int, Path], output: Path) -> dict[int, str]:
    """Paths from the folder of the list, with `/`; refuse those that a program would read otherwise."""
    folder = output.parent.resolve()
    found = {}
    for number, file in files.items():
        try:
            relative = Path(os.path.relpath(file.resolve(), folder)).as_posix()
        except ValueError as error:  # another drive of Windows
            raise UsageError(
                f"{file} is on another drive than {output}; copy the images beside the list with --copy-images"
            ) from error
        path = relative if is_plain(relative) else f"./{relative}"
        if not is_plain(path):
            raise StimulusError(
                f"{file} has a name that programs would read otherwise; copy the images with --copy-images"
            )
        found[number] = path
    return found


def _check_targets(
    contents: Mapping[Path, bytes], copies: Mapping[int, Path], originals: Mapping[int, Path]
) -> None:
    """Refuse to write a copy over another file."""
    for number, copy in copies.items():
        is_other = copy.exists() and (copy.is_dir() or digest_of(copy) != content_digest(originals[number]))
        if is_other or copy in contents:
            raise UsageError(
                f"{copy} is another file than the copy of {originals[number].name} would be; choose another folder "
                "with --copy-images"
            )


def _trials(chosen: StimulusList, paths: Mapping[int, str]) -> Trials:
    images = pl.Series(
        IMAGE_COLUMN, [paths[number] for number in chosen.rows["stimulus_id"]], dtype=pl.String
    )
    further = [name for name in chosen.rows.columns if name not in ("stimulus_id", "category", IMAGE_COLUMN)]
    known = chosen.rows.with_columns(pl.selectors.float().fill_nan(None))
    rows = pl.DataFrame([images]).hstack(known.select("category", "stimulus_id", *further))
    origin = with_version({"set": chosen.set, "scheme": chosen.scheme})
    return Trials(rows, f"stimuli of {chosen.set}, scheme {chosen.scheme}", origin)


def _notes_on_cells(chosen: StimulusList, to: str) -> list[str]:
    """Categories that were written otherwise, so that a program reads them as texts."""
    if to in ("jspsych", "bids"):
        return []
    texts = [name for name, kind in chosen.rows.schema.items() if kind == pl.String]
    changed = sorted(
        {text for name in texts for text in chosen.rows[name].drop_nulls().unique() if not is_plain(text)}
    )
    if not changed:
        return []
    return [
        f"written with the name of their column in front, as programs would compute them: {_named(changed)}"
    ]
