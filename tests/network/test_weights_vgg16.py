"""VGG16 in full: files of the real layout, with drawn values, through the door for real ones.

One of them is of the real size, for what memory it takes; where the layout alone matters, images are of 64 pixels, so
that the first fully connected layer takes 2 x 2 positions instead of 7 x 7.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file

from support.tiny_network import paint
from toolbox.errors import VerificationError
from toolbox.graph import Tensors
from toolbox.network.architecture import Network
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.network.weights import load_weights, tensor_digest
from toolbox.runtime.session import start_session

CARD = """
like = "vgg16"
name = "vgg16-drawn"
title = "VGG16 of drawn values"
digests = {}
first_values = {}
weights = []
"""
SMALL = (
    CARD.replace("vgg16-drawn", "vgg16-small")
    + """
[input]
height = 64
width = 64
channels = "BGR"
mean = [103.939, 116.779, 123.68]
"""
)
SMALL_TORCHVISION = SMALL.replace('"vgg16"', '"vgg16-torchvision"').replace(
    "16-small", "16-small-torchvision"
)
DENSE = ("fc1", "fc2", "predictions")
TORCH_NUMBERS = (
    0,
    2,
    5,
    7,
    10,
    12,
    14,
    17,
    19,
    21,
    24,
    26,
    28,
)  # of the convolutions in torchvision's `features`


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the cards and the Keras files, which are removed when the tests of this file are done."""
    place = tmp_path_factory.mktemp("vgg16")
    (place / "drawn.toml").write_text(CARD)
    (place / "small.toml").write_text(SMALL)
    (place / "small-torchvision.toml").write_text(SMALL_TORCHVISION)
    write_keras(place / "small.h5", network(str(place / "small.toml")))
    write_keras(place / "notop.h5", network("vgg16"), drop=DENSE)
    yield place
    for large in place.glob("*.h5"):
        large.unlink()


@pytest.fixture(scope="module")
def drawn(folder: Path) -> Network:
    return network(str(folder / "drawn.toml"))


@pytest.fixture(scope="module")
def small(folder: Path) -> Network:
    return network(str(folder / "small.toml"))


def write_keras(path: Path, net: Network, *, drop: tuple[str, ...] = ()) -> None:
    """As the Keras release of 2016 lays it out: a group for every layer, pools included."""
    layers = [layer for layer in net.chain if layer.name not in drop]
    draw = np.random.Generator(np.random.PCG64(16))
    with h5py.File(path, "w") as file:
        file.attrs["layer_names"] = [layer.name.encode() for layer in layers]
        for layer in layers:
            group = file.create_group(layer.name)
            names = [f"{layer.name}_W_1:0", f"{layer.name}_b_1:0"] if layer.has_weights else []
            group.attrs["weight_names"] = np.array([name.encode() for name in names], "S")
            if names:
                size = (layer.kernel, layer.kernel) if layer.kind == "convolution" else ()
                kernel = draw.random((*size, layer.inputs, layer.filters), dtype=np.float32)
                kernel -= np.float32(0.5)
                kernel *= np.float32(np.sqrt(24 * layer.filters / kernel.size))  # variance 2 / inputs
                group[names[0]], group[names[1]] = (kernel, draw.random(layer.filters, dtype=np.float32))


def test_the_fully_connected_layers_of_a_keras_file_respond_as_numpy_says(
    folder: Path, small: Network
) -> None:
    model = load_model(small, source=str(folder / "small.h5"))
    assert model.notes == ()
    assert [layer.name for layer in model.layers[-3:]] == list(DENSE)
    image = np.random.default_rng(0).uniform(-120, 150, (1, 3, 64, 64)).astype(np.float32)
    maps = start_session(model.graph, device="cpu").run(image)
    with h5py.File(folder / "small.h5") as file:
        below = maps["block5_pool"][0].transpose(1, 2, 0).ravel()  # Keras unrolls height, width, channel
        for name in DENSE:
            below = below @ file[f"{name}/{name}_W_1:0"][()] + file[f"{name}/{name}_b_1:0"][()]
            if name == "predictions":
                below = np.exp(below - below.max()) / np.exp(below - below.max()).sum()
            else:
                below = np.maximum(below, 0)
                assert 0.2 < np.mean(below > 0) < 0.8
            np.testing.assert_allclose(maps[name][0], below, rtol=1e-3, atol=1e-3 * below.max())


def test_a_keras_file_without_the_top_gives_the_convolutions(folder: Path, drawn: Network) -> None:
    found = load_weights(drawn, source=str(folder / "notop.h5"))
    assert len(found.tensors) == 26
    assert found.notes == (
        f"fc1, fc2, predictions left out, because {folder / 'notop.h5'} lacks their weights",
    )


PROGRAM = """
import resource, sys
from pathlib import Path
from toolbox import Study
study = Study(sys.argv[1], create=True)
study.ingest(sys.argv[2], set="colours")
study.extract("colours", model=sys.argv[3], weights=sys.argv[4])
status = Path("/proc/self/status")
if status.is_file():  # the other number is at least the peak of the process that started this one
    print(next(line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")))
else:
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def test_an_extraction_with_all_layers_stays_below_3_gigabytes(folder: Path, tmp_path: Path) -> None:
    write_keras(folder / "all.h5", network("vgg16"))
    assert (folder / "all.h5").stat().st_size > 0.99 * network("vgg16").weights[0]["bytes"]
    for number in range(4):
        paint(tmp_path / "images" / "a" / f"{number}.png", (60 * number, 100, 0), 30)
    arguments = [tmp_path / "study", tmp_path / "images", folder / "drawn.toml", folder / "all.h5"]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout.splitlines()[-1]) * unit < 3e9


def test_a_file_of_torchvision_holds_the_same_network_in_its_own_layout(
    folder: Path, small: Network, tmp_path: Path
) -> None:
    """Its tensors are sorted by name, classifier first, and its fc1 takes channel, height, width."""
    expected = load_weights(small, source=str(folder / "small.h5")).tensors
    save_file(as_torchvision(small, expected), tmp_path / "vgg16.safetensors")
    net = network(str(folder / "small-torchvision.toml"))
    found = load_weights(net, source=str(tmp_path / "vgg16.safetensors"))
    (tmp_path / "vgg16.safetensors").unlink()
    assert found.tensors.keys() == expected.keys()
    for name, tensor in expected.items():
        np.testing.assert_array_equal(found.tensors[name], tensor)
    assert "block1_conv1 = features.0.weight … predictions = classifier.6.weight" in found.notes[0]


def as_torchvision(net: Network, tensors: Tensors) -> dict[str, NDArray[np.float32]]:
    names = [f"features.{number}" for number in TORCH_NUMBERS] + [
        f"classifier.{number}" for number in (0, 3, 6)
    ]
    turned: dict[str, NDArray[np.float32]] = {}
    for name, layer in zip(names, [layer for layer in net.chain if layer.has_weights], strict=True):
        kernel = tensors[f"{layer.name}.kernel"]
        if layer.name == "fc1":
            kernel = kernel.reshape(2, 2, 512, 4096).transpose(3, 2, 0, 1).reshape(4096, 2048)
        elif layer.kind == "dense":
            kernel = kernel.T
        turned[f"{name}.weight"] = np.ascontiguousarray(kernel)
        turned[f"{name}.bias"] = tensors[f"{layer.name}.bias"]
    return turned


def test_torchvisions_filters_never_run_as_oxfords(folder: Path, drawn: Network, tmp_path: Path) -> None:
    """Both tell the other's name; of VGG16 with its digests, of the others by their layout."""
    tensors = load_weights(drawn, ["block5_pool"], source=str(folder / "notop.h5")).tensors
    names = [f"features.{number}" for number in TORCH_NUMBERS]
    pairs = zip(names, [layer for layer in drawn.chain if layer.kind == "convolution"], strict=True)
    turned = {}
    for name, layer in pairs:
        turned[f"{name}.weight"] = tensors[f"{layer.name}.kernel"]
        turned[f"{name}.bias"] = tensors[f"{layer.name}.bias"]
    path = str(tmp_path / "vgg16.safetensors")
    save_file(turned, path)
    for net in (network("vgg16"), drawn):
        with pytest.raises(
            VerificationError, match=r"has the layout of PyTorch, .* choose .*\(--model vgg16-torchvision\)$"
        ):
            load_weights(net, ["block5_pool"], source=path)
    load_weights(network("vgg16-torchvision"), ["block5_pool"], source=path)
    Path(path).unlink()
    with pytest.raises(VerificationError, match=r"has the layout of Keras .* choose .*\(--model vgg16\)$"):
        load_weights(network("vgg16-torchvision"), ["block5_pool"], source=str(folder / "notop.h5"))


@pytest.mark.parametrize("kind", ["torch", "keras"])
def test_vgg19_and_vgg11_take_no_files_of_the_other_program(tmp_path: Path, kind: str) -> None:
    model = {"torch": "vgg19", "keras": "vgg11"}[kind]
    given = {}
    for number, layer in enumerate(layer for layer in network(model).chain if layer.kind == "convolution"):
        kernel = np.zeros(layer.kernel_shape, np.float32)
        given[f"features.{number}.weight"] = kernel if kind == "torch" else np.ascontiguousarray(kernel.T)
        given[f"features.{number}.bias"] = np.zeros(layer.filters, np.float32)
    save_file(given, tmp_path / "other.safetensors")
    with pytest.raises(VerificationError, match=rf'write a card of your own with like = "{model}".*"{kind}"'):
        load_weights(network(model), ["block5_pool"], source=str(tmp_path / "other.safetensors"))
    (tmp_path / "other.safetensors").unlink()


@pytest.mark.parametrize("model", ["vgg16-torchvision", "vgg16-untrained", "vgg19"])
def test_tensors_of_another_shipped_network_are_refused(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str
) -> None:
    """A folder of cards where one has the digest of a drawn tensor; the others must not take that tensor for theirs."""
    bias = load_weights(
        network(str(folder / "drawn.toml")), ["block1_conv1"], source=str(folder / "notop.h5")
    )
    digest = tensor_digest(bias.tensors["block1_conv1.bias"])
    for card in ("vgg16", "vgg19", "vgg16-torchvision", "vgg16-untrained"):
        (tmp_path / f"{card}.toml").write_bytes(
            (Path(__file__).parents[2] / "models" / f"{card}.toml").read_bytes()
        )
    own = CARD.replace("drawn", "known").replace(
        "digests = {}", f'digests = {{ "block1_conv1.bias" = "{digest}" }}'
    )
    (tmp_path / "vgg16-known.toml").write_text(own)
    monkeypatch.setattr("toolbox.content.content_folder", lambda _: tmp_path)
    with pytest.raises(VerificationError) as caught:
        load_weights(network(model), ["block1_conv1"], source=str(folder / "notop.h5"))
    assert (
        f"block1_conv1.bias from notop.h5 is the tensor block1_conv1.bias of vgg16-known, but the "
        f"network is {model}; choose model='vgg16-known'" in str(caught.value)
    )
    assert "(--model vgg16-known)" in str(caught.value)
    load_weights(network("vgg16-known"), ["block1_conv1"], source=str(folder / "notop.h5"))


@pytest.mark.network
def test_the_oxford_release_never_runs_as_torchvisions(cache: Path) -> None:
    from toolbox.fetch import fetch

    path = fetch(network("vgg16").weights[-1])
    with pytest.raises(
        VerificationError, match=r"is the tensor block1_conv1.kernel of vgg16, but .* choose model='vgg16' "
    ):
        load_weights(network("vgg16-torchvision"), ["block5_pool"], source=str(path))
    named_by_order = load_weights(network("vgg16"), ["block5_pool"], source=str(path))
    assert len(named_by_order.tensors) == 26
