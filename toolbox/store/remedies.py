"""What to do about a damaged or missing file of a study: restore it, or the command that makes it again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from toolbox.errors import command_line

REPLACEMENT = "replacement"
"""Folder of an extraction that will replace another one, in that of its plan."""
Names = Mapping[str, str]
"""The set, model and scheme to which a file belongs, as far as it belongs to one."""


def remedy_for(path: Path) -> str:
    """What to do about a damaged file.

    Args:
        path: the file, in a study.

    Example:
        >>> remedy_for(Path("study/labels/set=pets/scheme=breed/labels.parquet"))
        'restore it, or label again: toolbox label pets --source TABLE --scheme breed --replace'
    """
    if path.parent.name == REPLACEMENT:
        return f"delete its folder {REPLACEMENT} and that of its checksums, and extract again with replace (--replace)"
    names, place = {"set": "SET", "model": "MODEL", "scheme": "SCHEME"}, path.parent
    while "=" in place.name:
        kind, _, name = place.name.partition("=")
        names[kind] = name
        place = place.parent
    is_of_study = place != path.parent or place.name == "runs"
    remedy = _REMEDIES.get(place.name) if is_of_study else None
    return f"restore it, or {remedy(names, path)}" if remedy else "restore it, or create it again"


def _of_stimuli(names: Names, _: Path) -> str:
    remove, ingest = command_line("remove", "set", names["set"]), _ingestion(names)
    return f"remove the set and ingest it again: {remove}; {ingest}"


def _of_properties(names: Names, path: Path) -> str:
    if path.name == "measured.parquet":
        return f"delete it and measure the images again: {command_line('properties', names['set'])}"
    return f"delete it and ingest the set again: {_ingestion(names)}"


def _of_labels(names: Names, path: Path) -> str:
    if names["scheme"] == "category":
        return _of_properties(names, path)
    words = ("label", names["set"], "--source", "TABLE", "--scheme", names["scheme"], "--replace")
    return f"label again: {command_line(*words)}"


def _ingestion(names: Names) -> str:
    return command_line("ingest", "FOLDER", "--set", names["set"])


def _of_parts(names: Names, path: Path) -> str:
    record = f"plans/set={names['set']}/model={names['model']}/{path.stem}.json"
    return f"delete {record} in the study and run the extraction again"


def _of_plans(names: Names, path: Path) -> str:
    if path.name == "rollups.json":
        return "import its bundle again (toolbox import BUNDLE)"
    return _of_parts(names, path) if path.suffix == ".json" else "extract again with replace (--replace)"


def _of_layers(names: Names, _: Path) -> str:
    return (
        f"delete it and run the extraction again: {command_line('extract', 'SET', '--model', names['model'])}"
    )


def _of_parameters(names: Names, _: Path) -> str:
    words = ("parameters", names["set"], "--source", "FILE", "--replace")
    return f"add the parameter again: {command_line(*words)}"


def _of_rollups(_: Names, __: Path) -> str:
    return "delete it: the next query makes it again"


def _of_resamples(names: Names, path: Path) -> str:
    options = [*zip(("index", "statistic", "normalise"), path.stem.split("-"), strict=False)]
    options = [("model", names["model"]), ("scheme", names["scheme"]), *options]
    words = [word for name, value in options for word in (f"--{name}", value)]
    return f"compute it again: {command_line('significance', names['set'], *words)}"


def _of_relations(names: Names, _: Path) -> str:
    return f"compute it again: {command_line('relate', names['set'], '--parameter', 'NAME', '--model', names['model'])}"


def _of_rendered(names: Names, path: Path) -> str:
    options = ("--layer", names.get("layer", "LAYER"), "--model", names["model"], "--replace")
    filters = path.stem.partition("-")[0].split("+")
    words = [word for number in filters for word in ("--filter", number)]
    return f"delete {path.stem}.png and {path.stem}.json, and make it again: {command_line('render', *options, *words)}"


def _of_runs(_: Names, __: Path) -> str:
    return "delete it: no result depends on it"


_REMEDIES: Mapping[str, Callable[[Names, Path], str]] = {
    "stimuli": _of_stimuli,
    "properties": _of_properties,
    "labels": _of_labels,
    "parameters": _of_parameters,
    "responses": _of_parts,
    "plans": _of_plans,
    "layers": _of_layers,
    "rollups": _of_rollups,
    "significance": _of_resamples,
    "resamples": _of_resamples,
    "reliability": _of_resamples,
    "relations": _of_relations,
    "relation_permutations": _of_relations,
    "rendered": _of_rendered,
    "runs": _of_runs,
}
