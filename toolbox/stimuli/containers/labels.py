"""Labels beside images in HDF5 and Parquet: under which names they are found, and their texts."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

LABEL_COLUMNS = ("label", "labels", "category", "categories", "class", "classes", "target", "targets", "y")
"""Names of columns and datasets of labels, the first that is there."""


def label_columns(images: str) -> list[str]:
    """Names that the labels of images may have.

    Args:
        images: name of their column or dataset.

    Example:
        >>> label_columns("x_train")[:3]
        ['x_train_label', 'x_train_labels', 'y_train']
    """
    paired = [f"y{images[1:]}"] if images[:1].lower() == "x" else []
    return [f"{images}_label", f"{images}_labels", *paired, *LABEL_COLUMNS]


def label_texts(values: Iterable[Any]) -> list[str | None]:
    """Labels as texts: numbers as they are written; None where one is missing.

    Example:
        >>> label_texts([b"dog", 3, None, True])
        ['dog', '3', None, 'true']
    """
    return [_text(value) for value in values]


def _text(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value).lower() if isinstance(value, bool) else str(value)
