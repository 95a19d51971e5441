"""Stimulus sets as experimental material from Python. Owns the signatures; `toolbox.design` does the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import Statistic

if TYPE_CHECKING:
    import polars as pl

    from toolbox.design.comparison import CategoryComparison, ReferenceReport


class StudyDesign(StudyDirectory):
    """What measures and compares stimulus sets."""

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
        from toolbox.query.result_files import result_files

        choices = Comparing(layer, reference, statistic, threshold, margin, property_margin, resamples, seed)
        files = result_files(figure, text)
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
