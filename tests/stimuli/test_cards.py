"""Cards of stimulus sets: recipes that draw, archives that are fetched and unpacked, and what can be wrong."""

from __future__ import annotations

import io
import socket
import tarfile
import zipfile
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from toolbox.content import card_names
from toolbox.errors import CardError, DownloadError, StimulusError, UnknownNameError, VerificationError
from toolbox.stimuli.cards import list_card, stimulus_card
from toolbox.stimuli.images import decode

TEXTS = 'title = "T"\ndescription = "D"\ncitation = "C"\nlicence = "CC0-1.0"\n'
RECIPE = """
import numpy as np
from toolbox.stimuli import MID_GREY, Drawing

def draw(card, source):
    for level in card["levels"]:
        pixels = np.full((2, 3), level, dtype=np.uint8)
        yield Drawing(f"grey/{level}", "grey", pixels, {"level": np.int64(level), "odd": level % 2 == 1})
"""


def written(folder: Path, card: str, recipe: str | None = None, name: str = "mine") -> str:
    """A card of one's own, and a recipe beside it; returns the card's path."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.toml"
    file.write_text(card, encoding="utf-8")
    if recipe is not None:
        (folder / "mine.py").write_text(recipe, encoding="utf-8")
    return str(file)


def greys(folder: Path, levels: str = "[3, 4]", recipe: str = RECIPE) -> str:
    return written(folder, f'name = "greys"\n{TEXTS}recipe = "mine.py"\nlevels = {levels}\n', recipe)


# --- recipes ---


def test_a_recipe_beside_its_card_is_drawn_into_files_with_its_variables(tmp_path: Path) -> None:
    listing = list_card(greys(tmp_path / "cards"), tmp_path / "images")
    first, second = listing.candidates
    assert first.path == (tmp_path / "images").resolve() / "greys" / "grey" / "3.png"
    assert (first.category, first.parameters) == ("grey", {"level": 3, "odd": True})
    assert type(first.parameters["level"]) is int
    assert np.array_equal(decode(second.path.read_bytes()).pixels, np.full((2, 3, 3), 4))
    assert listing.rejections == []


def test_drawing_again_writes_nothing_and_gives_the_same(tmp_path: Path) -> None:
    card = greys(tmp_path / "cards")
    first = list_card(card, tmp_path / "images")
    times = [candidate.path.stat().st_mtime_ns for candidate in first.candidates]
    assert list_card(card, tmp_path / "images") == first
    assert [candidate.path.stat().st_mtime_ns for candidate in first.candidates] == times


def test_what_is_missing_is_drawn_again(tmp_path: Path) -> None:
    card = greys(tmp_path / "cards")
    first = list_card(card, tmp_path / "images").candidates[0].path
    content = first.read_bytes()
    first.unlink()
    list_card(card, tmp_path / "images")
    assert first.read_bytes() == content
    assert [path.name for path in first.parent.iterdir() if path.suffix != ".png"] == []


def test_a_changed_recipe_never_overwrites_a_picture(tmp_path: Path) -> None:
    list_card(greys(tmp_path / "cards"), tmp_path / "images")
    card = greys(tmp_path / "cards", recipe=RECIPE.replace("(2, 3)", "(3, 2)"))
    with pytest.raises(
        StimulusError,
        match=r"3\.png differs from the image that its card now specifies; ingest the changed card as",
    ):
        list_card(card, tmp_path / "images")


def test_a_card_like_another_takes_over_its_recipe(tmp_path: Path) -> None:
    card = written(tmp_path, 'name = "few"\nlike = "gratings"\norientation = [0]\nside = 32\n')
    listing = list_card(card, tmp_path / "images")
    assert {candidate.parameters["orientation"] for candidate in listing.candidates} == {0.0}
    assert len(listing.candidates) == 8
    assert decode(listing.candidates[0].path.read_bytes()).pixels.shape == (32, 32, 3)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        ("x = 1\n", r"mine\.py has no function draw\(card, source\)"),
        (RECIPE.replace('f"grey/{level}"', '"../out"'), r"named a drawing '\.\./out'"),
        (RECIPE.replace('f"grey/{level}"', '"/out"'), "named a drawing '/out'"),
        (RECIPE.replace('f"grey/{level}"', '"Same" if level % 2 else "same"'), "named a drawing 'same'"),
        (RECIPE.replace("for level in card", "return\n    for level in card"), "drew no image"),
    ],
    ids=["no draw", "out of the folder", "absolute", "twice", "nothing"],
)
def test_a_recipe_that_breaks_the_rules_is_one_clear_error(
    tmp_path: Path, recipe: str, expected: str
) -> None:
    with pytest.raises(CardError, match=expected):
        list_card(
            greys(tmp_path / "cards", "[4]" if "out" in recipe else "[3, 4]", recipe), tmp_path / "images"
        )
    assert [path.name for path in tmp_path.rglob("*.png") if path.stem != "Same"] == []


def test_a_recipe_cannot_name_a_fixed_column(tmp_path: Path) -> None:
    card = greys(tmp_path / "cards", recipe=RECIPE.replace('"level": np', '"width": np'))
    with pytest.raises(StimulusError, match="the recipe of greys has a column 'width'"):
        list_card(card, tmp_path / "images")


@pytest.mark.parametrize("recipe", ["gone.py", "../mine.py", "mine.txt"])
def test_a_recipe_that_is_not_a_python_file_beside_the_card_is_refused(tmp_path: Path, recipe: str) -> None:
    (tmp_path / "mine.py").write_text(RECIPE)
    (tmp_path / "cards").mkdir()
    (tmp_path / "cards" / "mine.txt").write_text(RECIPE)
    card = written(tmp_path / "cards", f'name = "greys"\n{TEXTS}recipe = "{recipe}"\nlevels = [1]\n')
    with pytest.raises(CardError, match=f"has recipe = '{recipe}'"):
        list_card(card, tmp_path / "images")


# --- what every card must say ---


@pytest.mark.parametrize("name", card_names("datasets"))
def test_every_shipped_card_says_what_it_must(name: str) -> None:
    card = stimulus_card(name)
    assert card["name"] == name
    assert "http" in card["citation"] or "(" in card["citation"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            'name = "x"\nrecipe = "mine.py"\n',
            "lacks title, description, citation, licence; add a line such as title",
        ),
        (f'name = "x"\n{TEXTS.replace("CC0-1.0", " ")}recipe = "mine.py"\n', "lacks licence"),
        (f'name = "x"\n{TEXTS}', "must have either recipe"),
        (f'name = "x"\n{TEXTS}recipe = "mine.py"\n[archive]\n', "must have either recipe"),
        (f'name = "x"\n{TEXTS}[archive]\nfolder = "x"\n', r"has a table \[archive\] but no \[source\]"),
        (f'name = "../x"\n{TEXTS}recipe = "mine.py"\n', "is not a valid name for a card"),
        ("name = ", "is not valid TOML"),
    ],
)
def test_an_incomplete_card_is_refused_with_what_it_lacks(tmp_path: Path, text: str, expected: str) -> None:
    with pytest.raises(CardError, match=expected):
        stimulus_card(written(tmp_path, text))


def test_an_unknown_card_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'gratings'"):
        stimulus_card("grating")


# --- archives ---


def picture(colour: tuple[int, int, int]) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (6, 4), colour).save(content, "PNG")
    return content.getvalue()


FILES = {
    "Objects/face/image_0002.jpg": picture((2, 0, 0)),
    "Objects/face/image_0001.jpg": picture((1, 0, 0)),
    "Objects/face/._image_0001.jpg": b"left by a Mac",
    "Objects/CLUTTER/image_0001.jpg": picture((3, 0, 0)),
    "Objects/car side/deep/image_0001.jpg": picture((4, 0, 0)),
    "Objects/stray.jpg": picture((5, 0, 0)),
    "Annotations/face.mat": b"not an image",
}


def nested() -> bytes:
    """A zip with a tar.gz of category folders in it, as Caltech 101 is published."""
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:gz") as tar:
        for name, content in FILES.items():
            header = tarfile.TarInfo(name)
            header.size = len(content)
            tar.addfile(header, io.BytesIO(content))
    outer = io.BytesIO()
    with zipfile.ZipFile(outer, "w") as zipped:
        zipped.writestr("set/Objects.tar.gz", inner.getvalue())
        zipped.writestr("__MACOSX/set/._Objects.tar.gz", b"left by a Mac")
    return outer.getvalue()


def archive_card(folder: Path, url: str, content: bytes, digest: str | None = None) -> str:
    source = f'url = "{url}/set.zip"\nmd5 = "{digest or md5(content).hexdigest()}"\nbytes = {len(content)}\n'
    archive = 'inner = "set/Objects.tar.gz"\nfolder = "Objects"\nleave_out = ["CLUTTER"]\n'
    return written(folder, f'name = "objects"\n{TEXTS}[source]\n{source}[archive]\n{archive}')


def test_an_archive_is_fetched_and_its_category_folders_become_candidates(
    tmp_path: Path, server: tuple[Path, str]
) -> None:
    served, url = server
    (served / "set.zip").write_bytes(nested())
    told: list[tuple[str, int, int]] = []
    card = archive_card(tmp_path / "cards", url, nested())
    listing = list_card(card, tmp_path / "images", lambda *news: told.append(news))
    folder = (tmp_path / "images").resolve() / "objects"
    assert [
        (candidate.path.relative_to(folder).as_posix(), candidate.category)
        for candidate in listing.candidates
    ] == [
        ("car side/deep/image_0001.jpg", "car side"),
        ("face/image_0001.jpg", "face"),
        ("face/image_0002.jpg", "face"),
    ]
    assert all(
        candidate.path.read_bytes() == FILES[f"Objects/{candidate.path.relative_to(folder).as_posix()}"]
        for candidate in listing.candidates
    )
    assert [rejection.reason for rejection in listing.rejections] == ["not in a category folder"]
    assert sorted(path.name for path in folder.iterdir()) == ["car side", "face"]
    assert ("download set.zip", len(nested()), len(nested())) in told
    assert ("unpack set.zip", 3, 0) in told


def test_a_fetched_archive_is_used_from_the_cache_when_the_server_is_gone(
    tmp_path: Path, server: tuple[Path, str]
) -> None:
    served, url = server
    (served / "set.zip").write_bytes(nested())
    card = archive_card(tmp_path / "cards", url, nested())
    first = list_card(card, tmp_path / "images")
    (served / "set.zip").unlink()
    assert list_card(card, tmp_path / "images") == first


def test_a_mirror_is_asked_instead_of_the_published_address(
    tmp_path: Path, server: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    served, url = server
    (served / "lab").mkdir()
    (served / "lab" / "set.zip").write_bytes(nested())
    monkeypatch.setenv("TOOLBOX_MIRROR", f"{url}/lab/")
    card = archive_card(tmp_path / "cards", "https://unreachable.invalid/published", nested())
    assert len(list_card(card, tmp_path / "images").candidates) == 3


def test_bytes_with_another_digest_are_not_kept(tmp_path: Path, server: tuple[Path, str]) -> None:
    served, url = server
    (served / "set.zip").write_bytes(nested())
    card = archive_card(tmp_path / "cards", url, nested(), digest="0" * 32)
    with pytest.raises(VerificationError, match="differ from the published file"):
        list_card(card, tmp_path / "images")
    assert [path for path in (tmp_path / "cache").rglob("*") if path.is_file()] == []
    assert not (tmp_path / "images").exists()


def test_a_missing_file_on_the_server_is_a_download_error(tmp_path: Path, server: tuple[Path, str]) -> None:
    _, url = server
    with pytest.raises(DownloadError, match=r"could not download .*/set\.zip \(404"):
        list_card(archive_card(tmp_path / "cards", url, nested()), tmp_path / "images")


def test_a_closed_port_is_a_download_error_with_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOOLBOX_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with socket.socket() as closed:  # bound but not listening: nobody else can take the port meanwhile
        closed.bind(("127.0.0.1", 0))
        card = archive_card(tmp_path / "cards", f"http://127.0.0.1:{closed.getsockname()[1]}", nested())
        with pytest.raises(
            DownloadError, match=r"set TOOLBOX_MIRROR to a server that has set\.zip"
        ) as refusal:
            list_card(card, tmp_path / "images")
    assert "\n" not in str(refusal.value)


def test_a_folder_that_the_archive_does_not_hold_is_the_cards_mistake(
    tmp_path: Path, server: tuple[Path, str]
) -> None:
    served, url = server
    (served / "set.zip").write_bytes(nested())
    card = Path(archive_card(tmp_path / "cards", url, nested()))
    card.write_text(card.read_text().replace('folder = "Objects"', 'folder = "Images"'))
    with pytest.raises(CardError, match=r"set\.zip has no file in Images; correct `folder` in the"):
        list_card(str(card), tmp_path / "images")
