"""What a query may be asked with: values of its parameters, and headers of a user's own files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.worked_examples import example_study
from toolbox.errors import CardError, UnknownNameError, UsageError
from toolbox.query import Query, ask, index_names, read_query
from toolbox.store.folder import StudyFolder

ONE_FILTER = {"layer": "stem", "filter": 0}
HEADER = """\
-- Stimuli that evoke more than a threshold.
--
-- What it is for.
--
-- Source: Somebody (2020),
-- doi 10.1/2.
--
-- Parameters
--   $threshold  double  = 1.5            in the units of the network
--   $layer      varchar {layers.layer}   layer as the card names it
--   $which      varchar = 'maximum'  {maximum, mean}
-- Columns
--   stimulus_id  integer  number
--   response     double
"""
BODY = """\
select stimulus_id, (case $which when 'mean' then mean else maximum end)::double as response
from responses
where layer = $layer and filter = 0 and maximum > $threshold
order by response desc, stimulus_id
"""


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> Path:
    """No test remembers the intact files of another."""
    return cache


@pytest.fixture
def worked(tmp_path: Path) -> StudyFolder:
    """The study of the worked examples."""
    return example_study("layers/profile/default", tmp_path / "study")


@pytest.mark.parametrize(
    ("query", "parameters", "message"),
    [
        (
            "layers/profile",
            {"treshold": 0.1},
            "no parameter of layers/profile named 'treshold'; did you mean 'threshold'?",
        ),
        (
            "filters/stimuli",
            {**ONE_FILTER, "zzz": 1},
            "no parameter of filters/stimuli named 'zzz'; available: count, filter, layer, statistic",
        ),
        (
            "sets/summary",
            {"set": "x"},
            "no parameter of sets/summary named 'set'; none is available",
        ),
        ("layers/profile", {"threshold": "high"}, "$threshold is 'high'; expected a finite number"),
        ("layers/profile", {"threshold": [1]}, "$threshold is [1]; expected a finite number"),
        ("layers/profile", {"threshold": True}, "$threshold is True; expected a finite number"),
        ("layers/profile", {"threshold": "nan"}, "$threshold is nan; expected a finite number"),
        ("layers/profile", {"threshold": float("inf")}, "$threshold is inf; expected a finite number"),
        ("layers/profile", {"threshold": 10**400}, f"$threshold is {10**400}; expected a finite number"),
        ("layers/profile", {"threshold": 5}, "$threshold is 5; expected -1 to 1, the range of contrast"),
        (
            "layers/profile",
            {"threshold": -0.1, "index": "auc"},
            "$threshold is -0.1; expected 0 to 1, the range of auc",
        ),
        ("layers/significant", {"level": 5}, "$level is 5; expected 0 to 1"),
        ("filters/representative", {"count": "-3"}, "$count is -3; expected 1 or more"),
        ("filters/stimuli", {**ONE_FILTER, "filter": -1}, "$filter is -1; expected 0 or more"),
        ("layers/profile", {"index": 3}, "$index is 3; expected a text"),
        (
            "filters/stimuli",
            {**ONE_FILTER, "filter": 1.5},
            "$filter is 1.5; expected a whole number",
        ),
        (
            "filters/stimuli",
            {**ONE_FILTER, "filter": "1.5"},
            "$filter is '1.5'; expected a whole number",
        ),
        (
            "filters/stimuli",
            {**ONE_FILTER, "count": False},
            "$count is False; expected a whole number",
        ),
        (
            "filters/stimuli",
            {"filter": 0},
            "filters/stimuli needs a value for $layer; pass it as layer=… (--layer …)",
        ),
        (
            "filters/stimuli",
            {"layer": "stem"},
            "filters/stimuli needs a value for $filter; pass it as filter=… (--filter …)",
        ),
        (
            "filters/stimuli",
            {"layer": None, "filter": 0},
            "filters/stimuli needs a value for $layer; pass it as layer=… (--layer …)",
        ),
        (
            "layers/profile",
            {"index": "shares"},
            f"$index is 'shares'; expected one of {', '.join(index_names('moments', 'ranks'))}; did you mean 'share'?",
        ),
        ("layers/profile", {"normalise": ""}, "$normalise is ''; expected one of filter, layer"),
        ("filters/stimuli", {**ONE_FILTER, "layer": "stemm"}, "no layer named 'stemm'; did you mean 'stem'?"),
        (
            "filters/stimuli",
            {**ONE_FILTER, "layer": "block1"},
            "no layer named 'block1'; available: hidden, logits, mixed, pool, stem",
        ),
        ("filters/representative", {"category": "cars"}, "no category named 'cars'; did you mean 'car'?"),
        (
            "tuning/orientation",
            {},
            "tuning/orientation needs stimuli with numeric parameters, and the set has none; to have some: toolbox "
            "ingest gratings --set gratings, or a table with further columns of numbers",
        ),
    ],
)
def test_a_wrong_parameter_is_said_on_one_line_with_what_was_expected(
    query: str, parameters: dict[str, Any], message: str, worked: StudyFolder
) -> None:
    with pytest.raises(UsageError) as caught:
        ask(worked, query, parameters)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ({"threshold": "0.5"}, 0.5),
        ({"threshold": 1}, 1.0),
        ({"threshold": np.float32(0.5)}, 0.5),
        ({"threshold": np.int64(0)}, 0.0),
        ({"threshold": None}, None),
        ({}, None),
    ],
)
def test_a_value_becomes_the_declared_type(
    given: dict[str, Any], value: float | None, worked: StudyFolder
) -> None:
    parameters = ask(worked, "layers/profile", given).provenance["parameters"]
    assert parameters["threshold"] == value
    assert type(parameters["threshold"]) is type(value)


@pytest.mark.parametrize("given", [1, "1", np.int32(1)])
def test_whole_numbers_may_be_text_or_numpys(given: object, worked: StudyFolder) -> None:
    rows = ask(worked, "filters/stimuli", {"layer": "stem", "filter": given, "count": 1}).rows
    assert rows["response"].to_list() == [5.0]


def test_a_layer_that_is_none_means_all_layers(tmp_path: Path) -> None:
    study = example_study("tuning/orientation/default", tmp_path / "study")
    every = ask(study, "tuning/orientation", {"layer": None}).rows
    assert every["layer"].unique(maintain_order=True).to_list() == ["stem", "pool", "mixed"]


def own(folder: Path, text: str, name: str = "own.sql") -> Query:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return read_query(file)


def test_a_users_file_with_a_header_is_as_good_as_a_shipped_one(worked: StudyFolder, tmp_path: Path) -> None:
    query = own(tmp_path, HEADER + BODY)
    assert (query.name, query.title) == ("own", "Stimuli that evoke more than a threshold")
    assert (query.description, query.source) == ("What it is for.", "Somebody (2020), doi 10.1/2.")
    assert [parameter.name for parameter in query.parameters] == ["threshold", "layer", "which"]
    assert [(column.name, column.type) for column in query.columns] == [
        ("stimulus_id", "integer"),
        ("response", "double"),
    ]
    assert query.header.splitlines()[7:9] == [
        "Parameters",
        "  $threshold  double  = 1.5            in the units of the network",
    ]
    assert ask(worked, query, {"layer": "mixed"}).rows.rows() == [(0, 8.0), (1, 4.0)]
    assert ask(worked, query, {"layer": "mixed", "which": "mean", "threshold": "5"}).rows.rows() == [(0, 2.0)]
    with pytest.raises(UnknownNameError, match="no layer named 'mixd'; did you mean 'mixed'"):
        ask(worked, query, {"layer": "mixd"})
    with pytest.raises(UsageError, match=r"own needs a value for \$layer"):
        ask(worked, query)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_files_of_any_editor_are_read(mark: str, ending: str, worked: StudyFolder, tmp_path: Path) -> None:
    file = tmp_path / "own.sql"
    file.write_bytes((mark + HEADER + BODY).replace("\n", ending).encode())
    query = read_query(file)
    assert query.parameters[0].default == 1.5
    assert ask(worked, query, {"layer": "mixed"}).rows.height == 2


def test_a_users_file_needs_no_header(worked: StudyFolder, tmp_path: Path) -> None:
    query = own(tmp_path, "select count(*)::bigint as n from labels where category = $name\n")
    assert (query.title, query.parameters, query.columns) == ("", (), ())
    assert ask(worked, query, {"name": "dog"}).rows.rows() == [(3,)]
    with pytest.raises(UsageError, match=r"own needs a value for \$name; pass it as name=… \(--name …\)"):
        ask(worked, query)


@pytest.mark.parametrize(
    ("broken", "expected"),
    [
        (
            "--   threshold  double = 1",
            "'threshold  double = 1' is not a parameter; expected: $name type = default",
        ),
        (
            "--   $threshold  float = 1",
            "'$threshold  float = 1' is not a parameter; expected: $name type = default",
        ),
        ("--   $threshold", "'$threshold' is not a parameter; expected: $name type = default"),
        (
            "--   $n  double = high  {a}  text",
            "$n is 'high'; expected a finite number as the default in '$n  double = high  {a}  text'",
        ),
        (
            "--   $n  varchar = null  {0 to 1}",
            "'$n  varchar = null  {0 to 1}' has bounds; expected them of a number",
        ),
        (
            "-- Columns\n--   n  number  of stimuli",
            "'n  number  of stimuli' is not a column; expected: name type description",
        ),
        ("-- Columns\n--   n", "'n' is not a column; expected: name type description"),
    ],
)
def test_a_broken_header_names_the_file_and_the_line(broken: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(CardError) as caught:
        own(tmp_path, f"-- Title.\n--\n-- Parameters\n{broken}\nselect 1 as n\n")
    assert str(caught.value).startswith(f"{tmp_path / 'own.sql'}: {expected}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_there_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no file .*none\.sql; expected a \.sql file with one SELECT"):
        read_query(tmp_path / "none.sql")
    (tmp_path / "latin.sql").write_bytes("-- Ma\u00dfe\nselect 1".encode("latin-1"))
    with pytest.raises(CardError, match=r"latin\.sql is not encoded as UTF-8; save it as UTF-8 text"):
        read_query(tmp_path / "latin.sql")


@pytest.mark.parametrize(
    ("declared", "given", "expected"),
    [
        ("$x  double = 0.5  {0.5, 1, 2}", None, 0.5),
        ("$x  double = 0.5  {0.5, 1, 2}", "1.0", 1.0),
        ("$x  integer = 1  {1, 2}", 2, 2),
        ("$x  varchar = null  {left, right}", None, None),
        ("$x  varchar = null  {left, right}", "left", "left"),
        ("$x  varchar = 'a b'", None, "a b"),
        ("$x  boolean = false", "true", True),
        ("$x  integer  {responses.filter}", 3, 3),
        ("$x  bigint = -3", None, -3),
        ("$x  double = 0.5  {0 to 1}", "1", 1.0),
        ("$x  integer = 3  {-1 or more}  text", -1, -1),
        ("$x  double = null  {-0.5 to 0.5}", None, None),
    ],
)
def test_defaults_and_choices_have_the_declared_type(
    declared: str, given: object, expected: object, worked: StudyFolder, tmp_path: Path
) -> None:
    query = own(tmp_path, f"-- Title.\n--\n-- Parameters\n--   {declared}\nselect $x as x\n")
    value = ask(worked, query, {} if given is None else {"x": given}).rows["x"].to_list()[0]
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("declared", "given", "message"),
    [
        ("$x  double = 0.5  {0.5, 1}", 0.7, r"\$x is 0.7; expected one of 0.5, 1"),
        ("$x  varchar = null  {left, right}", "up", r"\$x is 'up'; expected one of left, right"),
        ("$x  double = 0.5  {0 to 1}", 1.5, r"\$x is 1.5; expected 0 to 1"),
        ("$x  integer = 3  {-1 or more}", -2, r"\$x is -2; expected -1 or more"),
        ("$x  boolean = false", "yes", r"\$x is 'yes'; expected true or false"),
        ("$x  integer  {responses.filter}", 9, "no x named '9'; available: 0, 1, 2, 3"),
    ],
)
def test_other_values_than_the_choices_are_refused(
    declared: str, given: object, message: str, worked: StudyFolder, tmp_path: Path
) -> None:
    query = own(tmp_path, f"-- Title.\n--\n-- Parameters\n--   {declared}\nselect $x as x\n")
    with pytest.raises(UsageError, match=message):
        ask(worked, query, {"x": given})


@pytest.mark.parametrize("name", ["profile", "layers-profile", "Layers/Profile", "layers_profile"])
def test_a_query_is_suggested_in_any_spelling(name: str, worked: StudyFolder) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'layers/profile'"):
        ask(worked, name)
