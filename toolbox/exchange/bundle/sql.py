"""The SQL of a bundle: views over its files, the formulas, and the queries, for DuckDB without this toolbox.

Owns `views.sql` and `queries.sql`. Both only create views and macros. Which set, model and scheme the views are of, and
the parameters of queries, are variables of DuckDB: `set variable model = 'vgg16'`; without them, those in use are
meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from toolbox.exchange.bundle.layout import BUNDLE_TABLES
from toolbox.exchange.bundle.parquet_files import WrittenTable
from toolbox.query import Query, query_names, shipped_query
from toolbox.query.header import Parameter
from toolbox.query.run import BROUGHT
from toolbox.query.syntax import needs, own_names, parse_select
from toolbox.query.transfer import TRANSFER_FORMULA
from toolbox.store.columns import RELATION_TABLES, TABLES
from toolbox.store.folder import RESAMPLE_FOLDERS
from toolbox.store.quoting import empty_select, quote_name, quote_text
from toolbox.store.views import VIEWS
from toolbox.terms import PICTURE_COLUMNS, STIMULUS_COLUMNS

_NUMBERS = ("int64", "double", "bool")
_KEYS = ("set", "model", "scheme")
_BROUGHT = re.compile(rf"\b(?:from|join)\s+(?:{'|'.join(BROUGHT)})\b", re.IGNORECASE)
"""What reads a table that is not part of a study."""
_PARAMETER = re.compile(r"\$(\w+)")


@dataclass(frozen=True)
class BundleSql:
    """What the SQL of a bundle is written for: its tables, and what is meant where nothing is named."""

    tables: Sequence[WrittenTable]
    in_use: Mapping[str, str]
    schemes: Mapping[str, Sequence[str]]

    def of(self, name: str) -> list[WrittenTable]:
        """The tables of a name; several, where each is of one set."""
        return [table for table in self.tables if table.name == name]

    def chosen(self, key: str) -> str:
        """The SQL of the set, model or scheme that is meant.

        Args:
            key: `set`, `model` or `scheme`.
        """
        return f"coalesce(getvariable('{key}'), {quote_text(self.in_use.get(key, ''))})"

    @property
    def views(self) -> str:
        """The text of `views.sql`."""
        head = (
            "-- Views over the files of this bundle, for DuckDB started in its folder.\n"
            "--\n"
            "-- They are of the set, model and scheme that the variables of these names have; without them, of\n"
            f"-- {', '.join(f'{key} {name!r}' for key, name in self.in_use.items())}. To choose others:\n"
            f"--     set variable model = {quote_text(self.in_use.get('model', ''))};\n\n"
        )
        return head + "\n".join(
            f"create or replace view {name} as\n{text};\n" for name, text in self._selects()
        )

    def _selects(self) -> Iterator[tuple[str, str]]:
        yield "stimuli", self._of_one_set("stimuli")
        yield "labels", self._of_all("labels")
        yield "parameters", self._unpivoted("varchar", "parameter")
        yield "observations", self._observations()
        if self.of("properties"):
            yield "properties", self._of_one_set("properties", excluded="")
            yield "property_values", self._property_values()
        yield "variables", self._variables()
        yield "responses", self._responses()
        yield "rollups", self._of_all("rollups")
        for table, view in RESAMPLE_FOLDERS.items():
            yield view, self._of_all(view) if self.of(view) else empty_select(TABLES[table])
        for view, columns in RELATION_TABLES.items():
            yield view, self._of_all(view) if self.of(view) else empty_select(columns)
        yield (
            "layers",
            (f"select *, {_DEPTH} as depth, kind = 'pool' as is_pool\nfrom ({self._of_all('layers')})"),
        )
        yield "catalogue", self._catalogue()

    def _of_all(self, name: str) -> str:
        """The rows of a table with text columns for set, model and scheme, without these columns."""
        keys = [key for key in BUNDLE_TABLES[name].keys if key in _KEYS]
        where = " and ".join(f"{quote_name(key)} = {self.chosen(key)}" for key in keys)
        excluded = ", ".join(map(quote_name, keys))
        return f"select * exclude ({excluded})\nfrom read_parquet('{name}.parquet')\nwhere {where}"

    def _file_of_set(self, name: str) -> str:
        """The file of the table of the set that is meant."""
        branches = " ".join(
            f"when {quote_text(table.set or '')} then '{table.file}'" for table in self.of(name)
        )
        return f"read_parquet(case {self.chosen('set')} {branches} end)"

    def _of_one_set(self, name: str, excluded: str = " exclude (set)") -> str:
        return f"select *{excluded}\nfrom {self._file_of_set(name)}"

    def _of_set(self, table: WrittenTable, select: str) -> str:
        """Rows of a table of one set, if it is the set that is meant."""
        return f"select * from ({select}) where {self.chosen('set')} = {quote_text(table.set or '')}"

    def _unpivoted(self, kind: str, noun: str) -> str:
        """The stimulus variables as rows, and the means of the parameters that were added later."""
        found = []
        for table in self.of("stimuli"):
            names = [
                (column, (table.variables or {}).get(column, column))
                for column, type_ in table.columns.items()
                if column not in {"set", *STIMULUS_COLUMNS, *PICTURE_COLUMNS}
                and (kind == "varchar" or type_ in _NUMBERS)
            ]
            if names:
                columns = ", ".join(
                    f"{quote_name(column)}::{kind} as {quote_name(name)}" for column, name in names
                )
                listed = ", ".join(quote_name(name) for _, name in names)
                wide = f"select stimulus_id, {columns} from read_parquet('{table.file}')"
                found.append(
                    self._of_set(table, f"from (unpivot ({wide}) on {listed} into name {noun} value value)")
                )
        if self.of("observations"):
            found.append(
                # qualified: DuckDB takes a bare `parameter` for that of a macro which reads this view
                f"select o.stimulus_id, o.parameter as {noun}, list_avg(list(o.value order by o.value))::{kind}\n"
                f"as value from ({self._observations()}) o group by o.stimulus_id, o.parameter"
            )
        return "\nunion all\n".join(found) or empty_select(
            {"stimulus_id": "int32", noun: "string", "value": "string" if kind == "varchar" else "double"}
        )

    def _observations(self) -> str:
        if not self.of("observations"):
            return empty_select(
                {"parameter": "string", "stimulus_id": "int32", "observer": "string", "value": "double"}
            )
        return self._of_all("observations")

    def _property_values(self) -> str:
        found = []
        for table in self.of("properties"):
            names = ", ".join(
                quote_name(name) for name in table.columns if name not in ("set", "stimulus_id")
            )
            rows = f"unpivot (from read_parquet('{table.file}')) on {names} into name property value value"
            found.append(self._of_set(table, f"from ({rows})"))
        return "\nunion all\n".join(found)

    def _variables(self) -> str:
        own = self._unpivoted("double", "variable")
        if not self.of("properties"):
            return own
        return (
            f"with own as ({own})\nselect * from own\nunion all\nselect stimulus_id, property as variable, value\n"
            "from property_values where property not in (select variable from own)"
        )

    def _responses(self) -> str:
        if self.of("responses"):
            return self._of_all("responses").replace(
                'exclude ("set", "model")', 'exclude ("set", "model", part)'
            )
        message = quote_text(
            "this bundle has no responses, which are needed here; it was shared with roll-ups alone"
        )
        columns = ", ".join(
            f"range::{'varchar' if name == 'layer' else 'integer' if kind == 'int32' else kind} as {quote_name(name)}"
            for name, kind in BUNDLE_TABLES["responses"].columns.items()
            if name != "part"
        )
        return f"select {columns}\nfrom range(1)\nwhere range >= error({message})::integer"

    def _catalogue(self) -> str:
        """Every stimulus of every set under each of its schemes, with what was measured of it."""
        found = []
        for table in self.of("stimuli"):
            columns = ", ".join(f"s.{name}" for name in STIMULUS_COLUMNS)
            measured, join = ", null::double as sharpness", ""
            for each in self.of("properties"):
                if each.set == table.set:
                    measured = ", p.* exclude (set, stimulus_id)" + measured * (
                        "sharpness" not in each.columns
                    )
                    join = f"\nleft join read_parquet('{each.file}') p on p.stimulus_id = s.stimulus_id"
            for scheme in self.schemes.get(table.set or "", ()):
                of_scheme = (
                    f"l.set = s.set and l.scheme = {quote_text(scheme)} and l.stimulus_id = s.stimulus_id"
                )
                found.append(
                    f"select s.set, {quote_text(scheme)}::varchar as scheme, l.category, {columns}, s.pixels_sha256"
                    f"{measured}\nfrom read_parquet('{table.file}') s\n"
                    f"left join read_parquet('labels.parquet') l on {of_scheme}{join}"
                )
        return "\nunion all by name\n".join(found)

    @property
    def queries(self) -> str:
        """The text of `queries.sql`: the formulas, and every query that these tables can answer as a view."""
        queries = [*self._applicable()]
        macros = dict.fromkeys(statement for query in queries for statement in needs(query)[1])
        head = (
            "-- The queries that the tables of this bundle can answer, as views; first: .read views.sql\n"
            "--\n"
            '-- Ask with: from "selectivity/index";\n'
            "-- A parameter is a variable: set variable statistic = 'mean'; and back: reset variable statistic;\n\n"
        )
        formulas = [re.sub(r"create\s+macro", "create or replace macro", each, count=1) for each in macros]
        return "\n\n".join(
            [head.rstrip(), *(each.rstrip("; \n") + ";" for each in formulas), *map(_view, queries), ""]
        )

    def _applicable(self) -> Iterator[Query]:
        """Shipped queries whose own tables the bundle has; a macro may name responses that it does not read."""
        optional = ("responses", "properties", *RELATION_TABLES)
        missing = {name for name in optional if not self.of(name)}
        missing |= set() if self.of("properties") else {"property_values"}
        missing |= {view for view in RESAMPLE_FOLDERS.values() if not self.of(view)}
        for name in query_names():
            query = shipped_query(name)
            syntax = parse_select(query)
            own = {table for table in syntax.tables if table not in own_names(query)}
            brought = any(map(_BROUGHT.search, [query.sql, *needs(query)[1]]))
            if own <= {*VIEWS} - missing and TRANSFER_FORMULA not in syntax.functions and not brought:
                yield query


def _view(query: Query) -> str:
    """A query as a view whose parameters are variables."""
    parameters = {parameter.name: _value(parameter) for parameter in query.parameters}
    sql = _PARAMETER.sub(lambda found: parameters.get(found[1], found[0]), query.sql.strip().rstrip(";"))
    header, statement = _split(sql)
    return f"{header}\ncreate or replace view {quote_name(query.name)} as\n{statement};"


def _split(sql: str) -> tuple[str, str]:
    """The comment at the head of a query, and its statement."""
    lines = sql.splitlines()
    end = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join(lines[:end]), "\n".join(lines[end:]).strip()


def _value(parameter: Parameter) -> str:
    """The SQL of the value of a parameter: of its variable, else the default; an error where there is none."""
    variable = f"getvariable('{parameter.name}')"
    if parameter.required:
        message = f"set variable {parameter.name} = …, first: {parameter.description}"
        return f"coalesce({variable}, error({quote_text(message)}))::{parameter.type}"
    default = parameter.default
    text = quote_text(default) if isinstance(default, str) else json.dumps(default)
    return f"coalesce({variable}, {text})::{parameter.type}"


_DEPTH = "((position - 1) / nullif(max(position) over () - 1, 0))::double"
