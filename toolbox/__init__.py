"""Treat the filters of a convolutional network as a neurophysiologist treats neurons.

>>> from toolbox import Study
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolbox.demo import demonstrate
    from toolbox.errors import ToolboxError
    from toolbox.query import query_table
    from toolbox.setup.adding import add_model, examine_graph
    from toolbox.setup.checking import check_model
    from toolbox.setup.doctor import examine_setup
    from toolbox.setup.exporting import export_model, model_layers, models
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
    "add_model": "toolbox.setup.adding",
    "check_model": "toolbox.setup.checking",
    "demonstrate": "toolbox.demo",
    "examine_graph": "toolbox.setup.adding",
    "examine_setup": "toolbox.setup.doctor",
    "export_model": "toolbox.setup.exporting",
    "model_layers": "toolbox.setup.exporting",
    "models": "toolbox.setup.exporting",
    "query_table": "toolbox.query",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must not pay for what it does not need."""
    if name not in _HOMES:
        raise AttributeError(f"module 'toolbox' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
