"""Notes on corrected p that few resamples keep large."""

from __future__ import annotations

import polars as pl

from toolbox.query.resampling_notes import resolution_notes


def test_a_corrected_p_that_the_resamples_keep_large_is_reported() -> None:
    rows = pl.DataFrame({"p_holm": [0.3, 0.01, 0.9], "is_bound": [True, True, False]})
    (note,) = resolution_notes(rows)
    assert note.startswith("p_holm not below 0.05 because of the number of resamples: 1; to resolve")
    assert resolution_notes(rows[1:]) == []


def test_q_that_find_nothing_where_fwe_corrected_p_do_are_reported() -> None:
    rows = pl.DataFrame({"significant": [0, 0], "significant_fwe": [0, 2]})
    assert len(resolution_notes(rows)) == 1
    assert resolution_notes(rows.with_columns(significant=pl.lit(1))) == []
