"""Charts of reports as files. Owns the refusal of a file that cannot be a figure, before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.chart import Chart, check_format, render
from toolbox.errors import UsageError
from toolbox.files import replace_file
from toolbox.store.parquet import with_version


def check_figure(path: Path) -> None:
    """Refuse a file that cannot be written as a figure.

    Args:
        path: of the file.

    Raises: UsageError.
    """
    if path.is_dir():
        raise UsageError(f"{path} is a directory; expected the name of a file")
    check_format(path.suffix, None)


def write_figure(chart: Chart, path: Path, provenance: Mapping[str, Any]) -> None:
    """Write a chart as .html, .pdf, .png, .svg or .json, whole or not at all.

    Args:
        chart: any.
        path: of the file, which is replaced if there is one.
        provenance: of its rows.
    """
    content = render(chart, path.suffix, with_version(provenance))
    with replace_file(path) as fresh:
        fresh.write_bytes(content)
