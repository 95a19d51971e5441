"""Title, authors and licence of a bundle: stated by its owner, in every description, and never guessed."""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

from toolbox import Study
from toolbox.errors import UsageError, VerificationError
from toolbox.exchange.bundle.credits import LICENCES, stated_credits
from toolbox.exchange.bundle.package import write_sums

JOSIAH, ADDRESS = "Carberry, Josiah; 0000-0002-1825-0097", "https://orcid.org/0000-0002-1825-0097"
CC_BY = "https://creativecommons.org/licenses/by/4.0/"


def record(bundle: Path, name: str = "bundle.json") -> dict[str, Any]:
    found: dict[str, Any] = json.loads((bundle / name).read_text(encoding="utf-8"))
    return found


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"author": "Carberry, Josiah; 0000-0002-1825-0098"}, "has a mistyped digit; expected one such as"),
        ({"author": "Carberry, Josiah; josiah"}, "has the form of none"),
        ({"author": "Carberry,"}, "expected 'Family, Given', 'Family, Given; ORCID'"),
        ({"author": "Vision Group; 0000-0002-1825-0097"}, "the name of a group without a comma"),
        ({"author": "Carberry, Josiah, PhD"}, "expected 'Family, Given'"),
        ({"author": " "}, "expected a text of one line"),
        ({"author": ["Carberry, Josiah", "Carberry, Josiah"]}, "is named twice"),
        ({"author": "Carberry, Jo\x1b[2Jsiah"}, "expected a text of one line"),
        ({"licence": "CC-BY"}, "the licence 'CC-BY' is unknown; expected one of CC0-1.0"),
        ({"licence": "http://example.org/licence"}, "any other one by the address of its text"),
        ({"licence": 'https://example.org/"><script>'}, "any other one by the address of its text"),
        ({"title": ""}, "the title is ''"),
    ],
)
def test_what_cannot_be_stated_is_refused(
    rich: Study, tmp_path: Path, chosen: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError) as caught:
        rich.share(tmp_path / "bundle.zip", **chosen)
    assert message in str(caught.value) and "\n" not in str(caught.value)
    assert [*tmp_path.iterdir()] == []


def test_an_orcid_with_the_digit_x_and_with_its_address_is_one() -> None:
    (author,) = stated_credits(None, "Hawking, Stephen; https://orcid.org/0000-0002-9079-593X", None).authors
    assert author.address == "https://orcid.org/0000-0002-9079-593X"


@pytest.mark.parametrize("licence", LICENCES)
def test_every_licence_is_known_in_any_case_and_has_an_address(licence: str) -> None:
    found = stated_credits(None, None, licence.lower())
    assert found.licence == licence
    assert found.licence_address.startswith("https://")


def test_every_description_states_title_authors_and_licence(credited: Path) -> None:
    assert record(credited)["title"] == "Colours in a tiny network"
    cited = (credited / "CITATION.cff").read_text()
    assert 'title: "Colours in a tiny network"\n' in cited and 'license: "CC-BY-4.0"\n' in cited
    assert cited.partition("authors:\n")[2].splitlines()[:4] == [
        '  - family-names: "Carberry"',
        '    given-names: "Josiah"',
        f'    orcid: "{ADDRESS}"',
        '  - name: "Zoë\'s Vision Group"',
    ]
    package = record(credited, "datapackage.json")
    assert package["licenses"] == [{"name": "CC-BY-4.0", "path": CC_BY}]
    assert package["contributors"][0] == {"title": "Josiah Carberry", "role": "author", "path": ADDRESS}
    croissant = record(credited, "croissant.json")
    assert (croissant["license"], croissant["creator"][0]["url"]) == (CC_BY, ADDRESS)
    assert croissant["citeAs"].startswith("Josiah Carberry; Zoë's Vision Group; ")
    graph = {each["@id"]: each for each in record(credited, "ro-crate-metadata.json")["@graph"]}
    assert graph["./"]["license"] == {"@id": CC_BY} and graph[CC_BY]["name"] == "CC-BY-4.0"
    assert graph["./"]["author"][0] == {"@id": ADDRESS} and graph[ADDRESS]["@type"] == "Person"
    page = (credited / "README.md").read_text()
    assert page.startswith("# Colours in a tiny network\n")
    assert f"The licence of these results is CC-BY-4.0 (<{CC_BY}>)." in page
    assert f"Josiah Carberry ({ADDRESS}); Zoë's Vision Group" in page


def test_one_author_is_one(rich: Study, tmp_path: Path) -> None:
    rich.share(tmp_path / "bundle", set="kopfe", author=JOSIAH)
    assert f"The author is Josiah Carberry ({ADDRESS})." in (tmp_path / "bundle" / "README.md").read_text()


def test_what_is_not_stated_is_absent_and_not_guessed(of_rollups: Path) -> None:
    assert {"authors", "licence"}.isdisjoint(record(of_rollups))
    assert {"licenses", "contributors"}.isdisjoint(record(of_rollups, "datapackage.json"))
    assert {"license", "creator"}.isdisjoint(record(of_rollups, "croissant.json"))
    assert "license" not in (of_rollups / "CITATION.cff").read_text()
    assert "state no licence here" in (of_rollups / "README.md").read_text()


def test_a_licence_elsewhere_is_stated_by_its_address(rich: Study, tmp_path: Path) -> None:
    place = "https://example.org/terms"
    rich.share(tmp_path / "bundle", set="kopfe", licence=place)
    assert f'license-url: "{place}"\n' in (tmp_path / "bundle" / "CITATION.cff").read_text()
    assert record(tmp_path / "bundle", "datapackage.json")["licenses"] == [{"path": place}]


def test_the_digest_is_of_the_results_and_not_of_who_shares_them(
    rich: Study, credited: Path, tmp_path: Path
) -> None:
    rich.share(tmp_path / "bundle", set="kopfe")
    assert record(tmp_path / "bundle")["digest"] == record(credited)["digest"]


def test_the_same_statements_give_the_same_bytes(rich: Study, tmp_path: Path) -> None:
    for name in ("first.zip", "second.zip"):
        rich.share(tmp_path / name, set="kopfe", author=JOSIAH, licence="CC0-1.0", title="Colours")
    assert (tmp_path / "first.zip").read_bytes() == (tmp_path / "second.zip").read_bytes()


def test_a_bundle_without_a_name_is_called_by_its_title(
    rich: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert rich.share(set="kopfe", title="Colours, again").output == "colours-again.zip"


def test_an_import_keeps_authors_and_licence(credited: Path, tmp_path: Path) -> None:
    mine = Study(tmp_path / "mine", create=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mine.import_(credited)
    (run,) = (mine.folder.root / "runs").glob("*-import-*.json")
    source = record(run.parent, run.name)["source"]
    assert source["authors"] == record(credited)["authors"]
    assert (source["licence"], source["title"]) == ("CC-BY-4.0", "Colours in a tiny network")


@pytest.mark.parametrize(
    "forged",
    [
        {"authors": [{"name": "A\x1b[2J"}]},
        {"authors": [{"family": "A"}]},
        {"authors": "A"},
        {"authors": [{"name": ["A"]}]},
        {"licence": 7},
        {"licence": "a\nb"},
    ],
)
def test_forged_authors_are_refused(credited: Path, tmp_path: Path, forged: dict[str, Any]) -> None:
    bundle = Path(shutil.copytree(credited, tmp_path / "forged"))
    (bundle / "bundle.json").write_text(json.dumps(record(bundle) | forged))
    write_sums(bundle)
    with pytest.raises(VerificationError, match=r"bundle\.json has (the author|authors|licence|name)"):
        Study(tmp_path / "mine", create=True).import_(bundle)
