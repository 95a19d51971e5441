"""What a figure shows, in one sentence with the numbers of the study. Owns which query has which sentence."""

from __future__ import annotations

import polars as pl

from toolbox.show.report.category_sentences import CATEGORY_SENTENCES
from toolbox.show.report.layer_sentences import LAYER_SENTENCES
from toolbox.show.report.subject import ReportSubject

_SENTENCES = {**LAYER_SENTENCES, **CATEGORY_SENTENCES}


def sentence_of(query: str, rows: pl.DataFrame, subject: ReportSubject) -> str:
    """What the rows of a query show.

    Args:
        query: its name.
        rows: at least one.
        subject: of the report.
    """
    return _SENTENCES[query](rows, subject)
