"""A study as a directory: opening it, and what it holds at a glance. Owns nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

from toolbox.errors import ResultWarning
from toolbox.faults import explain_faults_of_methods
from toolbox.files import local_folder
from toolbox.store.folder import StudyFolder, is_free
from toolbox.store.migration import open_study


class StudyDirectory:
    """What all methods of a study share: its folder, and that a fault of the computer is one line."""

    def __init_subclass__(cls) -> None:
        """Explain the faults of the methods that a part of the study adds."""
        super().__init_subclass__()
        explain_faults_of_methods(cls)

    def __init__(self, directory: str | Path, *, create: bool = False, title: str = "") -> None:
        """Open the study in a directory.

        Args:
            directory: where the study is, or will be: a directory, or an address in object storage, such as
                's3://bucket/prefix'.
            create: let the first `ingest` make a study of a missing or empty directory; an existing study is opened.
            title: what a new study is about; an existing study keeps its own.

        Raises: UsageError when the directory is not a study; ToolboxError when a newer toolbox wrote it.

        Example:
            >>> Study("my-study")
            Study('my-study')
        """
        root = local_folder(directory)
        self.folder = StudyFolder(root) if create and is_free(root) else open_study(root)
        self._title = title

    def __repr__(self) -> str:
        """The call that opens this study."""
        return f"Study({str(self.folder.root)!r})"

    def __str__(self) -> str:
        """What the study holds: sets, stimuli, label schemes; models, layers, resampled indices.

        Reads names and footers alone: it costs milliseconds, and checks nothing that a query checks.

        Raises: VerificationError when a table that must be counted is damaged.

        Example:
            >>> print(study)
            my-study: Colours
              set colours: 6 stimuli; label schemes: category
                model tiny: 3 layers (colour … sum); significance: none yet
        """
        from toolbox.study.summary import text_summary

        return text_summary(self.folder, self._title)

    def _repr_html_(self) -> str:
        """The same as a table, which notebooks show."""
        from toolbox.study.summary import html_summary

        return html_summary(self.folder, self._title)

    @property
    def sets(self) -> list[str]:
        """Names of the stimulus sets, in alphabetical order.

        Example:
            >>> study.sets
            ['colours']
        """
        return self.folder.sets()

    def models(self, set: str) -> list[str]:
        """Names of the models with responses to a set, in part or whole.

        Args:
            set: the stimulus set.

        Returns: the names in alphabetical order; none for a set that the study does not have.

        Example:
            >>> study.models("colours")
            ['tiny']
        """
        return self.folder.models(set)

    def _warn(self, notes: Sequence[str]) -> None:
        """Warn at the line that called the method."""
        for note in notes:
            warnings.warn(
                note, ResultWarning, stacklevel=4
            )  # the method is called by what explains its faults


explain_faults_of_methods(StudyDirectory)
