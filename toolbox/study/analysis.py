"""What takes more than a query, from Python: resampling, replication. Owns the signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import DEFAULT_INDEX, Range, Statistic

if TYPE_CHECKING:
    import polars as pl

    from toolbox.analyse.significance import SignificanceReport
    from toolbox.query import Answer


class StudyAnalysis(StudyDirectory):
    """What resamples a study, and compares it with published values."""

    def significance(
        self,
        set: str | None = None,
        *,
        index: str = DEFAULT_INDEX,
        statistic: Statistic = "maximum",
        normalise: Range = "filter",
        threshold: float | Sequence[float] | None = None,
        resamples: int = 1000,
        seed: int = 0,
        model: str | None = None,
        scheme: str | None = None,
        progress: Progress | bool = True,
    ) -> SignificanceReport:
        """Resample an index: intervals, p values and reliability, which queries then show.

        Writes tables beside the responses; the same call again finds them there.

        Args:
            set: the stimulus set; the only one with responses if None.
            index: name of a file in `queries/indices/` that has a value for every category.
            statistic: 'maximum' or 'mean' of the activation map.
            normalise: 'filter' or 'layer', the range of equation 1.
            threshold: where selective filters are counted too, beside the suitable and the published threshold of the
                index and those of an earlier run; one number, or several, in the unit of the index.
            resamples: number of bootstrap samples, and of permutations; 20 or more.
            seed: equal seeds give equal resamples.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: how many tests (filter x category) were made, and how many of them are significant.
        Raises: UsageError for an impossible option, or a set with fewer than two categories; BusyError;
            VerificationError when responses or tables are damaged.
        Source: Phipson and Smyth (2010), doi 10.2202/1544-6115.1585, for p; Benjamini and Hochberg (1995), doi
            10.1111/j.2517-6161.1995.tb02031.x, for q; Nichols and Holmes (2002), doi 10.1002/hbm.1058, for the FWE
            corrected p.

        Example:
            >>> report = study.significance("colours", resamples=100)
            >>> report.index, report.resamples, report.filters, report.dead
            ('contrast', 100, 5, 1)
        """
        from toolbox.analyse.significance import Resampling, resample

        choices = Resampling(index, statistic, normalise, threshold, resamples, seed)
        return resample(self.folder, choices, Selection(set, model or (), scheme), progress=shown(progress))

    def replicate(
        self,
        reference: str | Path,
        *,
        map: Mapping[str, str] | None = None,
        filters: bool = False,
        index: str | None = None,
        statistic: Statistic | None = None,
        normalise: Range | None = None,
        threshold: float | None = None,
        count: int | None = None,
        set: str | None = None,
        model: str | None = None,
        scheme: str | None = None,
        figure: str | Path | None = None,
    ) -> pl.DataFrame:
        """How well the study agrees with a published table of selectivities, per layer and category.

        Warns (ResultWarning) of layers and categories without a counterpart, which are left out.

        Args:
            reference: .csv, .tsv or .parquet with the columns layer, filter, selectivity, and label or category.
            map: label of the table -> category of the study, where they have different names.
            filters: the values of every filter on both sides (`replication/filters`) instead of their agreement.
            index: the index here; None for the default of the query `replication/layers`.
            statistic: 'maximum' or 'mean' of the activation map; None for the query's default.
            normalise: 'filter' or 'layer', the range of equation 1; None for the query's default.
            threshold: a filter above it is selective; None for the query's default. Not with `filters`.
            count: number of most selective filters whose overlap is taken; None for the query's default. Not with
                `filters`.
            set: the stimulus set; the only one with responses if None.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            figure: file for the scatter of the values (.html, .png, .svg, .json).

        Returns: one row for every layer and category in common, and one over all categories; correlations from -1 to
            1, null where one side does not vary. With `filters`, one row for every filter and category.
        Raises: UsageError for a table that does not fit; QueryError.
        Source: Malakhova (2018), doi 10.1109/CVPRW.2018.00265.

        Example:
            >>> rows = study.replicate("published.csv", map={"rouge": "red"}, threshold=0.45)
            >>> rows.select("layer", "category", "selective_there").rows()
            [('colour', 'green', 0), ('colour', 'red', 1), ('colour', 'all', 1)]
        """
        parameters = {
            "index": index, "statistic": statistic, "normalise": normalise, "threshold": threshold, "count": count,
        }  # fmt: skip
        answer = self.replication(
            reference,
            map,
            {name: value for name, value in parameters.items() if value is not None},
            Selection(set, model or (), scheme),
            filters=filters,
            figure=figure,
        )
        self._warn(answer.notes)
        return answer.rows

    def replication(
        self,
        reference: str | Path,
        map: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
        selection: Selection | None = None,
        *,
        filters: bool = False,
        figure: str | Path | None = None,
    ) -> Answer:
        """As `replicate`, with the provenance of the rows, and its notes as data instead of warnings.

        Args:
            reference: the published table.
            map: label of the table -> category of the study, where they have different names.
            parameters: values of the parameters of `replication/layers`.
            selection: set, model and scheme; the only ones if None.
            filters: the values of every filter on both sides instead of their agreement.
            figure: file for the scatter of those values.

        Returns: rows, provenance (with file and digest of the table) and notes.
        Raises: as `replicate`.

        Example:
            >>> answer = study.replication("published.csv", {"rouge": "red"}, {"count": 2})
            >>> answer.provenance["reference"]["map"]
            {'rouge': 'red'}
        """
        from toolbox.analyse.published_table import read_published_table
        from toolbox.analyse.replication import FILTERS_QUERY, pair_filters, replicate

        table = read_published_table(Path(reference), map or {})
        answer = replicate(self.folder, table, parameters, selection, filters=filters)
        if figure is not None:
            from toolbox.query import shipped_query
            from toolbox.show.plots import draw_figure, save

            pairs = pair_filters(self.folder, table, parameters, selection)
            save(draw_figure(self.folder, shipped_query(FILTERS_QUERY), pairs), Path(figure))
        return answer
