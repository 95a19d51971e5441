"""The SQL in a bundle of somebody else is a text: opening and verifying the bundle never runs it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import duckdb
import pytest

from toolbox import Study
from toolbox.errors import ToolboxError
from toolbox.exchange.importing.opening import opened_study


@pytest.mark.filterwarnings("ignore::toolbox.errors.ResultWarning")
def test_the_sql_of_a_bundle_is_not_run(
    tmp_path: Path, shared_study: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle, stolen = tmp_path / "bundle", tmp_path / "stolen.csv"
    Study(shared_study).share(bundle)
    hostile = f"copy (select 1 as a) to '{stolen}';\n"
    sums = (bundle / "SHA256SUMS").read_text(encoding="utf-8")
    for file in bundle.glob("*.sql"):
        before = hashlib.sha256(file.read_bytes()).hexdigest()
        file.write_text(hostile + file.read_text(encoding="utf-8"), encoding="utf-8")
        assert before in sums
        sums = sums.replace(before, hashlib.sha256(file.read_bytes()).hexdigest())
    (bundle / "SHA256SUMS").write_text(sums, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    try:
        with opened_study(bundle) as opened:
            assert opened.sets() == ["colours"]
    except ToolboxError as error:  # other files have the digest, too
        assert "\n" not in str(error)
    assert not stolen.exists()
    duckdb.connect().execute(hostile)  # which does what is feared, where somebody runs it
    assert stolen.exists()
