"""The table of a network's layers in a study."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from toolbox.collect.extraction.task import Task
from toolbox.network.card import layer_table
from toolbox.store.commits import Commit
from toolbox.store.parquet import read_table, write_table


def has_layers(task: Task) -> bool:
    """Whether the layer table of the study equals that of the card.

    Args:
        task: the extraction.
    """
    path = task.request.study.layers(task.network.name)
    return path.exists() and pl.DataFrame(read_table(path)).equals(layer_table(task.network))


def stage_layers(task: Task, commit: Commit) -> None:
    """Write the layers into the scratch folder of a commit, unless the study has them.

    Args:
        task: the extraction.
        commit: the commit.
    """
    if not has_layers(task):
        write_layers(task, commit.stage(task.request.study.layers(task.network.name)))


def write_layers(task: Task, path: Path) -> None:
    """Write the geometry of all layers of the card, recorded or not: depth is relative to the whole network.

    Args:
        task: the extraction.
        path: the file.
    """
    net = task.network
    write_table(path, layer_table(net).to_arrow(), {"model": net.name, "citation": net.citation})
