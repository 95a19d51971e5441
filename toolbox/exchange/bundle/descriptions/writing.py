"""Writing all descriptions of a bundle, once its content is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from toolbox.exchange.bundle.contents import Contents
from toolbox.exchange.bundle.descriptions.citation import citation
from toolbox.exchange.bundle.descriptions.croissant import croissant
from toolbox.exchange.bundle.descriptions.data_package import data_package
from toolbox.exchange.bundle.descriptions.described import Described, described_files
from toolbox.exchange.bundle.descriptions.readme import readme
from toolbox.exchange.bundle.descriptions.ro_crate import ro_crate
from toolbox.exchange.bundle.layout import CITATION, CROISSANT, DATA_PACKAGE, README, RO_CRATE
from toolbox.exchange.bundle.parquet_files import WrittenTable
from toolbox.exchange.bundle.records import json_bytes
from toolbox.exchange.bundle.sources import TableSources
from toolbox.store.parquet import provenance_of
from toolbox.store.study_file import read_study_file


def write_descriptions(
    sources: TableSources, tables: Sequence[WrittenTable], record: Mapping[str, Any], folder: Path
) -> None:
    """Write the page, the citation, and what describes the bundle to programs.

    Args:
        sources: what the bundle is made of.
        tables: its tables.
        record: that of `bundle.json`.
        folder: of the bundle, with all files but the descriptions.
    """
    counts, date = [*_counts(sources)], _date(sources.contents)
    stated = sources.credits
    content = Described(record, tables, described_files(folder, tables), date, counts, stated)
    citations = _citations(sources.contents)
    (folder / README).write_bytes(readme(content).encode())
    (folder / CITATION).write_bytes(citation(content, citations).encode())
    every = Described(record, tables, described_files(folder, tables), date, counts, stated)
    for name, description in ((DATA_PACKAGE, data_package), (CROISSANT, croissant), (RO_CRATE, ro_crate)):
        (folder / name).write_bytes(json_bytes(description(every)))


def _counts(sources: TableSources) -> Iterator[str]:
    """Stimuli, categories and filters, in words."""
    contents = sources.contents
    for (set_name, scheme), labels in sorted(contents.labels.items()):
        shown = [each for each in labels.values() if not sources.withheld.hides(set_name, scheme, each)]
        sizes = ", ".join(f"{category} {n:,}" for category, n in sorted(Counter(shown).items()))
        yield f"stimulus set {set_name}, labelled by {scheme}: {sizes or 'no category'}"
    for extraction in contents.extractions:
        n = len(extraction.with_responses - sources.withheld.stimuli_of(extraction.set))
        layers = len(extraction.responses.layers)
        yield f"{extraction.model}: {layers} layers, responses to {n:,} stimuli of {extraction.set}"


def _date(contents: Contents) -> str:
    """The day of the newest table of responses or stimuli: that of today would differ every time."""
    study = contents.study
    files = [study.stimuli(name) for name in contents.sets]
    times = [str(each.plan.created) for each in contents.extractions]
    times += [str(provenance_of(file).get("created", "")) for file in files]
    times.append(str(read_study_file(study.root).get("created", "")))
    return max(times)[:10] or "1970-01-01"


def _citations(contents: Contents) -> list[str]:
    found = (provenance_of(contents.study.layers(model)).get("citation") for model in contents.models)
    return [*dict.fromkeys(str(each) for each in found if each)]
