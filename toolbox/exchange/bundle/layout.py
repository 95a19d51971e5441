"""What a bundle consists of: its files, and the columns of its tables. Owns their names, types and meaning.

A bundle is a zip, or a directory with the same files. It has no folders. Names of files are lower-case ASCII; which set
or model a file is of is in `bundle.json`, and in text columns of the tables, never in the name of the file alone.

    bundle.json         format, title, tool, digest, includes, in_use, withheld, replaced, tables, models, images; where
                        they are stated, authors and licence
    <table>.parquet, stimuli-<set>.parquet, properties-<set>.parquet
    extractions.json    for every set and model: identity, numbers of stimuli, sources of roll-ups; with responses also
                        the plan, and the commit records of the parts, without places
    card-<model>.toml, model-<model>.json
    provenance.json     resampled, related: the origin of the tables of resampled indices, and of related filters; runs:
                        the records of runs
    SHA256SUMS          of all other files, as `sha256sum -c` reads it

`bundle.json` lists under `tables` the name, the file, the set (where a table is of one set), the number of rows, and
the columns of every table; a stimulus variable whose name had to be changed has its own name there as `variable`.

    {"name": "stimuli", "file": "stimuli-photos.parquet", "set": "photos", "rows": 360,
     "columns": [{"name": "stimulus_id", "type": "int32"}, ..., {"name": "set_2", "type": "string", "variable": "set"}]}

`models` has, under the name of each, the files `card` and `model`, where they are known; `in_use` the set, the model
and the scheme that are meant where none is named; `withheld` the numbers of cells and stimuli; `images` has the file
of an image by its sha256.

`extractions.json` has `extractions`, a list of

    {"set": …, "model": …, "identity": {model, layers, tapped, precision, statistics}, "digest": of the plan,
     "created": …, "layers": those recorded, "stimuli": with responses, "unreadable": [stimulus_id], "of": in the set,
     "weights": […], "provider": […], "response_rows": …,
     "sources": part -> digests of values and of stimuli, as in availability,
     "rollups": {scheme: {"labels": digest, "rows": …}},
     "parts": [{"stimuli": [stimulus_id], "record": {…} or null}]}          # only with responses

and `labels`: set -> scheme -> the digest of the labels, as in `store/labels.py`.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

from toolbox.store.columns import LABELS, OBSERVATIONS, RELATION_TABLES, ROLLUPS, TABLES
from toolbox.terms import PICTURE_COLUMNS, STIMULUS_COLUMNS

FORMAT = 1
"""Version of the layout; another version is refused by who reads a bundle."""
MOST_BUNDLE_FILES = 100
"""Files that a deposit accepts; copies of images are not counted."""
MOST_BUNDLE_IMAGES = 100_000
"""Copies of images, whose names a program can still read at once."""
BUNDLE_FILE_NAME = re.compile(r"[a-z0-9][a-z0-9._-]*", re.ASCII)
"""A name of a file in a bundle; `SHA256SUMS`, `README.md` and `CITATION.cff` are the exceptions."""
IMAGE_FILE_NAME = re.compile(r"image-[0-9a-f]{16}\.[a-z0-9]{1,20}", re.ASCII)
"""A name of a copy of an image, with the first digits of its SHA-256."""

Included = Literal["rollups", "significance", "relations", "responses"]
INCLUDED: tuple[Included, ...] = ("rollups", "significance", "relations", "responses")
"""What a bundle may include beside the stimuli, the labels and the layers."""

BUNDLE, EXTRACTIONS, PROVENANCE, SUMS = "bundle.json", "extractions.json", "provenance.json", "SHA256SUMS"
DATA_PACKAGE, CROISSANT, RO_CRATE = "datapackage.json", "croissant.json", "ro-crate-metadata.json"
README, CITATION, METHODS, REPORT = "README.md", "CITATION.cff", "methods.md", "report.html"
VIEWS, QUERIES = "views.sql", "queries.sql"
FIXED = frozenset(
    {
        BUNDLE,
        EXTRACTIONS,
        PROVENANCE,
        SUMS,
        DATA_PACKAGE,
        CROISSANT,
        RO_CRATE,
        README,
        CITATION,
        METHODS,
        REPORT,
    }
    | {VIEWS, QUERIES}
)
"""Names that every bundle may have; others are those of tables, models and images."""


@dataclass(frozen=True)
class Table:
    """A kind of table in a bundle.

    Attributes:
        name: its name, and that of its file, where it is not of one set.
        keys: the text columns that come first.
        columns: the columns after them, and their types by pyarrow's names.
        order: the columns by which the rows are sorted.
        belongs_to: with what it comes; always, if None.
        is_of_a_set: whether there is one file for every set, as the columns differ.
        has_more_columns: whether stimulus variables, or image properties, follow.
    """

    name: str
    keys: tuple[str, ...]
    columns: Mapping[str, str]
    order: tuple[str, ...]
    belongs_to: Included | None = None
    is_of_a_set: bool = False
    has_more_columns: bool = False

    @property
    def schema(self) -> dict[str, str]:
        """All declared columns and their types, in order."""
        return dict.fromkeys(self.keys, "string") | dict(self.columns)


_OF_FILTERS = ("set", "model", "scheme")
_MEASURE = ("index", "statistic", "normalise")
_RELATION = ("parameter", "given", "statistic")
BUNDLE_TABLES = {
    table.name: table
    for table in (
        Table(
            "stimuli", ("set",), STIMULUS_COLUMNS | PICTURE_COLUMNS, ("stimulus_id",),
            is_of_a_set=True, has_more_columns=True,
        ),
        Table("labels", ("set", "scheme"), LABELS, ("set", "scheme", "stimulus_id")),
        Table(
            "observations", ("set", "parameter"), OBSERVATIONS,
            ("set", "parameter", "stimulus_id", "observer", "value"),
        ),
        Table(
            "properties", ("set",), {"stimulus_id": "int32"}, ("stimulus_id",),
            is_of_a_set=True, has_more_columns=True,
        ),
        Table(
            "layers", ("model",),
            {
                "layer": "string", "position": "int32", "kind": "string", "filters": "int32", "height": "int32",
                "width": "int32", "stride": "int32", "receptive_field": "int32",
            },
            ("model", "position"),
        ),
        Table(
            "rollups", _OF_FILTERS, ROLLUPS, (*_OF_FILTERS, "statistic", "layer", "filter", "category"), "rollups"
        ),
        Table(
            "significance", _OF_FILTERS, TABLES["filters"],
            (*_OF_FILTERS, *_MEASURE, "layer", "filter", "category"), "significance",
        ),
        Table(
            "resamples", _OF_FILTERS, TABLES["resamples"],
            (*_OF_FILTERS, *_MEASURE, "kind", "resample", "layer", "category", "threshold"), "significance",
        ),
        Table(
            "reliability", _OF_FILTERS, TABLES["splits"], (*_OF_FILTERS, *_MEASURE, "layer", "filter"), "significance"
        ),
        Table(
            "relations", _OF_FILTERS, RELATION_TABLES["relations"], (*_OF_FILTERS, *_RELATION, "layer", "filter"),
            "relations",
        ),
        Table(
            "relation_permutations", _OF_FILTERS, RELATION_TABLES["relation_permutations"],
            (*_OF_FILTERS, *_RELATION, "permutation", "layer", "threshold"), "relations",
        ),
        Table(
            "responses", ("set", "model"),
            {
                "part": "int32", "layer": "string", "filter": "int32", "stimulus_id": "int32", "maximum": "float",
                "mean": "float",
            },
            ("set", "model", "part", "layer", "filter", "stimulus_id"), "responses",
        ),
    )
}  # fmt: skip
"""Name -> table, in the order in which a bundle lists them."""


def safe_names(names: Collection[str]) -> dict[str, str]:
    """A part of a file's name for each name: lower-case ASCII, different for all, safe on every system.

    Args:
        names: of sets or of models.

    Returns: name -> part; where two names would have the same part, both end in digits of their digests.

    Example:
        >>> safe_names(["photos", "Köpfe"])
        {'Köpfe': 'kopfe', 'photos': 'photos'}
        >>> sorted(safe_names(["Pets", "pets"]).values())
        ['pets-3be1d422', 'pets-7dc1cd7e']
    """
    parts = {name: _plain(name) for name in sorted(names)}
    taken = [*parts.values()]
    return {
        name: f"{part}-{_digits(name)}".lstrip("-")
        if not part or taken.count(part) > 1 or _AS_DIGITS.search(part)
        else part
        for name, part in parts.items()
    }


_AS_DIGITS = re.compile("-[0-9a-f]{8}$")
_LONGEST = 60
"""Characters of the part of a name."""


def _plain(name: str) -> str:
    """A name without accents, in lower case, with a hyphen in the place of everything else."""
    letters = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9_]+", "-", letters).strip("-_")[:_LONGEST].rstrip("-_")


def _digits(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()[:8]


def bundle_digest(digests: Mapping[str, str]) -> str:
    """The digest of the content of a bundle, which `bundle.json` has: of its tables, records, cards and images.

    Descriptions, which may name this digest themselves, do not count.

    Args:
        digests: sha256 of every file by its name.
    """
    lines = [f"{digest}  {name}" for name, digest in sorted(digests.items()) if is_content(name)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_content(name: str) -> bool:
    """Whether a file of a bundle is a result rather than a description of results."""
    return name in (EXTRACTIONS, PROVENANCE) or name not in FIXED
