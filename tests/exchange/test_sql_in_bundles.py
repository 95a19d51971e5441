"""The SQL in a bundle of somebody else is a text: opening and verifying the bundle never runs it."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from support.hostile_bundles import sign
from toolbox import Study
from toolbox.exchange.importing.opening import opened_study
from toolbox.exchange.importing.run import verify_bundle


@pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
def test_the_sql_of_a_bundle_is_not_run(
    tmp_path: Path, shared_study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, stolen = tmp_path / "bundle", tmp_path / "stolen.csv"
    Study(shared_study).share(bundle)
    hostile = f"copy (select 1 as a) to '{stolen}';\n"
    for file in bundle.glob("*.sql"):
        file.write_text(hostile + file.read_text(encoding="utf-8"), encoding="utf-8")
    sign(bundle)
    monkeypatch.chdir(tmp_path)
    assert verify_bundle(bundle, thorough=True).problems == ()
    with opened_study(bundle) as opened:
        assert opened.sets() == ["colours"]
    assert not stolen.exists()
    duckdb.connect().execute(hostile)  # which does what is feared, where somebody runs it
    assert stolen.exists()
