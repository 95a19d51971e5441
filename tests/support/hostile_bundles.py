"""Bundles that nobody honest writes: one change each to a good one, with digests that fit. Name -> the change."""

from __future__ import annotations

import hashlib
import io
import json
import os
import struct
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from toolbox.exchange.bundle.layout import BUNDLE, EXTRACTIONS, PROVENANCE, SUMS, bundle_digest

Change = Callable[[Path], object]
"""Of the folder of a good bundle, before it is signed again."""


def sign(folder: Path) -> None:
    """Give a changed bundle the digests of its files, as whoever forges one would."""
    record = folder / BUNDLE
    digests = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.iterdir()
        if file.is_file()
    }
    try:
        content = json.loads(record.read_bytes())
        content["digest"] = bundle_digest(
            {name: each for name, each in digests.items() if name not in (SUMS, BUNDLE)}
        )
        if "tables" in content:  # else the record itself is the change
            record.write_text(json.dumps(content))
    except (OSError, ValueError, TypeError, RecursionError):
        pass  # the record itself was changed
    names = sorted(file.name for file in folder.iterdir() if file.name != SUMS and file.is_file())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines))


def json_change(file: str, change: Callable[[Any], object]) -> Change:
    """Change a JSON file."""

    def apply(folder: Path) -> None:
        content = json.loads((folder / file).read_bytes())
        change(content)
        (folder / file).write_text(json.dumps(content))

    return apply


def of_extraction(change: Callable[[dict[str, Any]], object]) -> Change:
    """Change the first entry of `extractions.json`."""
    return json_change(EXTRACTIONS, lambda content: change(content["extractions"][0]))


def write(folder: Path, file: str, table: pa.Table, **options: Any) -> None:
    """Write a table, and state its rows and columns, as if it had always been like this."""
    pq.write_table(table, folder / file, store_schema=False, write_page_checksum=True, **options)
    restate(folder, file, len(table), columns_of(table))


def columns_of(table: pa.Table) -> dict[str, str]:
    """The columns of a table and their types, as readers see them."""
    kinds = {each.name: str(each.type) for each in table.schema}
    return {name: "string" if kind.startswith("dictionary") else kind for name, kind in kinds.items()}


def restate(folder: Path, file: str, rows: int, columns: dict[str, str]) -> None:
    """State other rows and columns of a table in `bundle.json`."""
    record = json.loads((folder / BUNDLE).read_bytes())
    entry = next(each for each in record["tables"] if each["file"] == file)
    entry["rows"] = rows
    known = {each["name"]: each for each in entry["columns"]}
    entry["columns"] = [known.get(name, {}) | {"name": name, "type": kind} for name, kind in columns.items()]
    (folder / BUNDLE).write_text(json.dumps(record))


def table_change(file: str, change: Callable[[pa.Table], pa.Table]) -> Change:
    """Change a table."""

    def apply(folder: Path) -> None:
        # not through a path, whose folders may look like columns
        table = pq.read_table(io.BytesIO((folder / file).read_bytes()))
        write(folder, file, change(table))

    return apply


def value_change(file: str, column: str, value: Any, row: int = 0) -> Change:
    """Change one value of a table."""

    def change(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[row] = value
        place = table.column_names.index(column)
        return table.set_column(place, column, pa.array(values, table.schema.field(column).type))

    return table_change(file, change)


def twice(table: pa.Table) -> pa.Table:
    """A table whose first row occurs twice."""
    return pa.concat_tables([table, table.slice(0, 1)])


def as_type(
    file: str, column: str, kind: pa.DataType, make: Callable[[Any], Any] = lambda value: value
) -> Change:
    """Change the type of a column."""

    def change(table: pa.Table) -> pa.Table:
        values = pa.array([make(value) for value in table[column].to_pylist()], kind)
        return table.set_column(table.column_names.index(column), column, values)

    return table_change(file, change)


def text_bomb(folder: Path) -> None:
    """A hundred thousand rows of one text of a megabyte, which the file has once."""
    rows = 100_000
    columns = {name: equal(text, rows) for name, text in (("set", "colours"), ("scheme", "category"))}
    numbers = pa.array(range(rows), pa.int32())
    write(folder, LABELS, pa.table({**columns, "stimulus_id": numbers, "category": equal("x" * 2**20, rows)}))


def equal(text: str, rows: int) -> pa.DictionaryArray:
    """Equal texts, which are in memory once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(rows, np.int32)), pa.array([text]))


def stated_rows(folder: Path) -> None:
    """A footer that states more rows than there are: the number is changed where the footer has it."""
    file = folder / "labels.parquet"
    rows = pq.read_metadata(io.BytesIO(file.read_bytes())).num_rows
    content = bytearray(file.read_bytes())
    size = struct.unpack("<I", content[-8:-4])[0]
    footer = content[-8 - size : -8]
    number, huge = bytes([rows * 2]), bytes([0xFE, 0xFF, 0xFF, 0xFF, 0x7F])  # zigzag varints
    at = footer.index(b"\x16" + number, footer.index(b"category"))
    changed = footer[: at + 1] + huge + footer[at + 2 :]
    file.write_bytes(bytes(content[: -8 - size] + changed + struct.pack("<I", len(changed)) + b"PAR1"))


def zeros(folder: Path) -> None:
    """A Parquet file of few bytes with many millions of equal values."""
    rows, groups = 1_000_000, 40
    texts = {name: equal("red", rows) for name in ("set", "scheme", "category")}
    table = pa.table({**texts, "stimulus_id": pa.array(np.zeros(rows, np.int32))})
    table = table.select(["set", "scheme", "stimulus_id", "category"])
    with pq.ParquetWriter(folder / LABELS, table.schema, store_schema=False, compression="zstd") as writer:
        for _ in range(groups):
            writer.write_table(table)
    restate(folder, LABELS, rows * groups, columns_of(table))


def lying_page(unpacked: int) -> Change:
    """A column whose only page unpacks to many zeros, of which the footer states nothing."""

    def apply(folder: Path) -> None:
        table = pq.read_table(io.BytesIO((folder / LABELS).read_bytes()))
        pq.write_table(table, folder / LABELS, store_schema=False, compression="zstd", use_dictionary=False)
        raw = (folder / LABELS).read_bytes()
        column = (
            pq.read_metadata(io.BytesIO(raw)).row_group(0).column(3)
        )  # the last one: nothing moves behind it
        start, length = column.data_page_offset, column.total_compressed_size
        packed_at = _varint_end(
            raw, start + 3
        )  # behind the kind of the page, and its size when it is unpacked
        rest_at = _varint_end(raw, packed_at + 1)
        packed = sum((byte & 0x7F) << (7 * n) for n, byte in enumerate(raw[packed_at + 1 : rest_at])) >> 1
        page = pa.Codec("zstd").compress(bytes(unpacked), asbytes=True)
        sizes = _varint(unpacked) + b"\x15" + _varint(len(page))
        column_now = raw[start : start + 3] + sizes + raw[rest_at : start + length - packed] + page
        stated, footer = b"\x16" + _varint(length), raw[start + length : -8]
        assert raw[start + 2] == raw[packed_at] == 0x15 and stated in footer
        footer = footer.replace(stated, b"\x16" + _varint(len(column_now)))
        (folder / LABELS).write_bytes(
            raw[:start] + column_now + footer + struct.pack("<I", len(footer)) + b"PAR1"
        )

    return apply


def _varint(number: int) -> bytes:
    """A number of Thrift's compact protocol."""
    value, found = number << 1, bytearray()
    while value >= 0x80:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*found, value])


def _varint_end(content: bytes, start: int) -> int:
    """Where a number ends that begins at a place."""
    while content[start] & 0x80:
        start += 1
    return start + 1


def link(name: str, target: str) -> Change:
    """Put a link into the folder."""
    return lambda folder: (folder / name).symlink_to(target)


def replace_file(name: str, content: bytes) -> Change:
    """Replace a file."""
    return lambda folder: (folder / name).write_bytes(content)


def renamed(column: str, name: str) -> Change:
    """Rename a column of the stimuli."""
    return table_change(
        STIMULI,
        lambda table: table.rename_columns([name if each == column else each for each in table.column_names]),
    )


STIMULI = "stimuli-colours.parquet"
ROLLUPS, RESPONSES, LABELS, LAYERS = (
    "rollups.parquet",
    "responses.parquet",
    "labels.parquet",
    "layers.parquet",
)
NOT_A_NUMBER, INFINITE = float("nan"), float("inf")


def _rename_set(name: str) -> Change:
    """Give the set another name everywhere."""

    def apply(folder: Path) -> None:
        for file in (BUNDLE, EXTRACTIONS, PROVENANCE):
            text = (folder / file).read_text().replace('"colours"', json.dumps(name))
            (folder / file).write_text(text)
        for file in sorted(folder.glob("*.parquet")):
            table = pq.read_table(io.BytesIO(file.read_bytes()))
            if "set" in table.column_names:
                write(
                    folder, file.name, table.set_column(0, "set", pa.array([name] * len(table), pa.string()))
                )

    return apply


CHANGES: dict[str, Change] = {
    # names that lead elsewhere, or that a terminal obeys
    **{
        f"a set named {name!r}": _rename_set(name)
        for name in (
            "../x", "/etc", "a/b", "..", "C:x", "x\x1b[2J", "x\nSHA", "<script>alert(1)</script>", "CON.", "a" * 300,
        )
    },
    "a scheme that is a path": value_change(LABELS, "scheme", "../../x"),
    "a model that is a path": of_extraction(lambda each: each.update(model="../m")),
    "a layer that is a path": of_extraction(lambda each: each["identity"]["layers"].update({"../../x": "0" * 64})),
    "a category with an escape sequence": value_change(LABELS, "category", "red\x1b]0;owned\x07"),
    "a category of two lines": value_change(LABELS, "category", "red\ngreen"),
    "a category that turns the writing direction": value_change(LABELS, "category", "\u202eder"),
    "a title with an escape sequence": json_change(BUNDLE, lambda content: content.update(title="x\x1b[2J")),
    "an absolute path of a stimulus": value_change(STIMULI, "path", "/etc/passwd"),
    "a path that leads out": value_change(STIMULI, "path", "photos/../../../etc/passwd"),
    "a path of Windows": value_change(STIMULI, "path", "C:\\Users\\x.png"),
    "a path of a network": value_change(STIMULI, "path", "\\\\server\\x.png"),
    "a path of a home": value_change(STIMULI, "path", "~/x.png"),
    "a stimulus variable with an escape sequence": renamed("format", "\x1b[2J"),
    # files
    "a link to a file outside": link("extra.json", "/etc/passwd"),
    "a table that is a link": lambda folder: ((folder / LABELS).unlink(), link(LABELS, "/etc/hosts")(folder)),
    "a folder": lambda folder: (folder / "sub").mkdir(),
    "a file that no list has": replace_file("extra.parquet", b"PAR1PAR1"),
    "a file name in capital letters": replace_file("Extra.json", b"{}"),
    "a file name that is a device": replace_file("nul.json", b"{}"),
    "more files than a deposit takes": lambda folder: [(folder / f"x{n}.txt").write_text("") for n in range(100)],
    "no record": lambda folder: (folder / BUNDLE).unlink(),
    "no extractions": lambda folder: (folder / EXTRACTIONS).unlink(),
    "no labels": lambda folder: (folder / LABELS).unlink(),
    "a table outside": json_change(BUNDLE, lambda content: content["tables"][0].update(file="../../etc/passwd")),
    # JSON
    "JSON of 100,000 lists in lists": replace_file(
        EXTRACTIONS, b'{"extractions":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    ),
    "JSON of tables in tables": replace_file(BUNDLE, b'{"format":1,"a":' + b'{"a":' * 50_000 + b"1" + b"}" * 50_001),
    "JSON larger than a record": replace_file(EXTRACTIONS, b'{"extractions": [' + b"0," * 2**23 + b"0]}"),
    "a number of a million digits": replace_file(BUNDLE, b'{"format": ' + b"1" * 1_000_000 + b"}"),
    "a number beyond all numbers": replace_file(BUNDLE, b'{"format": 1e999}'),
    "NaN in JSON": replace_file(BUNDLE, b'{"format": NaN}'),
    "a name twice in JSON": replace_file(BUNDLE, b'{"format": 1, "format": 1}'),
    "JSON that is not UTF-8": replace_file(EXTRACTIONS, b'{"extractions": "\xff\xfe"}'),
    "JSON that is a list": replace_file(BUNDLE, b"[]"),
    "another format": json_change(BUNDLE, lambda content: content.update(format=2)),
    "a digest that is none": json_change(BUNDLE, lambda content: content["models"].update(x={"model": "bundle.json"})),
    "a negative number of rows": json_change(BUNDLE, lambda content: content["tables"][0].update(rows=-1)),
    "a huge number of rows": json_change(BUNDLE, lambda content: content["tables"][0].update(rows=2**62)),
    "a record that is a text": json_change(EXTRACTIONS, lambda content: content.update(extractions="x")),
    # columns
    "a column that is missing": table_change(LABELS, lambda table: table.drop_columns(["category"])),
    "a column too many": table_change(ROLLUPS, lambda table: table.append_column("extra", table["n"])),
    "a column of lists": as_type(LABELS, "category", pa.list_(pa.string()), lambda value: [value]),
    "a column of structures": as_type(LABELS, "category", pa.struct([("a", pa.string())]), lambda value: {"a": value}),
    "a column of bytes": as_type(LABELS, "category", pa.binary(), str.encode),
    "numbers of stimuli of 64 bits": as_type(LABELS, "stimulus_id", pa.int64(), lambda value: value + 2**40),
    "numbers as text": as_type(ROLLUPS, "n", pa.string(), str),
    "a stimulus variable of lists": table_change(
        STIMULI, lambda table: table.append_column("extra", pa.array([[1]] * len(table)))
    ),
    "columns that differ only in case": table_change(
        STIMULI, lambda table: table.append_column("PATH", table["path"])
    ),
    # values
    "a negative count": value_change(ROLLUPS, "n", -1),
    "a count of none": value_change(ROLLUPS, "n", 0),
    "a huge count": value_change(ROLLUPS, "n", 2**62),
    "a sum that is no number": value_change(ROLLUPS, "sum", NOT_A_NUMBER),
    "an infinite sum": value_change(ROLLUPS, "sum", INFINITE),
    "a minimum above the maximum": value_change(ROLLUPS, "minimum", 1e30),
    "a mean outside the range": value_change(ROLLUPS, "sum", 1e12),
    "squares below zero": value_change(ROLLUPS, "squared_deviations", -1.0),
    "another sum within the range": table_change(
        ROLLUPS, lambda table: table.set_column(8, "sum", pc.multiply(table["minimum"].cast("double"), table["n"]))
    ),
    "a statistic that is none": value_change(ROLLUPS, "statistic", "median"),
    "a filter that the layer lacks": value_change(ROLLUPS, "filter", 10_000),
    "a negative filter": value_change(ROLLUPS, "filter", -1),
    "a layer without responses": value_change(ROLLUPS, "layer", "conv9"),
    "a category without stimuli": value_change(ROLLUPS, "category", "blue"),
    "a roll-up without a row": table_change(ROLLUPS, lambda table: table.slice(1)),
    "a row of roll-ups twice": table_change(ROLLUPS, twice),
    "a label twice": table_change(LABELS, twice),
    "a stimulus twice": table_change(STIMULI, twice),
    "a layer twice": table_change(LAYERS, twice),
    "other labels": value_change(LABELS, "category", "red"),
    "a label of no stimulus": value_change(LABELS, "stimulus_id", 99),
    "a label of no set": value_change(LABELS, "set", "others"),
    "a negative stimulus": value_change(STIMULI, "stimulus_id", -1),
    "a digest of an image that is none": value_change(STIMULI, "sha256", "x" * 64),
    "an image of another digest": value_change(STIMULI, "sha256", "0" * 64),
    "an image of no size": value_change(STIMULI, "width", 0),
    "a million billion filters": value_change(LAYERS, "filters", 2**30),
    "no filters": value_change(LAYERS, "filters", 0),
    "a response that is no number": value_change(RESPONSES, "maximum", NOT_A_NUMBER),
    "an infinite response": value_change(RESPONSES, "mean", -INFINITE),
    "another response": value_change(RESPONSES, "maximum", 12345.0),
    "responses in another order": table_change(RESPONSES, lambda table: table.take(list(reversed(range(len(table)))))),
    "responses of no part": value_change(RESPONSES, "part", 77),
    "a response too few": table_change(RESPONSES, lambda table: table.slice(0, len(table) - 1)),
    "a response too many": table_change(
        RESPONSES, lambda table: pa.concat_tables([table, table.slice(len(table) - 1)])
    ),
    "a probability of 7": value_change("significance.parquet", "q", 7.0),
    "an index that is a path": value_change("significance.parquet", "index", "../x"),
    # records
    "another network": of_extraction(lambda each: each["identity"].update(model="vgg16")),
    "another identity": of_extraction(lambda each: each.update(digest="0" * 64)),
    "a part of another plan": of_extraction(lambda each: each["parts"][0]["record"].update(plan="0" * 64)),
    "another digest of values": of_extraction(
        lambda each: (each["parts"][0]["record"].update(values="0" * 64), each.update(
            sources={"0": "0" * 64 + " " + each["parts"][0]["record"]["plan"]}))
    ),
    "a stimulus planned twice": of_extraction(
        lambda each: each["parts"][0]["stimuli"].append(each["parts"][0]["stimuli"][0])
    ),
    "a stimulus of no set in the plan": of_extraction(lambda each: each["parts"][0]["stimuli"].append(99)),
    "more stimuli than there are": of_extraction(lambda each: each.update(stimuli=10**9)),
    "a truth value as a number": of_extraction(lambda each: each.update(stimuli=True)),
    "a precision that is none": of_extraction(lambda each: each["identity"].update(precision="float8")),
    "an escape sequence in a record": of_extraction(lambda each: each["parts"][0]["record"].update(runtime="\x1b[2J")),
    "significance of other responses": json_change(
        PROVENANCE, lambda content: content["resampled"][0]["origin"].update(parts={"0": "x"})
    ),
    "significance without an origin": json_change(PROVENANCE, lambda content: content.update(resampled=[])),
    "a tapped layer that is none": of_extraction(lambda each: each["identity"].update(tapped=["conv9"])),
    # bombs
    "a text of a megabyte in every row": text_bomb,
    "a footer with more rows than there are": stated_rows,
    "forty million rows in a kilobyte": zeros,
    "a page of a gigabyte in a file of 40 kilobytes": lying_page(2**30),
    "a table that is no Parquet file": replace_file(LABELS, b"PAR1" + b"\0" * 100 + b"PAR1"),
    "a table that is empty": replace_file(LABELS, b""),
    "a table cut off": lambda folder: (folder / LABELS).write_bytes((folder / LABELS).read_bytes()[:-20]),
    "a table whose footer is too long": replace_file(LABELS, b"PAR1" + struct.pack("<I", 2**31 - 1) + b"PAR1"),
}  # fmt: skip
"""Changes to the files of a bundle in a directory; each is signed again."""


def of_bundle(**changes: Any) -> Change:
    """Change entries of `bundle.json`."""
    return json_change(BUNDLE, lambda content: content.update(changes))


def of_first_table(**changes: Any) -> Change:
    """Change what `bundle.json` states of its first table, the stimuli."""
    return json_change(BUNDLE, lambda content: content["tables"][0].update(changes))


def of_record(**changes: Any) -> Change:
    """Change the commit record of the first part."""
    return of_extraction(lambda each: each["parts"][0]["record"].update(changes))


def of_resampled(**changes: Any) -> Change:
    """Change the origin of the first table of resampled indices."""
    return json_change(PROVENANCE, lambda content: content["resampled"][0].update(changes))


def deep(levels: int) -> list[Any]:
    """Lists in lists."""
    value: list[Any] = []
    for _ in range(levels):
        value = [value]
    return value


MORE_CHANGES: dict[str, Change] = {
    "fewer presented stimuli than stated": of_extraction(
        lambda each: (each.update(presented=[[0, 1]]), each.pop("parts"))
    ),
    "an origin of tables that is a text": json_change(PROVENANCE, lambda content: content.update(resampled="x")),
    "the origin of a table that has no rows": of_resampled(index="csi"),
    "the origin of a table of no kind": of_resampled(table="stimuli"),
    "the origin of a table of no scheme": of_resampled(scheme="others"),
    "the origin of a table of a list of schemes": of_resampled(scheme=["category"]),
    "the origin of a list of tables": of_resampled(table=["significance"]),
    "tapped layers that are a number": of_extraction(lambda each: each["identity"].update(tapped=7)),
    "two tables in one file": json_change(
        BUNDLE, lambda content: content["tables"][1].update(file=content["tables"][0]["file"])
    ),
    "a table twice": json_change(
        BUNDLE, lambda content: content["tables"].append(content["tables"][-1] | {"file": LAYERS})
    ),
    "no table of labels": json_change(
        BUNDLE, lambda content: content.update(tables=[each for each in content["tables"] if each["name"] != "labels"])
    ),
    "responses that are not included": of_bundle(includes=["rollups", "significance"]),
    "a set without stimuli": of_extraction(lambda each: each.update(set="others")),
    "a model without files": of_bundle(models={}),
    "no parts of responses": of_extraction(lambda each: each.pop("parts")),
    "something unknown that is included": of_bundle(includes=["rollups", "significance", "responses", "pixels"]),
    "a table that is a text": of_bundle(tables=["stimuli"]),
    "a table of no kind": of_first_table(name="pixels"),
    "a table of stimuli of no set": json_change(BUNDLE, lambda content: content["tables"][0].pop("set")),
    "a column that is a text": of_first_table(columns=["stimulus_id"]),
    "files of a model that are a list": of_bundle(models={"tiny": ["card.toml"]}),
    "an image without a digest": of_bundle(images={"x": "bundle.json"}),
    "an extraction twice": json_change(
        EXTRACTIONS, lambda content: content["extractions"].append(content["extractions"][0])
    ),
    "no extraction": json_change(EXTRACTIONS, lambda content: content.update(extractions=[])),
    "an extraction that is a text": json_change(EXTRACTIONS, lambda content: content.update(extractions=["x"])),
    "another statistic of maps": of_extraction(lambda each: each["identity"].update(statistics="median")),
    "ranges that run backwards": of_extraction(lambda each: each.update(presented=[[5, 1]])),
    "a part that is a text": of_extraction(lambda each: each.update(parts=["x"])),
    "a record of a part that is a text": of_extraction(lambda each: each["parts"][0].update(record="x")),
    "a digest of a plan that is none": of_extraction(lambda each: each.update(digest="x")),
    "roll-ups of other labels": of_extraction(lambda each: each["rollups"]["category"].update(labels="0" * 64)),
    "a source that is a number": of_extraction(lambda each: each.update(sources={"0": 1})),
    "a source of no part": of_extraction(lambda each: each.update(sources={"../0": "x"})),
    "sources of other parts": of_extraction(lambda each: each.update(sources={"0": "x", "1": "y"})),
    "unreadable stimuli of no plan": of_record(unreadable=[{"stimulus_id": 99, "path": "x", "reason": "y"}]),
    "another number of responses": of_record(rows=10**9),
    "a record of lists in lists": of_record(agreement=deep(50)),
    "a response without a value": value_change(RESPONSES, "maximum", None),
    "a label without a category": value_change(LABELS, "category", None),
    "more columns than a table has": table_change(
        STIMULI,
        lambda table: pa.table({**{name: table[name] for name in table.column_names},
                                **{f"v{number}": table["bytes"] for number in range(2_100)}}),
    ),
    "columns that the record does not list": lambda folder: restate(
        folder, STIMULI, 6, {"set": "string", "stimulus_id": "int32", "sha256": "string", "path": "string",
                             "width": "int32", "height": "int32", "format": "string", "bytes": "int64",
                             "pixels_sha256": "string", "bit_depth": "int32", "weight": "double"},
    ),
    "layers of no model": table_change(
        LAYERS, lambda table: pa.concat_tables([table, table.slice(0, 1).set_column(0, "model", pa.array(["others"]))])
    ),
    "roll-ups of no model": value_change(ROLLUPS, "model", "others"),
    "a network without one of its layers": table_change(LAYERS, lambda table: table.slice(1)),
    "a stimulus variable without a name": json_change(
        BUNDLE, lambda content: content["tables"][0]["columns"][2].update(variable=" ")
    ),
    "the origin of a set that is a text": json_change(
        PROVENANCE, lambda content: content.update(layers={"tiny": "x"})
    ),
}  # fmt: skip
"""Changes to the records of a bundle; each is signed again."""


RELATIONS, PERMUTATIONS = "relations.parquet", "relation_permutations.parquet"


def listed_twice(content: dict[str, Any]) -> None:
    """List the first of two tables of significance in the place of the second."""
    places = [number for number, each in enumerate(content["resampled"]) if each["table"] == "significance"]
    content["resampled"][places[1]] = content["resampled"][places[0]]


def value_of_pool(column: str) -> Change:
    """Remove a value of the first filter of a pool, of which q and the corrected p are not compared."""

    def change(folder: Path) -> None:
        table = pq.read_table(io.BytesIO((folder / RELATIONS).read_bytes()))
        layers = table["layer"].to_pylist()
        value_change(RELATIONS, column, None, layers.index(next(name for name in layers if "pool" in name)))(
            folder
        )

    return change


RELATION_CHANGES: dict[str, Change] = {
    "another correlation": value_change(RELATIONS, "correlation", 0.123),
    "a correlation of 2": value_change(RELATIONS, "correlation", 2.0),
    "a correlation that is no number": value_change(RELATIONS, "correlation", NOT_A_NUMBER),
    "another n": value_change(RELATIONS, "n", 5),
    "a p of no permutations": value_change(RELATIONS, "p", 0.0123),
    "a p of 0": value_change(RELATIONS, "p", 0.0),
    "another q": value_change(RELATIONS, "q", 0.5),
    "another corrected p": value_change(RELATIONS, "p_fwe", 0.001),
    "a relation without a filter": table_change(RELATIONS, lambda table: table.slice(1)),
    "a filter twice": table_change(RELATIONS, twice),
    "a parameter without values": table_change(
        RELATIONS,
        lambda table: table.set_column(3, "parameter", pa.array(["luck"] * len(table), pa.string())),
    ),
    "permutations of another parameter": value_change(PERMUTATIONS, "parameter", "luck"),
    "a permutation too few": table_change(PERMUTATIONS, lambda table: table.slice(1)),
    "a permutation that was not made": value_change(PERMUTATIONS, "permutation", 999),
    "another strongest correlation": value_change(PERMUTATIONS, "strongest", 0.987),
    "more related filters than there are": value_change(PERMUTATIONS, "related", 1000),
    "no permutations": lambda folder: (
        json_change(
            BUNDLE,
            lambda content: content.update(
                tables=[each for each in content["tables"] if each["name"] != "relation_permutations"]
            ),
        )(folder),
        (folder / PERMUTATIONS).unlink(),
    ),
    "related filters of other responses": json_change(
        PROVENANCE, lambda content: content["related"][0]["origin"].update(parts={"0": "x"})
    ),
    "related filters without an origin": json_change(PROVENANCE, lambda content: content.update(related=[])),
    "a relation listed twice": json_change(
        PROVENANCE, lambda content: content.update(related=content["related"][:1] * 2)
    ),
    "a relation without an origin": json_change(PROVENANCE, lambda content: content["related"].pop()),
    "a table of significance listed twice": json_change(PROVENANCE, listed_twice),
    "a correlation without its p": value_of_pool("p"),
    "a p without its correlation": value_of_pool("correlation"),
    "an origin of related filters that is a text": json_change(
        PROVENANCE, lambda content: content.update(related="x")
    ),
    "an origin of related filters of no set": json_change(
        PROVENANCE, lambda content: content["related"][0].update(set="others")
    ),
    "an observation without a value": value_change("observations.parquet", "value", None),
    "another observation": value_change("observations.parquet", "value", 3.5),
    "labels of no scheme": of_extraction(lambda each: each["rollups"].update(ghost={"rows": 0})),
}
"""Changes to the tables of related filters, and to what they follow from; each is signed again."""


def flipped(folder: Path) -> None:
    """A flipped bit in a table."""
    content = bytearray((folder / ROLLUPS).read_bytes())
    content[len(content) // 2] ^= 4
    (folder / ROLLUPS).write_bytes(content)


UNSIGNED: dict[str, Change] = {
    "a flipped bit": flipped,
    "digests that are no digests": replace_file(SUMS, b"x  y\n"),
    "digests of a file outside": lambda folder: (folder / SUMS).write_text(f"{'0' * 64}  ../../etc/passwd\n"),
    "a file without a digest": replace_file("extra.json", b"{}"),
    "no digests": lambda folder: (folder / SUMS).unlink(),
    "digests that are not UTF-8": replace_file(SUMS, b"\xff\xfe"),
    "a file listed twice": lambda folder: (folder / SUMS).write_text((folder / SUMS).read_text() * 2),
    "a gigabyte of digests": lambda folder: os.truncate(folder / SUMS, 2**30),
}
"""Changes that are not signed again."""


def zip_of(folder: Path, target: Path, *, compressed: bool = False) -> zipfile.ZipFile:
    """An open zip with the files of a bundle."""
    packed = zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED)
    for file in sorted(folder.iterdir()):
        packed.write(file, file.name)
    return packed


def with_entry(name: str, content: bytes = b"x", mode: int = 0o100644) -> Callable[[Path, Path], None]:
    """A good bundle as a zip, with one more file."""

    def make(folder: Path, target: Path) -> None:
        with zip_of(folder, target) as packed:
            entry = zipfile.ZipInfo("placeholder")
            entry.filename = name
            entry.create_system, entry.external_attr = 3, mode << 16
            with warnings.catch_warnings():  # of a name that occurs twice
                warnings.simplefilter("ignore")
                packed.writestr(entry, content, zipfile.ZIP_DEFLATED)

    return make


def with_bytes(change: Callable[[bytearray], bytes | bytearray]) -> Callable[[Path, Path], None]:
    """A good bundle as a zip, whose bytes are changed."""

    def make(folder: Path, target: Path) -> None:
        zip_of(folder, target).close()
        target.write_bytes(bytes(change(bytearray(target.read_bytes()))))

    return make


def with_flag(content: bytearray) -> bytearray:
    """Mark the first file as encrypted, in both places."""
    content[6] |= 1
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return content


def with_size(size: int) -> Callable[[bytearray], bytearray]:
    """State another size of the first file."""

    def change(content: bytearray) -> bytearray:
        at = content.index(b"PK\x01\x02")
        content[22:26] = content[at + 24 : at + 28] = struct.pack("<I", size)
        return content

    return change


def nested(folder: Path, target: Path) -> None:
    """A zip in a zip, of zeros."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(2**24))
    with_entry("inner.zip", inner.getvalue())(folder, target)


def many(folder: Path, target: Path) -> None:
    """A zip with very many names."""
    with zip_of(folder, target) as packed:
        for number in range(30_000):
            packed.writestr(f"x{number}", b"")


ZIPS: dict[str, Callable[[Path, Path], None]] = {
    **{
        f"a file named {name!r}": with_entry(name)
        for name in (
            "../evil.txt", "/tmp/evil.txt", "C:\\evil.txt", "C:evil.txt", "..\\evil.txt", "sub/evil.txt", "sub/",
            "SHA256sums", "Bundle.JSON", "labels.PARQUET", "nul.txt", "x\x00.txt", "x\x1b[2J.txt", ".hidden",
            "\u00e9.txt",
        )
    },
    "a name twice": with_entry(BUNDLE, b"{}"),
    "a link": with_entry("link.json", b"/etc/passwd", 0o120777),
    "a device": with_entry("device.json", b"", 0o020666),
    "a gigabyte of zeros": with_entry("zeros.json", bytes(2**28)),
    "a zip in a zip": nested,
    "thirty thousand files": many,
    "an encrypted file": with_bytes(with_flag),
    "a zip cut off": with_bytes(lambda content: content[: len(content) // 2]),
    "a zip without its start": with_bytes(lambda content: content[100:]),
    "a file that is smaller than stated": with_bytes(with_size(2**31)),
    "a file that is larger than stated": with_bytes(with_size(1)),
    "a file of negative size": with_bytes(with_size(0xFFFFFFFF)),
    "no zip": with_bytes(lambda _: b"hello"),
    "an empty file": with_bytes(lambda _: b""),
}  # fmt: skip
"""Zips of a good bundle with one fault each."""
