"""The parts of an extraction, and a set of so many images that it has several."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from support.tiny_network import paint
from toolbox import Study
from toolbox.files import read_json


def part_records(study: Study, set_name: str = "many") -> list[dict[str, Any]]:
    """The commit records of all parts, in their order."""
    files = study.folder.plans(set_name, "tiny").glob("part-*.json")
    return sorted(map(read_json, files), key=lambda record: record["part"])


def part_values(study: Study, set_name: str = "many") -> list[str]:
    """Digests of the sorted values of all parts, in their order."""
    return [record["values"] for record in part_records(study, set_name)]


def paint_many(folder: Path, count: int, side: int = 4) -> Path:
    """A folder of different images of three categories."""
    for number in range(count):
        colour = (255 * number // count, 255 - number, 7)
        paint(folder / f"category {number % 3}" / f"{number}.png", colour, side=side)
    return folder


def ingest_many(study: Study, folder: Path, count: int, side: int = 4) -> Study:
    """The study with a set `many` of different images of three categories."""
    study.ingest(paint_many(folder, count, side), set="many")
    return study
