"""The records of a bundle: what it is, which extractions it is of, and where its tables come from.

Owns `bundle.json`, `extractions.json`, `provenance.json` and `model-<model>.json`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolbox.distribution import name_and_version
from toolbox.exchange.bundle.contents import Contents, SharedExtraction
from toolbox.exchange.bundle.layout import FORMAT
from toolbox.exchange.bundle.parquet_files import WrittenTable
from toolbox.exchange.bundle.relations import relations_record
from toolbox.exchange.bundle.sources import TableSources
from toolbox.exchange.bundle.tables import resampled_files
from toolbox.files import read_json
from toolbox.store.computed_with import computed_with
from toolbox.store.imported_rollups import ranges_of
from toolbox.store.labels import labels_digest
from toolbox.store.parquet import provenance_of
from toolbox.store.plan import read_digests
from toolbox.store.records import planned_records
from toolbox.store.resamples import measure_of

_PLACES = ("bytes", "sha256")
"""Keys of a commit record that are of the file in the study, and not of its values."""
_FILES = {"significance": "filters", "resamples": "resamples", "reliability": "splits"}


def json_bytes(value: Any) -> bytes:
    """A value as JSON, always the same bytes for the same value."""
    return (json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode()


def extractions_record(sources: TableSources) -> dict[str, Any]:
    """What import needs to write plans, records and roll-ups.

    Args:
        sources: what the bundle is made of.
    """
    contents = sources.contents
    labels: dict[str, dict[str, str]] = {name: {} for name in contents.sets}
    for (set_name, scheme), categories in sorted(contents.labels.items()):
        shown = {
            stimulus: category
            for stimulus, category in categories.items()
            if not sources.withheld.hides(set_name, scheme, category)
        }
        labels[set_name][scheme] = labels_digest(shown)
    found = [
        _extraction(sources, each)
        | {
            "rollups": {
                scheme: {
                    "labels": labels[each.set][scheme],
                    "rows": sources.rows[each.set, each.model, scheme],
                }
                for scheme in sorted(each.schemes)
            }
        }
        for each in contents.extractions
    ]
    return {"format": FORMAT, "extractions": found, "labels": labels}


def _extraction(sources: TableSources, shared: SharedExtraction) -> dict[str, Any]:
    responses, plan = shared.responses, shared.plan
    hidden = sources.withheld.stimuli_of(shared.set)
    record: dict[str, Any] = {
        "set": shared.set,
        "model": shared.model,
        "identity": asdict(plan.identity),
        "digest": plan.digest,
        "created": plan.created,
        "layers": responses.layers,
        "stimuli": len(shared.with_responses - hidden),
        "unreadable": sorted({*responses.unreadable} - hidden),
        "of": responses.of - len(hidden),
        "weights": responses.provenance["weights"],
        "provider": responses.provenance["provider"],
    }
    if responses.stimuli + len(responses.unreadable) != responses.of:
        record["presented"] = ranges_of(shared.with_responses - hidden)
    if not sources.withheld:  # these digests are of all stimuli
        record |= {"response_rows": responses.provenance["response_rows"], "sources": responses.parts}
    if "responses" in sources.included:
        record["parts"] = [*_parts(sources, shared)]
    return record


def _parts(sources: TableSources, shared: SharedExtraction) -> Iterator[dict[str, Any]]:
    for number, record in enumerate(_commit_records(shared)):
        plain = record and {key: value for key, value in record.items() if key not in _PLACES}
        yield {"stimuli": [*shared.plan.parts[number]], "record": sources.replacements.value(plain)}


def _commit_records(shared: SharedExtraction) -> list[dict[str, Any] | None]:
    """The commit record of every planned part; None for one that does not count."""
    folder = shared.study.extraction(shared.set, shared.model)
    digests = read_digests(shared.study.stimuli(shared.set))
    found = {record["part"]: record for record in planned_records(folder, shared.plan, digests)}
    return [found.get(number) for number in range(len(shared.plan.parts))]


def model_record(shared: Sequence[SharedExtraction]) -> dict[str, Any]:
    """The identity and the preprocessing of a network, from its records.

    Args:
        shared: the extractions of one model.
    """
    first = shared[0]
    computed = [computed_with(each.study.extraction(each.set, each.model)) for each in shared]
    citation = provenance_of(first.study.layers(first.model)).get("citation")
    return {
        "model": first.model,
        "citation": citation or "",
        "weights": sorted({source for each in computed for source in each.weights}),
        "preprocessing": dict(computed[0].preprocessing) or None,
        "precision": first.plan.identity.precision,
        "provider": sorted({name for each in computed for name in each.provider}),
        "runtime": sorted({name for each in computed for name in each.runtime}),
        "layers": dict(first.plan.identity.layers),
        "recorded_layers": [*first.plan.identity.recorded_layers],
    }


def provenance_record(sources: TableSources) -> dict[str, Any]:
    """The origin of the tables in the study, and the records of its runs; of the latter none where cells are withheld.

    Args:
        sources: what the bundle is made of.
    """
    contents, study = sources.contents, sources.contents.study
    tables: dict[str, Any] = {}
    for set_name, schemes in contents.schemes.items():
        files = {"stimuli": study.stimuli(set_name), "properties": study.properties(set_name)}
        files |= {"measured": study.measured(set_name)}
        files |= {f"labels {scheme}": study.labels(set_name, scheme) for scheme in sorted(schemes)}
        files |= {
            f"observations {name}": study.observations(set_name, name)
            for name in study.added_parameters(set_name)
        }
        for name, file in files.items():
            if file.is_file():
                tables.setdefault(set_name, {})[name] = provenance_of(file)
    record: dict[str, Any] = {
        "sets": tables,
        "layers": {model: provenance_of(study.layers(model)) for model in contents.models},
    }
    if "significance" in sources.included:
        record["resampled"] = [*_resampled(sources)]
    if "relations" in sources.included:
        record["related"] = relations_record(sources)
    if sources.withheld:  # they list all categories and stimuli
        return dict(sources.replacements.value({"layers": record["layers"]}))
    return dict(sources.replacements.value(record | {"runs": [*_runs(contents)]}))


def _resampled(sources: TableSources) -> Iterator[dict[str, Any]]:
    """The origin of every table of resampled indices in the bundle."""
    for name, table in _FILES.items():
        for names, file in resampled_files(sources, table):
            yield {"table": name, **names, **vars(measure_of(file)), "origin": provenance_of(file)}


def _runs(contents: Contents) -> Iterator[dict[str, Any]]:
    """The records of runs on what is shared, without the files that were not used."""
    sets, models = {*contents.sets}, {*contents.models}
    for file in sorted((contents.study.root / "runs").glob("*.json")):
        record = read_json(file)
        if record.get("set") in sets and record.get("model", None) in {None, *models}:
            record.pop("rejections", None)
            yield {"run": file.stem, **record}


def bundle_record(
    sources: TableSources,
    tables: Sequence[WrittenTable],
    models: Mapping[str, Any],
    images: Mapping[str, str],
) -> dict[str, Any]:
    """What the bundle is, without the digest of its content.

    Args:
        sources: what the bundle is made of.
        tables: its tables.
        models: model -> its files.
        images: sha256 -> file.
    """
    replacements = sources.replacements
    includes = [*sources.included, *(["images"] if images else [])]
    return {
        "format": FORMAT,
        "title": sources.credits.title or replacements.text(sources.contents.title),
        **sources.credits.record,
        "tool": name_and_version(),
        "includes": includes,
        "in_use": sources.contents.in_use,
        "withheld": sources.withheld.counts,
        "replaced": {**replacements.replaced, "keep_names": replacements.keep},
        "tables": [_table(each) for each in tables],
        "models": dict(models),
        "images": dict(images),
    }


def _table(table: WrittenTable) -> dict[str, Any]:
    columns = []
    for name, kind in table.columns.items():
        variable = (table.variables or {}).get(name)
        columns.append({"name": name, "type": kind, **({"variable": variable} if variable else {})})
    entry = {"name": table.name, "file": table.file, "rows": table.rows, "columns": columns}
    return entry | ({"set": table.set} if table.set else {})


def texts_of_study(contents: Contents) -> Iterator[str]:
    """Texts of a study in which names of users may be: its file, and the records of its runs."""
    files = [contents.study.root / "study.toml", *sorted((contents.study.root / "runs").glob("*.json"))]
    yield from (Path(file).read_text(encoding="utf-8", errors="replace") for file in files)
