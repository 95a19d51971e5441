"""Treat the filters of a convolutional network as a neurophysiologist treats neurons.

>>> from toolbox import Study
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolbox.errors import ToolboxError
    from toolbox.study import Study

__all__ = ["Study", "ToolboxError"]


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must not pay for what it does not need."""
    if name == "Study":
        from toolbox.study import Study

        return Study
    if name == "ToolboxError":
        from toolbox.errors import ToolboxError

        return ToolboxError
    raise AttributeError(f"module 'toolbox' has no attribute {name!r}")
