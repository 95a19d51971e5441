"""Where a result is written, beside its rows: a figure, and a paragraph of text."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from toolbox.chart import Chart, check_format, render
from toolbox.errors import UsageError
from toolbox.files import replace_file

TEXT_SUFFIXES = (".md", ".txt")


class WrittenResult(Protocol):
    """What can be written."""

    @property
    def paragraph(self) -> str:
        """What was found, in words."""

    @property
    def chart(self) -> Chart:
        """The figure."""

    @property
    def provenance(self) -> Mapping[str, Any]:
        """Of the figure."""


@dataclass(frozen=True)
class ResultFiles:
    """The files of a result.

    Attributes:
        figure: file of the figure (.html, .pdf, .png, .svg, .json); None for none.
        text: file of the paragraph (.md, .txt); None for none.
    """

    figure: Path | None = None
    text: Path | None = None

    def __post_init__(self) -> None:
        """Refuse files that cannot be written, before anything is computed for them.

        Raises: UsageError.
        """
        if self.figure is not None:
            check_format(self.figure.suffix)
        if self.text is not None and self.text.suffix not in TEXT_SUFFIXES:
            expected = " or ".join(TEXT_SUFFIXES)
            raise UsageError(
                f"the paragraph cannot be written to {self.text.name}; expected a name that ends in {expected}"
            )
        for file in (self.figure, self.text):
            if file is not None and file.is_dir():
                raise UsageError(f"{file} is a directory; expected the name of a file")

    def write(self, result: WrittenResult) -> None:
        """Write figure and paragraph, both or none.

        Args:
            result: with both.
        """
        contents = dict[Path, bytes]()
        if self.text is not None:
            contents[self.text] = f"{result.paragraph}\n".encode()
        if self.figure is not None:
            contents[self.figure] = render(result.chart, self.figure.suffix, result.provenance)
        with ExitStack() as files:
            for file, content in contents.items():
                files.enter_context(replace_file(file)).write_bytes(content)


NO_FILES = ResultFiles()
"""None is written."""


def result_files(figure: str | Path | None, text: str | Path | None) -> ResultFiles:
    """The files that a user named, checked.

    Args:
        figure: as of `ResultFiles`.
        text: as of `ResultFiles`.

    Raises: UsageError.
    """
    return ResultFiles(Path(figure) if figure else None, Path(text) if text else None)
