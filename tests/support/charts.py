"""What the specification of a chart says."""

from __future__ import annotations

from typing import Any


def colours(part: Any) -> dict[str, str]:
    """Category to colour, as the scales of a specification say."""
    found: dict[str, str] = {}
    if isinstance(part, dict):
        scale = part.get("color", {}).get("scale") if isinstance(part.get("color"), dict) else None
        if scale:
            found |= dict(zip(scale["domain"], scale["range"], strict=True))
        part = list(part.values())
    if isinstance(part, list):
        for child in part:
            found |= colours(child)
    return found
