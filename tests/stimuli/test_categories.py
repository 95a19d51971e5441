"""Names of categories: which spellings are one, which mean that there is none, and what is said of them."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from toolbox.errors import StimulusError, UsageError
from toolbox.stimuli.categories import read_categories
from toolbox.stimuli.manifest import list_manifest
from toolbox.stimuli.sources import Listing, list_folder
from toolbox.terms import Missing

Paint = Callable[..., Path]
Source = Callable[[list[str], Missing | None], Listing]
DECOMPOSED, COMPOSED = (unicodedata.normalize(form, "Bär") for form in ("NFD", "NFC"))


@pytest.fixture(params=["folder", "manifest"])
def source(request: pytest.FixtureRequest, tmp_path: Path, paint: Paint) -> Source:
    """A source of one image for each of several categories: a rule is the same for folders and manifests."""

    def make(categories: list[str], missing: Missing | None) -> Listing:
        files = [
            paint(tmp_path / "images" / category / f"{number}.png")
            for number, category in enumerate(categories)
        ]
        if request.param == "folder":
            return list_folder(tmp_path / "images", missing)
        rows = [f"{file},{category}" for file, category in zip(files, categories, strict=True)]
        (tmp_path / "m.csv").write_text("\n".join(["path,category", *rows]) + "\n", encoding="utf-8")
        return list_manifest(tmp_path / "m.csv", missing)

    return make


def categories(listing: Listing) -> set[str | None]:
    return {candidate.category for candidate in listing.candidates}


@pytest.mark.parametrize("spelling", ["nan", "NaN", "None", "null", "NULL", "na", "<NA>"])
def test_a_spelling_of_a_missing_value_is_asked_about(spelling: str, source: Source) -> None:
    message = f"has the category '{spelling}': usually a missing value; choose whether"
    with pytest.raises(StimulusError) as caught:
        source([spelling, "face"], None)
    assert message in str(caught.value)
    assert "--missing" in str(caught.value)


def test_the_choice_decides_whether_it_is_a_category(source: Source) -> None:
    names = ["nan", "NA", "None", "face"]
    listing = source(names, "unlabelled")
    assert categories(listing) == {None, "face"}
    [note] = listing.notes
    assert "stimuli with the categories 'NA', 'None', 'nan' are unlabelled" in note
    listing = source(names, "category")
    assert categories(listing) == {*names}
    assert listing.notes == []


def test_na_is_unlabelled_in_a_folder_and_in_a_table_and_both_say_so(source: Source) -> None:
    listing = source(["NA", "face"], None)
    assert categories(listing) == {None, "face"}
    [note] = listing.notes
    assert "stimuli with the category 'NA' are unlabelled; if this is a category, choose missing='cat" in note


def test_names_that_only_contain_such_a_word_are_categories(source: Source) -> None:
    names = ["nandu", "Nonen", "null-1", "banana", "natrium"]
    assert categories(source(names, None)) == {*names}


def test_accents_written_in_two_ways_are_one_category_and_are_reported(source: Source) -> None:
    listing = source([COMPOSED, DECOMPOSED, "face"], None)
    assert categories(listing) == {COMPOSED, "face"}
    [note] = listing.notes
    assert (
        f"2 spellings of '{COMPOSED}', with accents or spaces written in another way, are one category"
        in note
    )


def test_an_impossible_choice_is_refused() -> None:
    with pytest.raises(UsageError, match="missing is 'perhaps'; expected one of unlabelled, category"):
        read_categories(["face"], "m.csv", "perhaps")  # type: ignore[arg-type]


@pytest.mark.parametrize("forms", [("NFC", "NFD"), ("NFD", "NFC")])
def test_a_table_and_a_disk_may_write_accents_in_two_ways(
    forms: tuple[str, str], tmp_path: Path, paint: Paint
) -> None:
    on_disk, in_table = (unicodedata.normalize(form, "Bär") for form in forms)
    paint(tmp_path / on_disk / f"{on_disk}.png")
    text = f"path,category\n{in_table}/{in_table}.png,bear\n"
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    [candidate] = list_manifest(tmp_path / "m.csv").candidates
    assert candidate.path == tmp_path.resolve() / on_disk / f"{on_disk}.png"
