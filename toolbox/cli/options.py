"""What several commands take: options, written once."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from toolbox.errors import UsageError

if TYPE_CHECKING:
    from toolbox.study import Study


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


StudyOption = Annotated[Path, typer.Option("--study", envvar="TOOLBOX_STUDY", help="Directory of the study.")]
SetOption = Annotated[str | None, typer.Option("--set", help="Stimulus set, where the study holds several.")]
ModelOption = Annotated[str | None, typer.Option("--model", help="Model, where the study holds several.")]
ModelsOption = Annotated[
    list[str] | None,
    typer.Option("--model", help="Model, where the study holds several; repeat it to compare models."),
]
SchemeOption = Annotated[
    str | None, typer.Option("--scheme", help="Label scheme, where the set has several.")
]
ParamOption = Annotated[
    list[str] | None, typer.Option("--param", "-p", help="A parameter of the query, as name=value.")
]
FormatOption = Annotated[
    Format | None, typer.Option(help="How rows are written: a table, or what --output ends in.")
]
OutputOption = Annotated[Path | None, typer.Option("--output", "-o", help="File to write instead of stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="No notes and no progress on stderr.")]
LayersOption = Annotated[
    list[str] | None,
    typer.Option("--layers", help="Layer name or pattern such as 'block5_*'; may be repeated."),
]
WeightsOption = Annotated[
    str, typer.Option("--weights", help="auto, a file (.h5, .onnx, .npz, .safetensors) or random:SEED.")
]
HERE = Path()


def study_at(directory: Path, *, make: bool = True) -> Study:
    """The study of a directory; only ingestion makes one."""
    from toolbox.store.folder import open_study
    from toolbox.study import Study

    if not make:
        open_study(directory)
    return Study(directory)


def parameters(given: Sequence[str] | None) -> dict[str, str]:
    return pairs(given, "--param", "name=value")


def pairs(given: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    split = [entry.partition("=") for entry in given or ()]
    for name, equals, _ in split:
        if not equals or not name:
            raise UsageError(f"{option} {name!r} has no value; expected {form}")
    return {name: value for name, _, value in split}
