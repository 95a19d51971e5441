"""The caption of a figure: what was shown to which network, with which parameters, and the cautions."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from toolbox.chart.theme import column_words
from toolbox.query.indices import shipped_indices
from toolbox.store.folder import SCHEME


def caption(provenance: Mapping[str, Any]) -> str:
    """Set, model and parameters, so that a figure can be understood without its command.

    Args:
        provenance: of the rows.
    """
    parts = [str(provenance["set"])] if "set" in provenance else []
    models = provenance.get("model", [])
    if models:
        parts.append(models if isinstance(models, str) else " and ".join(models))
    if provenance.get("scheme", SCHEME) != SCHEME:
        parts.append(f"labels {provenance['scheme']}")
    if "reference" in provenance:
        parts.append(f"compared with {Path(provenance['reference']['file']).name}")
    parts += [f"{column} {', '.join(names)}" for column, names in provenance.get("shown", {}).items()]
    used = {name: value for name, value in provenance["parameters"].items() if value is not None}
    if index := shipped_indices().get(str(used.pop("index", ""))):
        used.pop("threshold", None)
        # with the name of the index that readers know
        selected_by = provenance.get("criterion", index.name)
        parts.append(column_words(index.name) + selected_by.removeprefix(index.name))
    return " · ".join([*parts, *(f"{name} {value}" for name, value in used.items())])


def caution_sentence(caution: str) -> str:
    """A caution as a sentence; that of one of several models begins with its name, as the model is called.

    Args:
        caution: as an answer has it.
    """
    is_of_model = caution.partition(" ")[0].endswith(":")
    return f"{caution if is_of_model else caution[:1].upper() + caution[1:]}."
