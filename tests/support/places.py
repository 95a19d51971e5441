"""Which files of a study name a folder, in whatever form the file stores it."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq


def texts_of(file: Path) -> str:
    """Everything in a file that may be text: of a Parquet file its rows, which are compressed, and its metadata."""
    text = file.read_bytes().decode("utf-8", "replace")
    if file.suffix == ".parquet":
        with pq.ParquetFile(file) as opened:
            text += f"{opened.read().to_pylist()} {opened.metadata.metadata}"
    return text


def files_naming(folder: str, study: Path) -> dict[str, list[str]]:
    """File of a study -> its lines that contain the folder."""
    return {
        path.relative_to(study).as_posix(): [line for line in texts_of(path).splitlines() if folder in line]
        for path in study.rglob("*")
        if path.is_file() and folder in texts_of(path)
    }
