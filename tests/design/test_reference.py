"""References: what the file holds, that it is whole, and that none is used with another network."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pyarrow.parquet as pq
import pytest

from support.random_study import FILTERS, LAYERS, RandomStudy, make_random_study
from support.small_study import MODEL, SET, add_layers, long_table, small_study
from toolbox.content import card, content_folder, reference_files
from toolbox.design.comparison import Comparing, compare_categories
from toolbox.design.comparison.complexity import measure_complexity
from toolbox.design.comparison.reference import (
    REFERENCE,
    check_reference,
    find_reference,
    read_reference,
    save_reference,
    set_reference,
)
from toolbox.design.comparison.subject import read_subject
from toolbox.errors import MixtureError, UsageError, VerificationError
from toolbox.network import chain
from toolbox.network.card import network
from toolbox.progress import silent
from toolbox.store.folder import StudyFolder
from toolbox.store.plan import read_plan
from toolbox.store.selection import Selection

CONVOLUTIONS = [name for name in LAYERS if "pool" not in name]
SHIPPED = content_folder("models") / "vgg16.natural.parquet"


@pytest.fixture(scope="module")
def random_study(tmp_path_factory: pytest.TempPathFactory) -> RandomStudy:
    study = make_random_study(tmp_path_factory.mktemp("reference") / "study")
    add_layers(study.folder, study.layers.with_columns(filters=FILTERS))
    return study


@pytest.fixture(autouse=True)
def own_cache(cache: Path) -> None:
    """Nothing is remembered from other tests."""


@pytest.fixture
def file(random_study: RandomStudy, tmp_path: Path) -> Path:
    path = tmp_path / f"{MODEL}.mine.parquet"
    save_reference(random_study.folder, path, Selection(), "sixty shapes")
    return path


def test_a_reference_has_the_statistics_of_numpy(random_study: RandomStudy, file: Path) -> None:
    rows = read_reference(file).rows
    assert rows["layer"].unique(maintain_order=True).to_list() == CONVOLUTIONS
    for layer in CONVOLUTIONS:
        for statistic, values in zip(("maximum", "mean"), random_study.responses[layer], strict=True):
            found = rows.filter(layer=layer, statistic=statistic).sort("filter")
            exact = values.astype(np.float64)
            expected = {
                "mean": exact.mean(axis=0),
                "sd": exact.std(axis=0, ddof=1),
                "minimum": exact.min(axis=0),
                "maximum": exact.max(axis=0),
                **{f"q{level:02}": np.quantile(exact, level / 100, axis=0) for level in (5, 25, 50, 75, 95)},
            }
            assert (found["n"] == len(values)).all()
            for name, column in expected.items():
                assert found[name].to_numpy() == pytest.approx(column, rel=1e-6), (layer, statistic, name)


def test_a_reference_is_read_as_it_was_written(random_study: RandomStudy, file: Path) -> None:
    found = read_reference(file)
    assert found.rows.equals(set_reference(random_study.folder, Selection()).rows)
    assert (found.name, found.stimuli, found.description) == ("mine", 60, "sixty shapes")
    plan = read_plan(random_study.folder.extraction(SET, MODEL))
    assert plan and found.identity == plan.identity
    assert found.origin["description"] == "sixty shapes"


def test_equal_responses_give_equal_files(random_study: RandomStudy, file: Path, tmp_path: Path) -> None:
    save_reference(random_study.folder, tmp_path / "again.parquet", Selection(), "sixty shapes")
    assert (tmp_path / "again.parquet").read_bytes() == file.read_bytes()


def test_the_file_holds_no_path_and_no_image(file: Path) -> None:
    metadata = (pq.read_metadata(file).metadata or {})[b"toolbox"].decode()
    assert "/" not in json.loads(metadata)["set"]
    assert "pictures" not in metadata
    assert not any(word in file.read_bytes().decode("latin-1") for word in ("pictures/", ".png", "/tmp/"))


def test_no_changed_byte_changes_a_reference(file: Path) -> None:
    """Either it is noticed, or it is in a place that means nothing."""
    content, whole = file.read_bytes(), read_reference(file)
    places = np.random.default_rng(7).integers(0, len(content), 300)
    noticed = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 1 << int(place) % 8
        file.write_bytes(damaged)
        try:
            found = read_reference(file)
        except (VerificationError, UsageError):
            noticed += 1
        else:
            assert found.rows.equals(whole.rows), place
            assert (found.identity, found.origin, found.stimuli) == (
                whole.identity,
                whole.origin,
                whole.stimuli,
            )
    assert noticed > 0.8 * len(places)


def test_changed_values_in_a_valid_file_are_noticed(file: Path) -> None:
    table = pq.read_table(file)
    metadata = pq.read_metadata(file).metadata
    rows = pl.DataFrame(table).with_columns(pl.col("maximum") + 1)
    pq.write_table(rows.to_arrow().cast(table.schema).replace_schema_metadata(metadata), file)
    with pytest.raises(VerificationError, match="its content is not what was written"):
        read_reference(file)


def test_another_table_is_no_reference(tmp_path: Path) -> None:
    pl.DataFrame({"layer": ["conv1"]}).write_parquet(tmp_path / "other.parquet")
    with pytest.raises(UsageError, match=r"is not the file of a reference; to write one: toolbox reference"):
        read_reference(tmp_path / "other.parquet")
    with pytest.raises(UsageError, match=r"expected a name that ends in \.parquet"):
        save_reference(StudyFolder(tmp_path), tmp_path / "reference.csv", Selection())


def test_a_reference_of_another_network_is_refused(random_study: RandomStudy, file: Path) -> None:
    reference, plan = read_reference(file), read_plan(random_study.folder.extraction(SET, MODEL))
    assert plan
    identity = plan.identity
    assert check_reference(reference, identity, CONVOLUTIONS) == ()
    other = replace(identity, layers={**identity.layers, "conv2": "another digest"})
    with pytest.raises(
        MixtureError, match=r"other weights or another preprocessing .*differs: conv2\); present"
    ):
        check_reference(reference, other, CONVOLUTIONS)
    # the layers that are compared are the same
    assert check_reference(reference, other, ["conv1"]) == ()
    with pytest.raises(MixtureError, match="computed in float32, the responses here in bf16"):
        check_reference(reference, replace(identity, precision="bf16"), CONVOLUTIONS)
    with pytest.raises(MixtureError, match="no layer in common"):
        check_reference(reference, identity, ["fc1"])


def test_layers_that_a_reference_lacks_have_a_note(random_study: RandomStudy, file: Path) -> None:
    plan = read_plan(random_study.folder.extraction(SET, MODEL))
    assert plan
    (note,) = check_reference(read_reference(file), plan.identity, [*CONVOLUTIONS, "fc1"])
    assert note == "layers that the reference mine lacks are left out: fc1"


def test_a_reference_is_found_by_set_file_and_name(
    random_study: RandomStudy, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study, rows = random_study.folder, read_reference(file).rows
    assert find_reference(study, SET, MODEL).rows.equals(rows)
    assert find_reference(study, str(file), MODEL).rows.equals(rows)
    monkeypatch.setenv("TOOLBOX_MODELS", str(tmp_path))
    assert list(reference_files(MODEL)) == ["mine"]
    assert find_reference(study, "mine", MODEL).rows.equals(rows)
    with pytest.raises(UsageError, match=r"no reference named 'nature'; .*ships with tiny \(mine\)"):
        find_reference(study, "nature", MODEL)


def test_a_category_has_the_same_numbers_in_another_study(
    random_study: RandomStudy, file: Path, tmp_path: Path
) -> None:
    """The other study has the dogs and cars alone, with other numbers, and no other stimulus."""
    chosen = [n for n, name in enumerate(random_study.categories) if name in ("dog", "car")]
    names = [random_study.categories[n] for n in chosen]
    responses = {
        layer: tuple(values[chosen] for values in both) for layer, both in random_study.responses.items()
    }
    other = small_study(
        tmp_path / "other",
        long_table(responses),
        pl.DataFrame({"stimulus_id": range(len(chosen)), "category": names}),
        layers=random_study.layers.with_columns(filters=FILTERS),
    )
    fixed = Comparing(reference=str(file), resamples=40)
    here, there = (
        compare_categories(study, ("dog", "car"), fixed, Selection())
        for study in (random_study.folder, other)
    )
    of_responses = pl.col("kind") != "property"  # the images of the other study were not measured
    assert here.categories.filter(of_responses).equals(there.categories)
    assert here.rows.filter(of_responses).equals(there.rows)
    relative = [
        compare_categories(study, ("dog", "car"), Comparing(resamples=40), Selection())
        for study in (random_study.folder, other)
    ]
    assert not relative[0].categories.equals(relative[1].categories)


def test_a_filter_without_a_range_in_the_reference_responds_to_nothing(
    random_study: RandomStudy, file: Path
) -> None:
    reference = read_reference(file)
    dead = replace(reference, rows=reference.rows.with_columns(pl.col("minimum").alias("maximum")))
    choices = Comparing(resamples=20)
    subject = read_subject(random_study.folder, ("dog", "car"), choices, Selection())
    found = measure_complexity(subject, choices, dead, silent)
    assert found.observed.sum() == found.samples.sum() == found.responsive.sum() == 0
    alive = measure_complexity(subject, choices, reference, silent)
    assert min(alive.observed.sum(), alive.samples.sum(), alive.responsive.sum()) > 0


class TestShippedReference:
    """`models/vgg16.natural.parquet`."""

    def test_it_is_small_whole_and_found_by_name(self) -> None:
        assert SHIPPED.stat().st_size < 300_000
        assert list(reference_files("vgg16")) == ["natural"]
        reference = read_reference(SHIPPED)
        assert (reference.name, reference.stimuli) == ("natural", 1000)
        assert "one of each class of ImageNet" in reference.description
        assert "imagenet-sample-images, commit bc69043" in reference.description

    def test_it_has_all_convolutions_of_the_card(self) -> None:
        rows = read_reference(SHIPPED).rows
        layers = card("models", "vgg16")["layers"].items()
        expected = {name: layer["filters"] for name, layer in layers if layer["kind"] == "convolution"}
        counted = rows.filter(statistic="maximum").group_by("layer", maintain_order=True).len()
        assert dict(counted.iter_rows()) == expected
        assert rows.height == 2 * sum(expected.values())
        assert rows.columns == list(REFERENCE)

    def test_it_is_of_the_weights_and_the_preprocessing_of_the_card(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The digests of the layers follow from those of the tensors, which the card has."""
        digests = card("models", "vgg16")["digests"]
        monkeypatch.setattr(chain, "tensor_digest", lambda tensor: tensor)
        vgg16 = network("vgg16")
        weights: Any = SimpleNamespace(layers=vgg16.layers[:18], tensors=digests)
        assert read_reference(SHIPPED).identity.layers == chain.layer_digests(vgg16.input, weights)

    def test_its_statistics_are_possible(self) -> None:
        rows = read_reference(SHIPPED).rows
        order = ["minimum", "q05", "q25", "q50", "q75", "q95", "maximum"]
        for lower, upper in pairwise(order):
            assert (rows[lower] <= rows[upper]).all()
        assert (rows["minimum"] >= 0).all()  # after a rectifier
        assert (rows["mean"] <= rows["maximum"]).all() and (rows["mean"] >= rows["minimum"]).all()
        wide = rows.pivot("statistic", index=["layer", "filter"], values="maximum")
        assert (wide["mean"] <= wide["maximum"]).all()

    def test_it_is_refused_for_other_weights(self) -> None:
        identity = read_reference(SHIPPED).identity
        untrained = replace(identity, model="vgg16-untrained", layers=dict.fromkeys(identity.layers, "other"))
        with pytest.raises(MixtureError, match="the first layer that differs: block1_conv1"):
            check_reference(read_reference(SHIPPED), untrained, ["block1_conv1", "block1_conv2"])
        assert reference_files("vgg16-untrained") == {}
