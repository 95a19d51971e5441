"""Stimulus sets as experimental material from Python. Owns the signatures; `toolbox.design` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown

if TYPE_CHECKING:
    import polars as pl


class StudyDesign(StudyDirectory):
    """What measures, compares, audits and matches stimulus sets."""

    def properties(
        self, set: str | None = None, *, scheme: str | None = None, progress: Progress | bool = True
    ) -> pl.DataFrame:
        """Measure the images of a set that were not measured yet; all properties of all stimuli.

        Warns (ResultWarning) of images that cannot be measured, and of values that an estimator does not reach.

        Args:
            set: the stimulus set; the only one if None.
            scheme: the label scheme of the categories; the only one if None.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: a row for every stimulus: stimulus_id, path, category, and a column for every property, measured on the
            picture stretched to 224 x 224 pixels, or in columns that end in `_file` on the pixels of the file; null
            where a property is not defined, such as the spectral slope of a uniform picture.
        Raises: UnknownNameError; BusyError; VerificationError when a table is damaged.

        Example:
            >>> rows = study.properties("colours")
            >>> rows.filter(category="red")["luminance"].mean() > 0
            True
        """
        from toolbox.design.properties import measure_properties, table_of_properties

        report = measure_properties(self.folder, set, progress=shown(progress))
        answer = table_of_properties(self.folder, report.set, scheme)
        self._warn([*report.refusals, *report.notes, *answer.notes])
        return answer.rows
