"""A study: the one object through which Python does what the commands do. Holds no logic of its own.

Every method imports what it needs: asking a study should not wait for onnxruntime.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.errors import RemarkWarning, UnknownNameError
from toolbox.progress import Progress, silent
from toolbox.store.folder import StudyFolder, create_study, is_empty, open_study
from toolbox.store.selection import Selection

if TYPE_CHECKING:
    import polars as pl

    from toolbox.analyse.significance import SignificanceReport
    from toolbox.chart import Chart
    from toolbox.collect.extraction import Estimate, ExtractionReport
    from toolbox.collect.ingest import IngestReport
    from toolbox.collect.label import LabelReport
    from toolbox.query import Answer, Query
    from toolbox.show.plots import Figure


class Study:
    """A directory with stimulus sets, responses and what follows from them.

    >>> from toolbox import Study
    >>> study = Study("my-study")
    >>> study.ingest("photographs", set="animals")  # doctest: +SKIP
    >>> study.extract("animals", layers=["block5_*"])  # doctest: +SKIP
    >>> study.query("layers/profile", threshold=0.05)  # doctest: +SKIP
    """

    def __init__(self, directory: str | Path, *, title: str = "") -> None:
        """The study in a directory; the first `ingest` makes one of a missing or empty directory.

        Args:
            directory: where the study is, or is to be.
            title: what a new study is about.

        Raises: UsageError when the directory holds other things; ToolboxError when a newer toolbox wrote it.
        """
        root = Path(directory)
        self.folder = StudyFolder(root) if not root.exists() or is_empty(root) else open_study(root)
        self._title = title

    def __repr__(self) -> str:
        """The call that opens this study."""
        return f"Study({str(self.folder.root)!r})"

    @property
    def sets(self) -> list[str]:
        """Names of the stimulus sets."""
        return self.folder.sets()

    def models(self, set: str) -> list[str]:
        """Names of the models whose responses to a set are there."""
        return self.folder.models(set)

    def ingest(
        self, source: str | Path, *, set: str | None = None, strict: bool = False, progress: Progress = silent
    ) -> IngestReport:
        """Add stimuli: a folder of category folders, a manifest (.csv, .tsv, .parquet) or a card in `datasets/`.

        Args:
            source: the folder, the manifest or the card's name.
            set: name of the stimulus set; a card brings its own.
            strict: whether an image that cannot be used stops everything.
            progress: is called with what is being done, how much is done, and of how much.

        Raises: StimulusError, UsageError; nothing is written then.
        """
        from toolbox.collect.ingest import ingest

        if not (self.folder.root / "study.toml").exists():
            create_study(self.folder.root, self._title)
        return ingest(self.folder, source, set_name=set, strict=strict, progress=progress)

    def label(self, set: str, *, scheme: str, source: str | Path, replace: bool = False) -> LabelReport:
        """Label a set's stimuli anew, as a scheme beside those it has; responses stay as they are.

        Args:
            set: the stimulus set.
            scheme: name of the labelling, to be chosen in queries and figures.
            source: a table (.csv, .tsv, .parquet) of stimuli, or of the set's categories, and their new labels.
            replace: whether other labels of that scheme are overwritten.

        Raises: StimulusError, UsageError; nothing is written then.
        """
        from toolbox.collect.label import label

        return label(self.folder, set, scheme, Path(source), replace=replace)

    def extract(self, set: str, *, progress: Progress = silent, **choices: Any) -> ExtractionReport:
        """Present a set to a network and store the maximum and mean of every filter's map.

        Args:
            set: the stimulus set.
            progress: is called with what is being done, how much is done, and of how much.
            choices: the fields of `toolbox.collect.extraction.Extraction`: model, layers, weights, device, replace …

        Raises: see `toolbox.collect.extraction.extract`.
        """
        from toolbox.collect.extraction import Extraction, extract

        _check_names("choice of an extraction", choices, Extraction)
        return extract(self.folder, set, Extraction(**choices), progress=progress)

    def estimate(self, set: str, *, progress: Progress = silent, **choices: Any) -> Estimate:
        """What `extract` with these choices would do, and the time, memory and disk it would take; writes nothing.

        Args:
            set: the stimulus set.
            progress: is called with what is being done, how much is done, and of how much.
            choices: as of `extract`.
        """
        from toolbox.collect.extraction import Extraction, estimate_extraction

        _check_names("choice of an extraction", choices, Extraction)
        return estimate_extraction(self.folder, set, Extraction(**choices), progress=progress)

    def significance(
        self,
        set: str | None = None,
        *,
        model: str | None = None,
        scheme: str | None = None,
        progress: Progress = silent,
        **choices: Any,
    ) -> SignificanceReport:
        """Resample an index: intervals, p values and reliability, for the queries that join them.

        Args:
            set: the stimulus set; the only one with responses if None.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            progress: is called with what is being done, how much is done, and of how much.
            choices: the fields of `toolbox.analyse.significance.Resampling`: index, threshold, resamples, seed …

        Raises: see `toolbox.analyse.significance.resample`.
        """
        from toolbox.analyse.significance import Resampling, resample

        _check_names("choice of a resampling", choices, Resampling)
        return resample(
            self.folder, Resampling(**choices), Selection(set, model or (), scheme), progress=progress
        )

    def query(
        self,
        query: str | Path | Query,
        *,
        set: str | None = None,
        model: str | Sequence[str] | None = None,
        scheme: str | None = None,
        **parameters: Any,
    ) -> pl.DataFrame:
        """Rows of a shipped query ('layers/profile'), of a .sql file (as a Path), or of a SELECT over the views.

        Args:
            query: its name, its file or its text.
            set: the stimulus set; the only one if None.
            model: one, or several to compare: the rows of each, with its name and, where rows have a layer, `depth`
                and `counterpart`; the only one if None.
            scheme: the label scheme; the only one if None.
            parameters: values of the query's $parameters.

        Returns: the rows, with the columns that the query's header names.
        Raises: QueryError, UsageError; MixtureError when the models did not answer the same stimuli.
        """
        answer = self.answer(query, parameters, Selection(set, model or (), scheme))
        self._warn(answer.remarks)
        return answer.rows

    def answer(
        self,
        query: str | Path | Query,
        parameters: Mapping[str, Any] | None = None,
        selection: Selection | None = None,
    ) -> Answer:
        """As `query`, with the provenance of the rows and remarks about them.

        Args:
            query: its name, its file or its text.
            parameters: values of its $parameters, which may have any name here.
            selection: set, models and scheme; the only ones if None.

        Raises: as `query`.
        """
        from toolbox.query.parameters import check_question

        checked = check_question(self.folder, query, parameters, selection)
        from toolbox.query.across_models import (
            ask_each,  # what takes long to import, after mistakes were found
        )

        return ask_each(self.folder, checked, parameters, selection)

    def replicate(
        self,
        reference: str | Path,
        *,
        map: Mapping[str, str] | None = None,
        set: str | None = None,
        model: str | None = None,
        scheme: str | None = None,
        filters: bool = False,
        figure: str | Path | None = None,
        **parameters: Any,
    ) -> pl.DataFrame:
        """How well the study agrees with a published table of selectivities, per layer and category.

        Args:
            reference: .csv, .tsv or .parquet with the columns layer, filter, selectivity, and label or category.
            map: label of the table -> category of the study, where they have different names.
            set: the stimulus set; the only one with responses if None.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.
            filters: the values of every filter on both sides (`replication/filters`) instead of their agreement.
            figure: file for the scatter of those values (.html, .png, .svg, .json).
            parameters: values of the parameters of `replication/layers`.

        Raises: UsageError for a table that does not fit; QueryError.

        >>> study.replicate("published.csv", map={"portrait": "face"})  # doctest: +SKIP
        """
        selection = Selection(set, model or (), scheme)
        answer = self.replication(reference, map, parameters, selection, filters=filters, figure=figure)
        self._warn(answer.remarks)
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
        """As `replicate`, with the provenance of the rows and remarks about them.

        Args:
            reference: the published table.
            map: label of the table -> category of the study, where they have different names.
            parameters: values of the parameters of `replication/layers`.
            selection: set, model and scheme; the only ones if None.
            filters: the values of every filter on both sides instead of their agreement.
            figure: file for the scatter of those values.

        Raises: as `replicate`.
        """
        from toolbox.analyse.published_table import read_published_table
        from toolbox.analyse.replication import FILTERS_QUERY, pair_filters, replicate

        table = read_published_table(Path(reference), map or {})
        answer = replicate(self.folder, table, parameters, selection, filters=filters)
        if figure is not None:
            from toolbox.show.plots import draw_figure, save

            pairs = pair_filters(self.folder, table, parameters, selection)
            save(draw_figure(self.folder, FILTERS_QUERY, pairs), Path(figure))
        return answer

    def plot(
        self,
        query: str,
        *,
        set: str | None = None,
        model: str | Sequence[str] | None = None,
        scheme: str | None = None,
        output: str | Path | None = None,
        thumbnails: bool = False,
        **parameters: Any,
    ) -> Chart:
        """The figure of a query; also written to `output` (.html, .png, .svg, .json) if given.

        Args:
            query: the name of one that has a figure.
            set: the stimulus set; the only one if None.
            model: one, or several to compare, each in a panel of its own; the only one if None.
            scheme: the label scheme; the only one if None.
            output: the file, whose suffix is the format.
            thumbnails: show the images themselves, where rows name them; the file then holds small copies.
            parameters: values of the query's $parameters.

        Raises: UnknownNameError when the query has no figure; as `query`.
        """
        from toolbox.show.plots import save

        selection = Selection(set, model or (), scheme)
        figure = self.figure(query, parameters, selection, thumbnails=thumbnails)
        self._warn(figure.remarks)
        if output is not None:
            save(figure, Path(output))
        return figure.chart

    def figure(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        selection: Selection | None = None,
        *,
        thumbnails: bool = False,
    ) -> Figure:
        """As `plot`, with the provenance of the rows and remarks about them.

        Args:
            query: the name of one that has a figure.
            parameters: values of its $parameters, which may have any name here.
            selection: set, models and scheme; the only ones if None.
            thumbnails: show the images themselves, where rows name them.

        Raises: as `plot`.
        """
        from toolbox.query.parameters import check_question

        check_question(self.folder, query, parameters, selection)
        from toolbox.show.plots import plot  # what takes long to import, after mistakes were found

        return plot(self.folder, query, parameters, selection, thumbnails=thumbnails)

    def _warn(self, remarks: Sequence[str]) -> None:
        """Warn at the line that called the method."""
        for remark in remarks:
            warnings.warn(remark, RemarkWarning, stacklevel=3)


def _check_names(kind: str, given: Mapping[str, Any], choices: type) -> None:
    """Refuse a keyword that is no field of the choices."""
    known = [field.name for field in fields(choices)]
    for name in given:
        if name not in known:
            raise UnknownNameError(kind, name, known)
