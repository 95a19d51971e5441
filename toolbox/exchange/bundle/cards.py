"""The networks of a bundle: identity and preprocessing from the records, and the card where it is the same one."""

from __future__ import annotations

import json
import tomllib
from dataclasses import asdict
from pathlib import Path
from typing import Any

from toolbox.content import card_names, card_path
from toolbox.errors import ToolboxError
from toolbox.exchange.bundle.layout import safe_names
from toolbox.exchange.bundle.records import json_bytes, model_record
from toolbox.exchange.bundle.sources import TableSources
from toolbox.network.card import network


def write_cards(sources: TableSources, folder: Path) -> dict[str, dict[str, str]]:
    """Write what is known of every network.

    Args:
        sources: what the bundle is made of.
        folder: of the bundle.

    Returns: model -> its files by kind: `model` and, where this computer has the card of the same network, `card`,
        and `like`, the card from which it takes what it lacks.
    """
    contents = sources.contents
    parts = safe_names({*contents.models, *card_names("models")})
    found = {}
    for model in contents.models:
        record = model_record([each for each in contents.extractions if each.model == model])
        files = {"model": f"model-{parts[model]}.json"}
        (folder / files["model"]).write_bytes(json_bytes(sources.replacements.value(record)))
        for name, text in _cards(model, record).items():
            file = f"card-{parts[name]}.toml"
            files["card" if name == model else "like"] = file
            (folder / file).write_bytes(sources.replacements.text(text).encode())
        found[model] = files
    return found


def _cards(model: str, record: dict[str, Any]) -> dict[str, str]:
    """The card of a model and, where it takes from another one what it lacks, that one."""
    cards, name = dict[str, str](), model
    text = _card_text(model, record)
    while text is not None:
        cards[name] = text
        name = str(tomllib.loads(text).get("like", ""))
        known = name in card_names("models") and name not in cards
        text = card_path("models", name).read_text(encoding="utf-8") if known else None
    return cards


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
