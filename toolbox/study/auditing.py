"""What is wrong with stimulus sets, from Python. Owns the signature; `toolbox.design.audit` does the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown

if TYPE_CHECKING:
    from toolbox.design.audit import Audit


class StudyAudit(StudyDirectory):
    """What audits stimulus sets."""

    def audit(
        self,
        set: str | None = None,
        *,
        kind: str | Sequence[str] | None = None,
        against: str | Sequence[str] | None = None,
        near: float = 0.65,
        false_positives: float = 0.05,
        auc: float = 0.8,
        seed: int = 0,
        save_as: str | None = None,
        replace: bool = False,
        model: str | None = None,
        scheme: str | None = None,
        figure: str | Path | None = None,
        text: str | Path | None = None,
        progress: Progress | bool = True,
    ) -> Audit:
        """Look for what is wrong with a set: copies, doubtful labels, poor pictures, properties that tell a category.

        From what is stored: no network runs, no image is read. Copies are pictures of the same pixels, or of nearly the
        same responses, in the set and in others. A label is doubtful if a ridge regression on the responses of all
        layers, fitted without the picture and its copies, scores another category higher, by a margin that only
        `false_positives` of the stimuli exceed if labels are shuffled. Dark, light and other poor pictures, and
        confounds, need `properties`. Of a confound, the list counts the filters that are selective for the category,
        and those that still are at equal values of the property.

        Warns (ResultWarning) of what could not be looked for.

        Args:
            set: the stimulus set; the only one if None.
            kind: what to look for: 'duplicate', 'near_duplicate', 'doubtful_label', 'dark', 'light', 'blurred',
                'low_information', 'odd_aspect_ratio', 'odd_size', 'grey', 'confound', one or several; all if None.
            against: other sets in which copies are looked for; all if None, none if empty.
            near: largest distance of near duplicates, in units of the usual distance between neighbours in the set.
            false_positives: proportion of labels that would be doubtful if all labels were shuffled.
            auc: from which, or up to one minus which, a property alone predicts a category.
            seed: of shuffles; equal seeds give equal lists.
            save_as: name of a label scheme to write without the stimuli that were found; none is written if None.
            replace: overwrite other labels of that scheme.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            figure: file for the figure (.html, .pdf, .png, .svg, .json).
            text: file for the paragraph (.md, .txt).
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: `findings`, a row each; `paragraph`; `chart`; `separations`, the AUC of every property for every
            category; `left_out`, numbers of the stimuli that a scheme without the findings leaves out.
        Raises: UsageError, UnknownNameError for an option; VerificationError when a table is damaged.

        Example:
            >>> found = study.audit("colours", kind=["odd_size", "odd_aspect_ratio"])
            >>> found.findings.height, found.left_out
            (0, [])
        """
        from toolbox.design.audit import AuditChoices, audit, check_saving, save_scheme
        from toolbox.query.result_files import result_files

        choices = AuditChoices(kind, against, near, false_positives, auc, seed)
        files = result_files(figure, text)
        selection = Selection(set, model or (), scheme)
        if save_as is not None:
            check_saving(self.folder, selection, save_as)
        found = audit(self.folder, selection, choices, files, progress=shown(progress))
        if save_as is not None:
            save_scheme(self.folder, found, save_as, choices, replace=replace)
        self._warn(found.notes)
        return found
