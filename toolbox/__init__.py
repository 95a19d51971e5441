"""Treat the filters of a convolutional network as a neurophysiologist treats neurons.

>>> from toolbox import Study
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolbox.add import add_model, examine_graph
    from toolbox.check import check_model
    from toolbox.demo import demonstrate
    from toolbox.doctor import examine_setup
    from toolbox.errors import ToolboxError
    from toolbox.export import export_model, model_layers, models
    from toolbox.query import query_table
    from toolbox.study import Study

__all__ = [
    "Study",
    "ToolboxError",
    "add_model",
    "check_model",
    "demonstrate",
    "examine_graph",
    "examine_setup",
    "export_model",
    "model_layers",
    "models",
    "query_table",
]

_HOMES = {
    "Study": "toolbox.study",
    "ToolboxError": "toolbox.errors",
    "add_model": "toolbox.add",
    "check_model": "toolbox.check",
    "demonstrate": "toolbox.demo",
    "examine_graph": "toolbox.add",
    "examine_setup": "toolbox.doctor",
    "export_model": "toolbox.export",
    "model_layers": "toolbox.export",
    "models": "toolbox.export",
    "query_table": "toolbox.query",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must not pay for what it does not need."""
    if name not in _HOMES:
        raise AttributeError(f"module 'toolbox' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
