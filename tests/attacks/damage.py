"""Damage to the files of a study: nothing may be answered wrongly, or end in a traceback or a library's words.

    python tests/attacks/damage.py [flips] [rotted] [ingested] [remembered] [bundled] [related] [--count N]

Makes a small study with the three-layer network of the tests, and prints what came of each attack:

flips       2,600 random flips, bytes and truncations over all files of the study; then all questions are asked
rotted      60 parts with one bit flipped, their size and time kept, after everything was read once
ingested    150 damaged tables of stimuli, labels and properties; then a further image is ingested
remembered  300 bits flipped in the files of the user's cache
bundled     200 damaged bundles, zips and single files of directories, which are verified and imported
related     60 damaged files: observations, related filters, rendered pictures and their checksums, and in between those
            of a bundle; what a study answers rightly must still be named by verify --thorough

`right` is the right answer, `told` one line with exit code 3. Expected: nothing else; of `related`, `not named by
verify` where the flip hit the name of a record's own digest (`record_sha256`), so that the record, whose values are
right, counts as an early one.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.tiny_network import CARD, paint, write_weights
from toolbox import Study
from toolbox.errors import ToolboxError
from toolbox.exchange.importing.run import verify_bundle

COUNTS = {"flips": 2600, "rotted": 60, "ingested": 150, "remembered": 300, "bundled": 200, "related": 60}
QUESTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("filters/stimuli", {"layer": "colour", "filter": 0}),
    ("tuning/parameter", {"layer": "colour", "filter": 0, "parameter": "angle"}),
    ("tuning/category", {"layer": "colour", "filter": 0, "scheme": "warmth"}),
    ("selectivity/index", {}),
    ("selectivity/ranks", {"layer": "pool"}),
    ("selectivity/significance", {}),
    ("selectivity/reliability", {}),
    ("sets/summary", {}),
    ("sets/near_duplicates", {"layer": "pool"}),
    ("complexity/stimuli", {}),
    ("layers/profile", {}),
)
"""Of all views; shipped queries, which are asked in this process."""


def make_study(folder: Path) -> Study:
    """Six images with parameters, two label schemes, responses in several parts, resampled indices."""
    lines = ["path,category,angle"]
    for number, level in enumerate((100, 150, 200)):
        for category, colour in (("red", (level, 20, 0)), ("green", (10, level, 0))):
            paint(folder / "photographs" / category / f"{number}.png", colour)
            lines.append(f"photographs/{category}/{number}.png,{category},{number * 30}")
    (folder / "images.csv").write_text("\n".join(lines))
    (folder / "warmth.csv").write_text("category,warmth\nred,warm\ngreen,cold\n")
    study = Study(folder / "study", create=True)
    study.ingest(folder / "images.csv", set="colours")
    study.label("colours", scheme="warmth", source=folder / "warmth.csv")
    weights = str(write_weights(folder / "tiny.npz"))
    study.extract("colours", model=str(CARD), weights=weights, part=2)
    study.significance("colours", scheme="category", resamples=20)
    study.use("colours", model="tiny", scheme="category")
    return study


def answers(root: Path) -> list[Any]:
    """The answers to all questions."""
    study = Study(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [study.query(query, **chosen).sort(pl.all()).rows() for query, chosen in QUESTIONS]


def outcome(ask: Callable[[], Any], expected: Any) -> str:
    """What becomes of a question: right, told, or what must not be."""
    try:
        found = ask()
    except ToolboxError as error:
        is_told = error.exit_code == 3 and "\n" not in str(error) and "; " in str(error)
        return "told" if is_told else f"other line: {type(error).__name__}: {str(error)[:200]}"
    except Exception as error:
        return f"traceback: {type(error).__name__}: {str(error)[:100]}"
    return "right" if found == expected else "WRONG"


@contextmanager
def spoiled(file: Path, content: bytes) -> Iterator[None]:
    """A file with other content and the same time of change, put back afterwards."""
    sound, status = file.read_bytes(), file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    try:
        yield
    finally:
        file.write_bytes(sound)
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


def damaged(content: bytes, chance: random.Random) -> bytes:
    """Content with one bit flipped, one byte replaced, or its end missing."""
    kind, place = chance.random(), chance.randrange(len(content))
    if kind < 0.05:
        return content[:place]
    other = content[place] ^ (1 << chance.randrange(8) if kind < 0.6 else chance.randrange(1, 256))
    return content[:place] + bytes([other]) + content[place + 1 :]


def files_of(root: Path) -> list[Path]:
    """All files of a study with content, without locks."""
    return sorted(file for file in root.rglob("*") if file.is_file() and file.stat().st_size)


def flips(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """Damage to any file, with an empty cache and with a full one."""
    root = make_study(folder).folder.root
    expected, files = answers(root), files_of(root)
    rollups = {file: file.read_bytes() for file in files}
    for number in range(count):
        file = files[number % len(files)]
        if number % 2:
            shutil.rmtree(os.environ["TOOLBOX_CACHE"], ignore_errors=True)
        with spoiled(file, damaged(file.read_bytes(), chance)):
            found = outcome(lambda: answers(root), expected)
        for each in (each for each in files_of(root) if rollups.get(each) != each.read_bytes()):
            each.unlink() if each not in rollups else each.write_bytes(rollups[each])
        yield found if found in ("right", "told") else f"{file.relative_to(root)}: {found}"


def rotted(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """One flipped bit in a part that was read before."""
    root = make_study(folder).folder.root
    expected, parts = answers(root), sorted(root.glob("responses/*/*/part-*.parquet"))
    for number in range(count):
        part = parts[number % len(parts)]
        content = bytearray(part.read_bytes())
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        with spoiled(part, bytes(content)):
            yield outcome(lambda: answers(root), expected)


def ingested(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """Damaged tables, to which a further image is added."""
    make_study(folder)
    paint(folder / "more" / "red" / "9.png", (250, 20, 0))
    for number in range(count):
        root = shutil.copytree(folder / "study", folder / "copy")
        tables = [
            *root.glob("stimuli/*/*.parquet"),
            *root.glob("properties/*/*.parquet"),
            *root.glob("labels/*/scheme=category/*.parquet"),
        ]
        file = tables[number % 3]
        file.write_bytes(damaged(file.read_bytes(), chance))
        found = outcome(
            lambda root=root: _contents_after_ingestion(root, folder), _contents(folder / "study")
        )
        yield "PERMANENT" if found == "WRONG" else found
        shutil.rmtree(root)


def _contents_after_ingestion(root: Path, folder: Path) -> list[Any]:
    Study(root).ingest(folder / "more", set="colours")
    return _contents(root)


def _contents(root: Path) -> list[Any]:
    """What the tables of a set have of its first six images."""
    study, asked = Study(root), ("stimuli", "labels", "properties")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [
            study.query(f"from {view} where stimulus_id < 6 order by all", set="colours").rows()
            for view in asked
        ]


def remembered(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """One flipped bit in what the cache keeps between commands."""
    root = make_study(folder).folder.root
    expected = answers(root)
    files = files_of(Path(os.environ["TOOLBOX_CACHE"]))
    for number in range(count):
        sound = {file: file.read_bytes() for file in files}
        file = files[number % len(files)]
        content = bytearray(sound[file])
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        file.write_bytes(content)
        yield outcome(lambda: answers(root), expected)
        for each, before in sound.items():
            each.write_bytes(before)


def bundled(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """A damaged bundle: every second time the zip, else a file of the directory."""
    study = make_study(folder)
    for name in ("bundle.zip", "bundle"):
        study.share(folder / name, including=("significance", "responses"), progress=False)
    files, expected = files_of(folder / "bundle"), _imported(folder / "bundle", folder)
    for number in range(count):
        is_zip = number % 2
        file = folder / "bundle.zip" if is_zip else files[number // 2 % len(files)]
        bundle = file if is_zip else file.parent
        with spoiled(file, damaged(file.read_bytes(), chance)):
            found = outcome(lambda bundle=bundle: _imported(bundle, folder), expected)
            named = outcome(lambda bundle=bundle: verify_bundle(bundle, thorough=True).is_intact, True)
        if found == "told" and named == "right":
            yield f"not named: {file.name}"
        else:
            yield found if found in ("right", "told") else f"{file.name}: {found}"


def _imported(bundle: Path, folder: Path) -> list[Any]:
    """The answers of a new study into which a bundle was imported; of one that is refused, nothing may be left."""
    root = folder / "imported"
    try:
        Study(root, create=True).import_(bundle, progress=False)
        return answers(root)
    except ToolboxError:
        assert not root.exists()
        raise
    finally:
        shutil.rmtree(root, ignore_errors=True)


RELATED: tuple[tuple[str, dict[str, Any]], ...] = (
    ("relation/variables", {}),
    ("relation/ceiling", {"parameter": "rating"}),
    ("relation/filters", {"parameter": "rating"}),
    ("relation/layers", {"parameter": "rating"}),
    ("relation/filters", {"parameter": "angle", "given": "category", "statistic": "mean"}),
)
"""Of observations and related filters."""


def make_related_study(folder: Path) -> Study:
    """The study with observations, related filters and rendered pictures."""
    study = make_study(folder)
    rows = [
        f"{number},{name},{number + shift}" for number in range(6) for name, shift in (("a", 0), ("b", 0.5))
    ]
    (folder / "ratings.csv").write_text("\n".join(["stimulus_id,observer,rating", *rows]))
    study.parameters("colours", source=folder / "ratings.csv")
    study.relate("colours", parameter="rating", resamples=20)
    study.relate("colours", parameter="angle", given=["category"], statistic="mean", resamples=20)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _rendered(study.folder.root, folder)
    return study


def _rendered(root: Path, folder: Path) -> list[Any]:
    """The pictures of a filter: made where there are none, else as they are kept."""
    report = Study(root).render(
        layer="pool",
        filter=2,
        seeds=2,
        steps=5,
        model=str(CARD),
        weights=str(folder / "tiny.npz"),
        progress=False,
    )
    return [(each.file, each.response, (root / each.file).read_bytes()) for each in report.pictures]


def _related_answers(root: Path, folder: Path) -> list[Any]:
    study = Study(root)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = [study.query(query, **chosen).sort(pl.all()).rows() for query, chosen in RELATED]
        return [*found, _rendered(root, folder)]


def _imported_relations(bundle: Path, folder: Path) -> list[Any]:
    """The answers of a new study into which a bundle was imported."""
    root = folder / "imported"
    try:
        Study(root, create=True).import_(bundle, progress=False)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [Study(root).query(query, **chosen).sort(pl.all()).rows() for query, chosen in RELATED]
    finally:
        shutil.rmtree(root, ignore_errors=True)


def related(folder: Path, count: int, chance: random.Random) -> Iterator[str]:
    """Damage to what is related to the responses, in a study and in a bundle of it."""
    study = make_related_study(folder)
    root, bundle = study.folder.root, folder / "bundle"
    study.share(bundle, including=("relations", "responses"), progress=False)
    kinds = ("relations", "relation_permutations", "parameters", "rendered")
    files = [file for file in files_of(root) if {*kinds} & {*file.relative_to(root).parts}]
    shared = [
        file for file in files_of(bundle) if file.name.startswith(("relation", "observations", "provenance"))
    ]
    expected, imported = _related_answers(root, folder), _imported_relations(bundle, folder)
    kept = shutil.copytree(root, folder / "kept")
    for number in range(count):
        if number % 3 == 2:
            file = shared[number // 3 % len(shared)]
            with spoiled(file, damaged(file.read_bytes(), chance)):
                found = outcome(lambda: _imported_relations(bundle, folder), imported)
        else:
            file = files[number % len(files)]
            shutil.rmtree(os.environ["TOOLBOX_CACHE"], ignore_errors=True)
            file.write_bytes(damaged(file.read_bytes(), chance))
            is_named = not Study(root).verify(thorough=True).is_intact
            found = outcome(lambda: _related_answers(root, folder), expected)
            if found == "right" and not is_named:
                found = "not named by verify"
            shutil.rmtree(root)
            shutil.copytree(kept, root)
        yield found if found in ("right", "told") else f"{file.name} in {file.parent.name}: {found}"


ATTACKS: dict[str, Callable[[Path, int, random.Random], Iterator[str]]] = {
    "flips": flips,
    "rotted": rotted,
    "ingested": ingested,
    "remembered": remembered,
    "bundled": bundled,
    "related": related,
}


def attack(name: str, folder: Path, count: int, seed: int = 0) -> Counter[str]:
    """How often each outcome came of an attack."""
    return Counter(ATTACKS[name](folder, count, random.Random(seed)))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("attacks", nargs="*", default=[*ATTACKS])
    parser.add_argument("--count", type=int)
    choices = parser.parse_args()
    for name in choices.attacks:
        with TemporaryDirectory() as folder:
            os.environ["TOOLBOX_CACHE"] = str(Path(folder) / "cache")
            found = attack(name, Path(folder), choices.count or COUNTS[name])
        print(name, dict(found.most_common()), flush=True)


if __name__ == "__main__":
    main()
