"""Treat the filters of a convolutional network as a neurophysiologist treats neurons.

>>> from toolbox import Study

`Study` is the one object; beside it are networks (`models`, `add_model` …), the classes of options, reports and
results, and everything that is raised or warned. Each is imported when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolbox.analyse.filter_responses import FilterResponses
    from toolbox.analyse.significance import Resampling, SignificanceReport
    from toolbox.collect.extraction import Agreement, Estimate, Extraction, ExtractionReport
    from toolbox.collect.ingest import IngestReport
    from toolbox.collect.label import LabelReport
    from toolbox.collect.parameters import ParametersReport
    from toolbox.demo import demonstrate
    from toolbox.design.advice import Advice
    from toolbox.design.audit import Audit
    from toolbox.design.comparison import CategoryComparison, Comparing, ReferenceReport
    from toolbox.design.exporting.run import ExportedList
    from toolbox.design.matching.run import MatchedSets
    from toolbox.design.probe import ProbeReport, Probing
    from toolbox.design.relation import Relating, RelationReport
    from toolbox.errors import (
        AmbiguousError,
        BusyError,
        CardError,
        DeviceError,
        DownloadError,
        GradientError,
        MixtureError,
        ObjectStorageError,
        QueryError,
        ResourceError,
        ResultWarning,
        StimulusError,
        StorageError,
        TableError,
        ToolboxError,
        UnknownNameError,
        UsageError,
        VerificationError,
        WeightsError,
    )
    from toolbox.exchange.bridges.run import ExportedResponses
    from toolbox.exchange.bundle.run import ShareReport
    from toolbox.exchange.differences import StudyDifference, diff
    from toolbox.exchange.importing.run import ImportReport
    from toolbox.exchange.merging import MergeReport, merge
    from toolbox.progress import Progress
    from toolbox.query import Answer, Query, query_table
    from toolbox.setup.adding import ImportedModel, add_model, examine_graph
    from toolbox.setup.checking import ModelCheck, check_model
    from toolbox.setup.doctor import Finding, examine_setup
    from toolbox.setup.exporting import export_model, model_layers, models
    from toolbox.show.gallery.run import Gallery
    from toolbox.show.plots import Figure
    from toolbox.show.rendering import RenderedPicture, Rendering, RenderingReport
    from toolbox.show.report.run import StudyReport
    from toolbox.show.saliency import Saliency
    from toolbox.store.removal import Removal
    from toolbox.store.selection import Selection
    from toolbox.store.use import InUse
    from toolbox.store.verification import Problem, Verification
    from toolbox.study import Study

__all__ = [
    "Advice",
    "Agreement",
    "AmbiguousError",
    "Answer",
    "Audit",
    "BusyError",
    "CardError",
    "CategoryComparison",
    "Comparing",
    "DeviceError",
    "DownloadError",
    "Estimate",
    "ExportedList",
    "ExportedResponses",
    "Extraction",
    "ExtractionReport",
    "Figure",
    "FilterResponses",
    "Finding",
    "Gallery",
    "GradientError",
    "ImportReport",
    "ImportedModel",
    "InUse",
    "IngestReport",
    "LabelReport",
    "MatchedSets",
    "MergeReport",
    "MixtureError",
    "ModelCheck",
    "ObjectStorageError",
    "ParametersReport",
    "ProbeReport",
    "Probing",
    "Problem",
    "Progress",
    "Query",
    "QueryError",
    "ReferenceReport",
    "Relating",
    "RelationReport",
    "Removal",
    "RenderedPicture",
    "Rendering",
    "RenderingReport",
    "Resampling",
    "ResourceError",
    "ResultWarning",
    "Saliency",
    "Selection",
    "ShareReport",
    "SignificanceReport",
    "StimulusError",
    "StorageError",
    "Study",
    "StudyDifference",
    "StudyReport",
    "TableError",
    "ToolboxError",
    "UnknownNameError",
    "UsageError",
    "Verification",
    "VerificationError",
    "WeightsError",
    "add_model",
    "check_model",
    "demonstrate",
    "diff",
    "examine_graph",
    "examine_setup",
    "export_model",
    "merge",
    "model_layers",
    "models",
    "query_table",
]

_HOMES = {
    "toolbox.analyse.filter_responses": ("FilterResponses",),
    "toolbox.analyse.significance": ("Resampling", "SignificanceReport"),
    "toolbox.collect.extraction": ("Agreement", "Estimate", "Extraction", "ExtractionReport"),
    "toolbox.collect.ingest": ("IngestReport",),
    "toolbox.collect.label": ("LabelReport",),
    "toolbox.collect.parameters": ("ParametersReport",),
    "toolbox.demo": ("demonstrate",),
    "toolbox.design.advice": ("Advice",),
    "toolbox.design.audit": ("Audit",),
    "toolbox.design.comparison": ("Comparing", "CategoryComparison", "ReferenceReport"),
    "toolbox.design.exporting.run": ("ExportedList",),
    "toolbox.design.matching.run": ("MatchedSets",),
    "toolbox.design.probe": ("ProbeReport", "Probing"),
    "toolbox.design.relation": ("Relating", "RelationReport"),
    "toolbox.errors": (
        "AmbiguousError",
        "BusyError",
        "CardError",
        "DeviceError",
        "DownloadError",
        "GradientError",
        "MixtureError",
        "ObjectStorageError",
        "QueryError",
        "ResourceError",
        "ResultWarning",
        "StimulusError",
        "StorageError",
        "TableError",
        "ToolboxError",
        "UnknownNameError",
        "UsageError",
        "VerificationError",
        "WeightsError",
    ),
    "toolbox.exchange.differences": ("StudyDifference", "diff"),
    "toolbox.exchange.bridges.run": ("ExportedResponses",),
    "toolbox.exchange.bundle.run": ("ShareReport",),
    "toolbox.exchange.importing.run": ("ImportReport",),
    "toolbox.exchange.merging": ("MergeReport", "merge"),
    "toolbox.progress": ("Progress",),
    "toolbox.query": ("Answer", "Query", "query_table"),
    "toolbox.setup.adding": ("ImportedModel", "add_model", "examine_graph"),
    "toolbox.setup.checking": ("ModelCheck", "check_model"),
    "toolbox.setup.doctor": ("Finding", "examine_setup"),
    "toolbox.setup.exporting": ("export_model", "model_layers", "models"),
    "toolbox.show.gallery.run": ("Gallery",),
    "toolbox.show.plots": ("Figure",),
    "toolbox.show.rendering": ("RenderedPicture", "Rendering", "RenderingReport"),
    "toolbox.show.saliency": ("Saliency",),
    "toolbox.show.report.run": ("StudyReport",),
    "toolbox.store.removal": ("Removal",),
    "toolbox.store.selection": ("Selection",),
    "toolbox.store.use": ("InUse",),
    "toolbox.store.verification": ("Problem", "Verification"),
    "toolbox.study": ("Study",),
}
"""Module -> what is exported of it."""
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line must not pay for what it does not need."""
    if name not in _HOME_OF:
        raise AttributeError(f"module 'toolbox' has no attribute {name!r}")
    return getattr(import_module(_HOME_OF[name]), name)


def __dir__() -> list[str]:
    """What completion offers: the exported names, imported or not."""
    return sorted({*globals(), *__all__})
