"""What layers know of categories, from Python. Owns the signatures; `toolbox.design` does the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown

if TYPE_CHECKING:
    from toolbox.design.advice import Advice
    from toolbox.design.probe import ProbeReport


class StudyProbing(StudyDirectory):
    """What probes the layers of a network."""

    def probe(
        self,
        set: str | None = None,
        *,
        category: str | Sequence[str] | None = None,
        filters: int | Sequence[int] | None = None,
        images: int | Sequence[int] | None = None,
        group: str | None = None,
        test_on: str | None = None,
        distance: float = 0.25,
        folds: int = 5,
        repeats: int = 10,
        permutations: int = 20,
        seed: int = 0,
        model: str | None = None,
        scheme: str | None = None,
        figure: str | Path | None = None,
        text: str | Path | None = None,
        save_bank: str | Path | None = None,
        progress: Progress | bool = True,
    ) -> ProbeReport:
        """How well a linear probe tells the categories apart: from one layer, from all, or from chosen filters.

        The features of a filter are the square roots of its maximum and its mean. Ranges, penalties, the best layer,
        filters and weights are chosen from training images alone. The layers' weights are variance components: where
        in the network the answer is located.

        Args:
            set: the stimulus set; the only one with responses if None.
            category: the categories to tell apart; all of them if None.
            filters: sizes of banks of filters, each compared with as many filters of the best layer, and as many at
                random. Up to 32 filters are chosen one after the other, more by response contrast, with a quota for
                every category.
            images: numbers of training images a category, for a learning curve.
            group: a column of the set, or a label scheme: images with the same value stay in one fold, such as matched
                pairs or frames of one film.
            test_on: another set; it is tested on its images, and trained on all of the first set.
            distance: near-duplicates, whose responses are that near (see `sets/near_duplicates`), stay in one fold; 0
                for none.
            folds: of the cross-validation.
            repeats: of the cross-validation, with other folds each.
            permutations: of the labels, from which chance is estimated.
            seed: equal seeds give equal folds, draws and permutations.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            figure: file for the figure (.html, .pdf, .png, .svg, .json).
            text: file for the paragraph (.md, .txt).
            save_bank: file (.parquet, .csv or .json) for the largest of the banks, which `probe/bank` applies.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: a table of methods (`rows`), `paragraph`, `chart`, the bank, notes, and warnings where the result must
            be read with care.
        Raises: UsageError for an impossible option, or too few images; UnknownNameError for a name.
        Source: Nadeau and Bengio (2003), doi 10.1023/A:1024068626366, for the intervals.

        Example:
            >>> report = study.probe("colours", distance=0, permutations=0)
            >>> report.rows["method"].to_list()[:3], report.best
            (['weighted layers', 'best layer', 'last layer'], 'colour')
        """
        from toolbox.design.probe import Probing, probe
        from toolbox.design.probe.bank import check_bank_file
        from toolbox.query import Answer
        from toolbox.query.files import write_rows
        from toolbox.query.result_files import result_files

        choices = Probing(category, filters, images, group, distance, folds, repeats, permutations, seed)
        files, bank = result_files(figure, text), Path(save_bank) if save_bank else None
        check_bank_file(bank, choices)
        selection = Selection(set, model or (), scheme)
        report = probe(self.folder, choices, selection, files, test_on=test_on, progress=shown(progress))
        if bank is not None and report.bank is not None:
            write_rows(Answer(report.bank, report.provenance), bank)
        return report

    def advise(
        self,
        set: str | None = None,
        *,
        category: str | Sequence[str] | None = None,
        control: str | None = None,
        group: str | None = None,
        repeats: int = 2,
        permutations: int = 20,
        seed: int = 0,
        model: str | None = None,
        scheme: str | None = None,
        figure: str | Path | None = None,
        text: str | Path | None = None,
        progress: Progress | bool = True,
    ) -> Advice:
        """Whether a network has filters for the categories of a set, and which layer, or bank, to take.

        Brings together what is there: selective and significant filters with their chance, an untrained control, a
        probe of every layer with its uncertainty, and properties of the images that tell a category alone. Where
        significance was not computed, the advice reports so.

        Args:
            set: the stimulus set; the only one with responses if None.
            category: the categories that count; all of them if None.
            control: an untrained network with responses to the set; the model's own, such as vgg16-untrained, if None.
            group: as of `probe`.
            repeats: of the cross-validation, with other folds each; more make intervals steadier.
            permutations: of the labels, from which chance is estimated.
            seed: equal seeds give equal folds, draws and permutations.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            figure: file for the figure (.html, .pdf, .png, .svg, .json).
            text: file for the paragraph (.md, .txt).
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: `paragraph`, a table of layers and categories (`rows`), `chart`, and the probe (`report`).
        Raises: as `probe`; UnknownNameError for a control without responses.

        Example:
            >>> advice = study.advise("colours", permutations=0)
            >>> advice.layer, advice.is_resampled
            ('colour', False)
        """
        from toolbox.design.advice import advise
        from toolbox.design.probe import Probing
        from toolbox.query.result_files import result_files

        files = result_files(figure, text)
        choices = Probing(category, group=group, repeats=repeats, permutations=permutations, seed=seed)
        selection = Selection(set, model or (), scheme)
        return advise(self.folder, choices, selection, files, control=control, progress=shown(progress))
