"""Stimulus sets as experimental material from Python. Owns the signatures; `toolbox.design` does the work."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import Distance, Statistic

if TYPE_CHECKING:
    import polars as pl

    from toolbox.design.comparison import CategoryComparison, ReferenceReport
    from toolbox.design.exporting.run import ExportedList
    from toolbox.design.matching.run import MatchedSets


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

    def compare(
        self,
        categories: Sequence[str],
        *,
        layer: str | Sequence[str] | None = None,
        reference: str | None = None,
        statistic: Statistic = "maximum",
        threshold: float | None = None,
        margin: float = 0.05,
        property_margin: float = 0.5,
        resamples: int = 1000,
        seed: int = 0,
        set: str | None = None,
        model: str | None = None,
        scheme: str | None = None,
        figure: str | Path | None = None,
        text: str | Path | None = None,
        progress: Progress | bool = True,
    ) -> CategoryComparison:
        """Are categories of similar visual complexity? Complexity and image properties of every pair, with tests.

        The complexity of a category is the proportion of filters that respond highly to it (mean over the layers), and
        their mean depth, as in complexity/depth: a property of the network's representation. A filter responds highly
        if its mean normalised response to the category exceeds, by more than `threshold`, that to all other stimuli of
        the set, or to the stimuli of a `reference`. With a reference, the numbers of a category do not depend on the
        other categories of its set, and two sets can be compared.

        Differences are reported with bootstrap intervals over the stimuli, effect sizes, p values corrected for all
        pairs (Holm), and tests of equivalence: two one-sided tests, which show that a difference is smaller than a
        margin. Neither has to be shown: then the stimuli are too few to decide, which is evidence of neither. That all
        pairs are equivalent needs no correction, as every single test must show it (Berger 1982).

        Args:
            categories: two or more of the label scheme.
            layer: names, or patterns such as 'block5_*'; all layers that do not pool if None.
            reference: what the categories are compared with: a set of the study, the file of a reference (.parquet), or
                one that ships with the network (`natural` for vgg16); each other if None.
            statistic: 'maximum' or 'mean' of the activation map.
            threshold: difference of the mean normalised responses above which a filter responds highly; that of
                response contrast (0.1) if None.
            margin: largest difference in proportion and in mean depth that does not matter. 0.05 is five filters in a
                hundred; in depth it is about the distance of neighbouring layers of VGG16.
            property_margin: the same for properties of the images, in standard deviations. 0.5 is a medium effect
                (Cohen), about the smallest that can be excluded with 40 stimuli in each category.
            resamples: number of bootstrap samples; 20 or more.
            seed: equal seeds give equal resamples.
            set: the stimulus set; the only one with responses if None.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            figure: file for the figure (.html, .pdf, .png, .svg, .json).
            text: file for the paragraph (.md, .txt).
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: `rows`, one for every measure and pair, with `conclusion`: equivalent, different, different within the
            margin, or undecided; null values where a measure is not known. `categories`, every value with its
            interval; `paragraph`; `chart`; and `notes`, such as on categories with few filters.
        Raises: UnknownNameError, UsageError for what cannot be compared; MixtureError for the reference of another
            network, weights or preprocessing; VerificationError when responses or tables are damaged.
        Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265; Schuirmann (1987), doi 10.1007/BF01068419; Berger
            (1982), doi 10.1080/00401706.1982.10487790; Holm (1979), https://www.jstor.org/stable/4615733.

        Example:
            >>> import polars as pl
            >>> found = study.compare(["red", "green"], resamples=100)
            >>> rows = found.rows.filter(kind="complexity").select("measure", "value", "value_other")
            >>> rows.with_columns(pl.selectors.float().round(3)).rows()
            [('proportion', 0.583, 0.167), ('mean_depth', 0.429, 0.0)]
        """
        from toolbox.design.comparison import Comparing, compare_categories
        from toolbox.design.result_files import ResultFiles

        choices = Comparing(layer, reference, statistic, threshold, margin, property_margin, resamples, seed)
        files = ResultFiles(Path(figure) if figure else None, Path(text) if text else None)
        selection = Selection(set, model or (), scheme)
        return compare_categories(
            self.folder, categories, choices, selection, files, progress=shown(progress)
        )

    def reference(
        self,
        set: str | None = None,
        *,
        output: str | Path,
        description: str | None = None,
        model: str | None = None,
    ) -> ReferenceReport:
        """Write the responses to a set as a reference, with which the categories of other studies can be compared.

        The file has mean, standard deviation, range and quantiles of every filter over all stimuli of the set
        (filters/distribution), and a digest of preprocessing, architecture and weights up to every layer, so that it is
        never used with another network. It contains no image.

        Args:
            set: the stimulus set; the only one with responses if None.
            output: the file (.parquet), which is replaced if it exists.
            description: of the stimuli, with their source; results with this reference print it.
            model: whose responses; the only one if None.

        Returns: the file, its size in bytes, and how many stimuli and filters it is of.
        Raises: UsageError for another suffix; as `query`.

        Example:
            >>> report = study.reference("colours", output="tiny.colours.parquet", description="six colours")
            >>> report.stimuli, report.filters
            (6, 5)
            >>> found = study.compare(["red", "green"], reference="tiny.colours.parquet", resamples=100)
            >>> found.provenance["reference"]["description"]
            'six colours'
        """
        from toolbox.design.comparison import save_reference

        report = save_reference(self.folder, Path(output), Selection(set, model or ()), description)
        self._warn(report.notes)
        return report

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
        from toolbox.design.result_files import ResultFiles

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
        files = ResultFiles(Path(figure) if figure else None, Path(text) if text else None)
        selection = Selection(set, model or (), scheme)
        found = match(self.folder, selection, options, files, save_as=save_as, replace=replace)
        self._warn(found.notes)
        return found

    def export(
        self,
        set: str | None = None,
        *,
        to: str,
        output: str | Path,
        source: str | Path | None = None,
        column: str | Sequence[str] | None = None,
        copy_images: str | Path | None = None,
        model: str | None = None,
        scheme: str | None = None,
    ) -> ExportedList:
        """Write a list of stimuli as a program for experiments reads it, with paths relative to its folder.

        Names of columns become variables. A text that a program would compute or take for a number, such as a category
        called '1', is written with the name of its column in front.

        Warns (ResultWarning) of texts that were changed.

        Args:
            set: the stimulus set; the only one if None.
            to: 'psychopy' (.csv, .xlsx), 'jspsych' (.json), 'bids' (.tsv, with a .json beside it), or 'csv' or 'xlsx'
                for OpenSesame and others.
            output: the file.
            source: a table with the column stimulus_id, such as the list that `match` returns; the labelled stimuli of
                the scheme if None.
            column: variables of the stimuli that are columns, too, as of `match`.
            copy_images: folder for copies of the images, named after category and number; the list then names the
                copies.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.

        Returns: files, number of rows, by category, and of copied images.
        Raises: UsageError for an option; StimulusError for a row that is no stimulus of the set, and for an image that
            is missing or has changed; nothing is written then.

        Example:
            >>> report = study.export("colours", to="psychopy", output="conditions.csv")
            >>> report.trials, report.categories
            (6, {'green': 3, 'red': 3})
        """
        from toolbox.design.exporting.run import Exporting, export

        columns = (column,) if isinstance(column, str) else tuple(column or ())
        paths = [Path(each) if each else None for each in (source, copy_images)]
        options = Exporting(to, Path(output), paths[0], columns, paths[1])
        report = export(self.folder, Selection(set, model or (), scheme), options)
        self._warn(report.notes)
        return report
