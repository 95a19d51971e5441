"""A study: the one object through which Python does what the commands do. Holds no logic of its own.

Every method imports what it needs: asking a study should not wait for onnxruntime.

    directory    opening it, and what it holds at a glance
    summary      that as text and as HTML
    collection   ingest, label, extract, estimate
    queries      queries, describe, query, answer, responses
    analysis     significance, replicate, replication
    figures      plot, figure
    pictures     gallery, render, saliency
    reporting    report
    designing    properties, compare, reference
    matching     match
    probing      probe, advise
    auditing     audit
    relating     parameters, relate
    exchanging   share, import
    exporting    export
    exports      which export a format means
    upkeep       use, verify, remove
    notebook     progress bars in a notebook
    query_names  the names of all shipped queries as a type, for editors; written by `make reference`
"""

from __future__ import annotations

from toolbox.study.analysis import StudyAnalysis
from toolbox.study.auditing import StudyAudit
from toolbox.study.collection import StudyCollection
from toolbox.study.designing import StudyDesign
from toolbox.study.exchanging import StudyExchange
from toolbox.study.exporting import StudyExport
from toolbox.study.figures import StudyFigures
from toolbox.study.matching import StudyMatching
from toolbox.study.pictures import StudyPictures
from toolbox.study.probing import StudyProbing
from toolbox.study.queries import StudyQueries
from toolbox.study.relating import StudyRelation
from toolbox.study.reporting import StudyReporting
from toolbox.study.upkeep import StudyUpkeep

__all__ = ["Study"]


class Study(
    StudyCollection,
    StudyQueries,
    StudyAnalysis,
    StudyFigures,
    StudyPictures,
    StudyReporting,
    StudyRelation,
    StudyDesign,
    StudyMatching,
    StudyProbing,
    StudyAudit,
    StudyExchange,
    StudyExport,
    StudyUpkeep,
):
    """A directory with stimulus sets, the responses of networks to them, and what follows from these.

    Methods are called as the commands, their keywords as the options: `toolbox extract pets --layers 'block5_*'` is
    `study.extract("pets", layers="block5_*")`. `print(study)` lists what there is.

    The examples use a study `colours` of six images, red and green, and a network of three layers.

    Example:
        >>> from toolbox import Study
        >>> study = Study("my-study")
        >>> study.ingest("photographs", set="colours").stimuli
        6
        >>> study.extract("colours", model="tiny.toml", weights="tiny.npz").filters
        8
        >>> study.query("layers/profile", threshold=0.05).columns[:4]
        ['layer', 'category', 'filters', 'selective']
    """
