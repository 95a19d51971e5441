"""Asking a study from Python: queries, and the matrix of responses. Owns the signatures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolbox.display import Description
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.terms import Statistic

if TYPE_CHECKING:
    import polars as pl

    from toolbox.analyse.filter_responses import FilterResponses
    from toolbox.query import Answer, Query
    from toolbox.study.query_names import QueryName


class StudyQueries(StudyDirectory):
    """What reads a study."""

    @staticmethod
    def queries() -> pl.DataFrame:
        """All shipped queries.

        Returns: one row a query: its name, which `query` and `describe` take, and its title.

        Example:
            >>> Study.queries().columns
            ['query', 'title']
        """
        from toolbox.query import query_table

        return query_table()

    @staticmethod
    def describe(query: QueryName | str | Path) -> str:
        """What a query means, takes and returns, or what an index measures: the header of its file.

        Args:
            query: its name, that of an index, or a .sql file as a Path.

        Returns: a text of several lines; empty for a file without a header.
        Raises: UnknownNameError for a name that no query and no index has; UsageError for a file that is missing.

        Example:
            >>> print(Study.describe("layers/profile").splitlines()[0])
            Proportion of category-selective filters in every layer.
        """
        from toolbox.query import describe_query, read_query

        text = read_query(query).header if isinstance(query, Path) else describe_query(query)
        return Description(text)

    def query(
        self,
        query: QueryName | str | Path | Query,
        *,
        set: str | None = None,
        model: str | Sequence[str] | None = None,
        scheme: str | None = None,
        tables: Mapping[str, str | Path | pl.DataFrame] | None = None,
        untrusted: bool = False,
        **parameters: Any,
    ) -> pl.DataFrame:
        """Rows of a shipped query ('layers/profile'), of a .sql file (as a Path), or of a SELECT over the views.

        Warns (ResultWarning) of what a reader of the rows should know, such as responses that are not complete.

        Args:
            query: its name, its file or its text.
            set: the stimulus set; the only one if None.
            model: one, or several to compare: the rows of each, with its name and, where rows have a layer, `depth`
                (0 first layer of the network, 1 last) and `counterpart`; the only one if None.
            scheme: the label scheme; the only one if None.
            tables: tables of your own that the SQL reads, by their names there: files (.csv, .tsv, .txt, .xlsx,
                .parquet) or polars frames.
            untrusted: whether the SQL is of somebody else and nobody has read it: it then has 60 s, 1 GB of memory and
                20,000 characters. SQL that does not ship always runs in a process of its own, reads nothing but the
                views, and writes nothing.
            **parameters: values of the query's $parameters, which `describe` lists with their defaults.

        Returns: the rows, with the columns that `describe` lists; a value that cannot be computed, such as an index
            of a dead filter, is null.
        Raises: QueryError, UsageError; MixtureError when the models have responses to different stimuli;
            VerificationError when responses or tables are damaged.

        Example:
            >>> rows = study.query("layers/profile", threshold=0.05)
            >>> rows.filter(layer="pool").select("category", "filters", "selective").rows()
            [('green', 3, 1), ('red', 3, 2)]
            >>> study.query("select count(*) as n from responses")["n"].item()
            48
            >>> warmth = "select warmth, count(*) as n from labels join own using (category) group by all order by all"
            >>> study.query(warmth, tables={"own": "warmth.csv"}).rows()
            [('cold', 3), ('warm', 3)]
        """
        answer = self.answer(
            query, parameters, Selection(set, model or (), scheme), tables, untrusted=untrusted
        )
        self._warn(answer.notes)
        return answer.rows

    def answer(
        self,
        query: QueryName | str | Path | Query,
        parameters: Mapping[str, Any] | None = None,
        selection: Selection | None = None,
        tables: Mapping[str, str | Path | pl.DataFrame] | None = None,
        *,
        untrusted: bool = False,
    ) -> Answer:
        """As `query`, with the provenance of the rows, and its notes as data instead of warnings.

        Args:
            query: its name, its file or its text.
            parameters: values of its $parameters, which may have any name here.
            selection: set, models and scheme; the only ones if None.
            tables: as of `query`.
            untrusted: as of `query`.

        Returns: rows, provenance (query, SQL, parameters, set, model, weights …) and notes.
        Raises: as `query`.

        Example:
            >>> answer = study.answer("layers/profile", {"threshold": 0.05})
            >>> answer.provenance["parameters"]["threshold"], answer.provenance["model"]
            (0.05, 'tiny')
        """
        from toolbox.query.parameters import check_question, find_query, untrusted_question

        question = untrusted_question(find_query(query)) if untrusted else query
        checked = check_question(self.folder, question, parameters, selection)
        from toolbox.query.across_models import (
            ask_each,  # what takes long to import, after mistakes were found
        )
        from toolbox.query.limits import UNTRUSTED

        limits = UNTRUSTED if untrusted else None
        return ask_each(self.folder, checked, parameters, selection, tables, limits=limits)

    def responses(
        self,
        set: str | None = None,
        *,
        layer: str,
        statistic: Statistic = "maximum",
        model: str | None = None,
        scheme: str | None = None,
    ) -> FilterResponses:
        """The responses of one layer as a matrix: a row for every stimulus, a column for every filter.

        Rows are all stimuli with responses, labelled or not, in the order of their numbers; `labelled()` of the
        result leaves out those that the scheme does not label, as the indices of selectivity do.

        Args:
            set: the stimulus set; the only one with responses if None.
            layer: its name.
            statistic: 'maximum' or 'mean' of the activation map.
            model: whose responses; the only one if None.
            scheme: the label scheme of the column `category`; the only one if None.

        Returns: `.values` as float32 (stimuli, filters), in the unit of the network's activations, not normalised;
            `.stimuli` with stimulus_id, path, and category (null where the scheme has none);
            `.numpy()`, `.polars()`, `.xarray()`.
        Raises: UnknownNameError, AmbiguousError for a name; UsageError for a layer without responses;
            VerificationError when responses or tables are damaged.

        Example:
            >>> matrix = study.responses("colours", layer="colour")
            >>> matrix.values.shape, matrix.stimuli.columns
            ((6, 3), ['stimulus_id', 'path', 'category'])
            >>> frame = matrix.polars().sort("filter_0")
            >>> frame.select("category", "filter_0").row(-1)
            ('red', 200.0)
        """
        from toolbox.analyse.filter_responses import filter_responses

        matrix = filter_responses(
            self.folder, layer, Selection(set, model or (), scheme), statistic=statistic
        )
        self._warn(matrix.notes)
        return matrix
