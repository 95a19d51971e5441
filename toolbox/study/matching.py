"""Stimuli chosen so that sets agree, from Python. Owns signatures; `toolbox.design` does the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.terms import Distance

if TYPE_CHECKING:
    from toolbox.design.matching.run import MatchedSets


class StudyMatching(StudyDirectory):
    """What matches stimulus sets."""

    def match(
        self,
        set: str | None = None,
        *,
        category: str | Sequence[str] | None = None,
        n: int | Mapping[str, int] | Sequence[str] | None = None,
        on: str | Sequence[str] | None = None,
        within: float | None = None,
        different: str | None = None,
        by: float = 1.0,
        sets: int | None = None,
        distance: Distance = "standardised",
        same: str | None = None,
        together: str | None = None,
        apart: str | None = None,
        fixed: str | None = None,
        keep: str | Sequence[str] | None = None,
        leave_out: str | Sequence[str] | None = None,
        seed: int = 0,
        save_as: str | None = None,
        replace: bool = False,
        model: str | None = None,
        scheme: str | None = None,
        figure: str | Path | None = None,
        text: str | Path | None = None,
    ) -> MatchedSets:
        """Choose stimuli so that categories agree in properties of the images, in responses, or in ratings.

        No image is changed. The search starts from optimal pairs, and from the best of 10,000 random choices; then
        stimuli are exchanged until the largest standardised difference of any two categories cannot be made smaller.
        Without `sets`, the categories are compared; with it, as many sets are made of the same stimuli, with the same
        number of each category, and several named categories agree, too. Stimuli for which a variable is not known are
        left out. The run is recorded in `runs/`.

        Warns (ResultWarning) of stimuli that are left out, and of differences that the stimuli do not allow to be
        smaller: in which variable, how far the categories overlap, and which n would be possible.

        Args:
            set: the stimulus set; the only one if None.
            category: categories to choose from, one or several; all if None.
            n: stimuli of each category (and set): a number, or numbers by category ({'face': 40, 'car': 20} or
                ['face=40', 'car=20']); as many as the smallest category has if None.
            on: variables that are to agree, one or several: properties of the images (`properties`), numeric
                parameters of the stimuli, 'depth' and 'responsive_filters' of the responses to a stimulus, or layers
                such as 'block1_*'.
            within: largest difference of the members of a pair in every variable, in standard deviations; of a layer,
                the distance of the responses. None for no limit.
            different: variable in which the categories, or sets, are to differ while they agree in the others.
            by: smallest standardised difference of that variable.
            sets: number of sets to make of the same stimuli; None if the categories are the sets.
            distance: of two stimuli in a pair: 'standardised' or 'mahalanobis'.
            same: members of a pair have the same value of this column of the set, or label scheme.
            together: stimuli with the same value of this column or label scheme are chosen together.
            apart: of stimuli with the same value of this column or label scheme, no two are in one set.
            fixed: column or label scheme that says yes or no of stimuli that must be chosen, or must not; with `sets`
                also the number of the set. Empty for others.
            keep: stimuli that must be chosen, one or several, by path, end of path or stimulus_id.
            leave_out: stimuli that must not.
            seed: equal seeds give equal choices.
            save_as: name of a label scheme to write with the chosen stimuli: their categories, or 'set 1' and so on;
                none is written if None.
            replace: overwrite other labels of that scheme.
            model: whose responses; the only one if None.
            scheme: the label scheme of the categories; the only one if None.
            figure: file for the Love plot (.html, .pdf, .png, .svg, .json).
            text: file for the paragraph (.md, .txt).

        Returns: `chosen`, the list; `balance`, the differences before and after in every variable; `paragraph`, for a
            reviewer; `chart`; `largest`, the largest standardised difference of what was to agree.
        Raises: UsageError, UnknownNameError for an option, or where such stimuli do not exist; nothing is written then.
        Source: Papenberg (2024), doi 10.1111/bmsp.12315, for exchange on means and spreads; Austin (2009), doi
            10.1002/sim.3697, for the standardised difference.

        Example:
            >>> found = study.match("colours", n=2, on="brightest")
            >>> found.counts, found.chosen.columns
            ({'green': 2, 'red': 2}, ['stimulus_id', 'path', 'category', 'match', 'distance', 'brightest'])
        """
        from toolbox.design.matching.choices import Matching
        from toolbox.design.matching.run import match
        from toolbox.query.result_files import result_files

        options = Matching(
            category,
            n,
            on,
            within,
            different,
            by,
            sets,
            distance,
            same,
            together,
            apart,
            fixed,
            keep,
            leave_out,
            seed,
        )
        files = result_files(figure, text)
        selection = Selection(set, model or (), scheme)
        found = match(self.folder, selection, options, files, save_as=save_as, replace=replace)
        self._warn(found.notes)
        return found
