"""The networks of a bundle: identity and preprocessing from the records, and the card where it is the same one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolbox.content import card_names, card_path
from toolbox.errors import ToolboxError
from toolbox.exchange.bundle.layout import safe_names
from toolbox.exchange.bundle.records import json_bytes, model_record
from toolbox.exchange.bundle.tables import TableSources
from toolbox.network.card import network


def write_cards(sources: TableSources, folder: Path) -> dict[str, dict[str, str]]:
    """Write what is known of every network.

    Args:
        sources: what the bundle is made of.
        folder: of the bundle.

    Returns: model -> its files by kind: `model` and, where this computer has the card of the same network, `card`.
    """
    contents = sources.contents
    parts = safe_names(contents.models)
    found = {}
    for model in contents.models:
        record = model_record([each for each in contents.extractions if each.model == model])
        files = {"model": f"model-{parts[model]}.json"}
        if (text := _card_text(model, record)) is not None:
            files["card"] = f"card-{parts[model]}.toml"
            (folder / files["card"]).write_bytes(sources.replacements.text(text).encode())
        (folder / files["model"]).write_bytes(json_bytes(sources.replacements.value(record)))
        found[model] = files
    return found


def _card_text(model: str, record: dict[str, Any]) -> str | None:
    """The card with a model's name, if its preprocessing and layers are those of the responses; else None."""
    if model not in card_names("models"):
        return None
    try:
        net = network(model)
        own = json.loads(json.dumps(asdict(net.input)))
        used = record["preprocessing"] or {}
        is_same = all(own.get(key) == value for key, value in used.items())
        if not is_same or not {*record["recorded_layers"]} <= {layer.name for layer in net.layers}:
            return None
        return card_path("models", model).read_text(encoding="utf-8")
    except (ToolboxError, OSError):  # a card of this name that cannot be read is another one
        return None
