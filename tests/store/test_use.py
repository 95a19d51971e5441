"""What is meant where a study has several sets, models or schemes: never another one than yesterday."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.own_sql import seen
from support.tiny_network import CARD, paint
from toolbox import ResultWarning, Selection, Study
from toolbox.errors import ToolboxError, UnknownNameError
from toolbox.store.in_use import read_in_use


@pytest.fixture
def twin(tmp_path: Path) -> str:
    """The card of the same network under another name."""
    card = tmp_path / "twin.toml"
    card.write_text(CARD.read_text().replace('name = "tiny"', 'name = "a-twin"'))
    return str(card)


@pytest.fixture
def full(study: Study, card: str, twin: str, weights: str, photographs: Path) -> Study:
    """Two of everything; what came second is the first in the alphabet."""
    study.extract("colours", model=card, weights=weights)
    study.extract("colours", model=twin, weights=weights)
    label(study, "colours")
    study.ingest(photographs, set="a-set")
    study.extract("a-set", model=twin, weights=weights)
    return study


def label(study: Study, set_name: str, scheme: str = "a-scheme") -> None:
    file = study.folder.root.parent / "warmth.csv"
    file.write_text("category,warmth\nred,warm\ngreen,cold\n".replace("warmth", scheme))
    study.label(set_name, scheme=scheme, source=file)


def meant(study: Study, **named: str) -> tuple[str, ...]:
    """Set, model and scheme of an answer."""
    provenance = study.answer(seen("from rollups"), selection=Selection(**named)).provenance
    return tuple(provenance[kind] for kind in ("set", "model", "scheme"))


def test_what_came_first_stays_meant_at_every_step(
    study: Study, card: str, twin: str, weights: str, photographs: Path
) -> None:
    study.extract("colours", model=card, weights=weights)
    first = ("colours", "tiny", "category")
    assert meant(study) == first
    label(study, "colours")
    assert meant(study) == first
    study.extract("colours", model=twin, weights=weights)
    assert meant(study) == first
    study.ingest(photographs, set="a-set")
    assert meant(study) == first
    study.extract("a-set", model=twin, weights=weights)
    assert meant(study) == first


def test_writing_again_what_came_first_does_not_make_it_younger(
    full: Study, card: str, weights: str, photographs: Path, tmp_path: Path
) -> None:
    paint(photographs / "red" / "red 9.png", (77, 5, 5))
    full.ingest(photographs, set="colours")
    full.extract("colours", model=card, weights=weights)
    full.extract("colours", model=card, weights=weights, layers="pool", replace=True)
    assert meant(full) == ("colours", "tiny", "category")


def test_the_set_that_was_presented_first_is_meant_by_questions_about_responses(
    study: Study, card: str, weights: str, photographs: Path
) -> None:
    study.ingest(photographs, set="second")
    study.extract("second", model=card, weights=weights)
    assert meant(study)[0] == "second"
    study.extract("colours", model=card, weights=weights)
    assert meant(study)[0] == "second"
    with pytest.warns(ResultWarning, match="colours is used, as it was the first"):
        study.query("select count(*) as n from stimuli")


def test_a_choice_is_named_in_the_notes(full: Study) -> None:
    notes = full.answer("layers/profile").notes
    assert notes[:3] == (
        "the study holds several stimulus sets (a-set, colours); colours is used, as it was the first; choose another "
        "with set=… (--set …), or with: toolbox use",
        "the study holds several label schemes (a-scheme, category); category is used, as it was the first; choose "
        "another with scheme=… (--scheme …), or with: toolbox use",
        "the study holds several models (a-twin, tiny); tiny is used, as it was the first; choose another with "
        "model=… (--model …), or with: toolbox use",
    )
    assert full.significance(resamples=20).notes[:3] == notes[:3]
    with pytest.warns(ResultWarning) as caught:
        full.responses(layer="pool")
    assert {str(note.message) for note in caught} == set(notes[:3])
    full.use("colours", scheme="category", model="tiny")
    assert full.answer("layers/profile").notes[:3] == (
        "the study holds several stimulus sets (a-set, colours); colours is in use",
        "the study holds several label schemes (a-scheme, category); category is in use",
        "the study holds several models (a-twin, tiny); tiny is in use",
    )


def test_what_is_in_use_is_meant_and_a_name_takes_precedence(full: Study) -> None:
    assert full.use().reasons == {"set": "the first", "model": "the first", "scheme": "the first"}
    in_use = full.use("colours", model="a-twin", scheme="a-scheme")
    assert (in_use.set, in_use.model, in_use.scheme) == ("colours", "a-twin", "a-scheme")
    assert set(in_use.reasons.values()) == {"in use"}
    assert meant(Study(full.folder.root)) == ("colours", "a-twin", "a-scheme")
    assert meant(full, models="tiny") == ("colours", "tiny", "a-scheme")
    assert meant(full, scheme="category") == ("colours", "a-twin", "category")
    assert meant(full, set="a-set") == ("a-set", "a-twin", "category"), (
        "model and scheme are those of the set"
    )


def test_a_set_replaces_the_choice_and_a_model_is_added_to_it(full: Study) -> None:
    full.use("colours", scheme="a-scheme")
    full.use(model="a-twin")
    assert read_in_use(full.folder) == {"set": "colours", "scheme": "a-scheme", "model": "a-twin"}
    full.use("colours")
    assert read_in_use(full.folder) == {"set": "colours"}
    assert meant(full) == ("colours", "tiny", "category")
    full.use("a-set")
    assert meant(full) == ("a-set", "a-twin", "category")


def test_other_lines_of_the_study_file_stay(full: Study) -> None:
    file = full.folder.root / "study.toml"
    before = file.read_text()
    full.use()
    assert file.read_text() == before
    full.use("colours", scheme="a-scheme")
    assert file.read_text() == f'{before}\n[use]\nset = "colours"\nscheme = "a-scheme"\n'


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ({"set": "colors"}, "no stimulus set named 'colors'; did you mean 'colours'?"),
        (
            {"set": "a-set", "model": "tiny"},
            "no model named 'tiny'; did you mean 'a-twin'? (toolbox extract a-set)",
        ),
        ({"scheme": "size"}, "no label scheme named 'size'; available: a-scheme, category"),
    ],
)
def test_only_what_there_is_can_be_put_in_use(full: Study, names: dict[str, str], message: str) -> None:
    before = (full.folder.root / "study.toml").read_text()
    with pytest.raises(UnknownNameError) as caught:
        full.use(**names)
    assert message in str(caught.value)
    assert (full.folder.root / "study.toml").read_text() == before


def test_the_name_of_a_scheme_or_a_model_is_explained(full: Study) -> None:
    with pytest.raises(
        UnknownNameError, match="a-scheme is a scheme of colours: toolbox use colours --scheme a-scheme"
    ):
        full.use("a-scheme")
    with pytest.raises(
        UnknownNameError, match="tiny is a model of colours: toolbox use colours --model tiny"
    ):
        full.use("tiny")


def test_a_set_in_use_is_never_replaced_silently(
    study: Study, card: str, weights: str, photographs: Path
) -> None:
    study.ingest(photographs, set="other")
    study.extract("other", model=card, weights=weights)
    study.use("colours")
    with pytest.raises(ToolboxError, match=r"no model yet; add one first \(toolbox extract colours\)"):
        study.query("layers/profile")
    for file in (study.folder.stimuli("colours"), study.folder.labels("colours")):
        file.unlink()
    with pytest.raises(
        UnknownNameError, match=r"no stimulus set named 'colours'.*it is in use; choose another"
    ):
        study.query("layers/profile")


def test_several_models_are_compared_over_one_set(full: Study, card: str, weights: str) -> None:
    full.extract("a-set", model=card, weights=weights)
    answer = full.answer("layers/profile", selection=Selection(models=["a-twin", "tiny"]))
    assert answer.rows["model"].unique().sort().to_list() == ["a-twin", "tiny"]
    assert answer.provenance["set"] == "colours"
    assert [note.split(";")[0] for note in answer.notes[:2]] == [
        "the study holds several stimulus sets (a-set, colours)",
        "the study holds several label schemes (a-scheme, category)",
    ]
    assert not any("several" in note for note in answer.notes[2:])


def test_a_damaged_choice_is_one_line(study: Study) -> None:
    file = study.folder.root / "study.toml"
    file.write_text("use = 3\n" + file.read_text())
    with pytest.raises(
        ToolboxError, match=r"study.toml has use = 3; expected names of a set, a model, a scheme"
    ):
        study.query("from stimuli")
