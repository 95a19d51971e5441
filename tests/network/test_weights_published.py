"""Published weights: fetched once, verified, from the smallest source that suffices, or refused with a remedy."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pooch
import pytest

from support.tiny_network import tensors, write_weights
from support.weight_files import (
    check_tensors,
    write_card,
)
from toolbox.errors import DownloadError, VerificationError, WeightsError
from toolbox.fetch import cached_state, fetch
from toolbox.network.architecture import Network
from toolbox.network.card import network
from toolbox.network.weights import load_weights


@contextlib.contextmanager
def serve(folder: Path) -> Iterator[str]:
    """A server of a folder's files on this machine."""
    handler = partial(_QuietHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...


def card_entry(path: Path, url: str, layers: str = "*") -> str:
    """The entry of a card for a published file."""
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    return (
        f'[[weights]]\nformat = "npz"\nlayers = ["{layers}"]\nurl = "{url}/{path.name}"\n'
        f'md5 = "{digest}"\nbytes = {path.stat().st_size}\n'
    )


def write_network(tmp_path: Path, card: str, *entries: str) -> Network:
    return network(write_card(tmp_path, card, "\n".join(entries)))


def test_a_published_file_is_fetched_once(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    told: list[tuple[str, int, int]] = []
    with serve(tmp_path / "files") as url:
        net = write_network(tmp_path, card, card_entry(path, url))
        load_weights(net, progress=lambda *step: told.append(step))
    assert told[-1] == ("download weights.npz", path.stat().st_size, path.stat().st_size)
    check_tensors(load_weights(net).tensors)  # the server is gone
    assert [file.name for file in cache.rglob("*") if file.is_file()] == ["weights.npz"]


def test_a_mirror_replaces_the_server(
    tmp_path: Path, cache: Path, card: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    net = write_network(tmp_path, card, card_entry(path, "http://127.0.0.1:9/closed"))
    with serve(tmp_path / "files") as url:
        monkeypatch.setenv("TOOLBOX_MIRROR", url)
        check_tensors(load_weights(net).tensors)


def test_a_file_that_is_not_the_published_one_is_not_kept(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    with serve(tmp_path / "files") as url:
        net = write_network(tmp_path, card, card_entry(path, url))
        write_weights(path, colour_bias=np.ones(3, np.float32))
        with pytest.raises(VerificationError, match="bytes that differ from the published file"):
            fetch(net.weights[0])
        with pytest.raises(WeightsError, match="nothing was kept"):
            load_weights(net)
    assert not [file for file in cache.rglob("*") if file.is_file()]


def test_no_more_is_downloaded_than_the_published_file_has(tmp_path: Path, cache: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "weights.npz").write_bytes(bytes(2**22))
    written: list[int] = []
    with serve(tmp_path / "files") as url:
        source = {"url": f"{url}/weights.npz", "sha256": "0" * 64, "bytes": 1000}
        with pytest.raises(VerificationError, match="that differ from the published file"):
            fetch(source, lambda _, done, __: written.append(done))
    assert 1000 < max(written) < 2**20


def test_a_closed_network_is_reported_with_the_remedy(tmp_path: Path, cache: Path, card: str) -> None:
    path = write_weights(tmp_path / "weights.npz")
    net = write_network(tmp_path, card, card_entry(path, "http://127.0.0.1:9"))
    with pytest.raises(DownloadError, match=r"set TOOLBOX_MIRROR .* or save the file as .*weights.npz"):
        fetch(net.weights[0])
    with pytest.raises(WeightsError, match=r"; choose a file .* with weights=… \(--weights …\)$"):
        load_weights(net)


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (
            "WARNING: Retrying\nERROR: No matching distribution\nWARNING: a new release\n\n",
            "ERROR: No matching distribution",
        ),
        ("WARNING: Retrying\nWARNING: The index is closed\n", "WARNING: The index is closed"),
        ("\n", "no message"),
    ],
)
def test_what_pip_said_last_is_the_reason(
    cache: Path, monkeypatch: pytest.MonkeyPatch, report: str, reason: str
) -> None:
    failed = subprocess.CompletedProcess([], 1, stdout="", stderr=report)
    monkeypatch.setattr("toolbox.fetch.subprocess.run", lambda *_, **__: failed)
    source = {"wheel": "weights==1.0", "member": "weights/file.npz", "sha256": "0" * 64, "bytes": 1}
    with pytest.raises(DownloadError) as caught:
        fetch(source)
    assert f"pip could not download weights==1.0 ({reason}); check the network" in str(caught.value)


def test_a_file_put_into_the_cache_by_hand_is_used(tmp_path: Path, cache: Path, card: str) -> None:
    path = write_weights(tmp_path / "weights.npz")
    net = write_network(tmp_path, card, card_entry(path, "http://127.0.0.1:9"))
    with pytest.raises(DownloadError) as caught:
        fetch(net.weights[0])
    place = Path(str(caught.value).rsplit("save the file as ", 1)[1])
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(path.read_bytes())
    check_tensors(load_weights(net).tensors)


def test_a_damaged_file_in_the_cache_is_fetched_again(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    with serve(tmp_path / "files") as url:
        net = write_network(tmp_path, card, card_entry(path, url))
        cached = fetch(net.weights[0])
        cached.write_bytes(bytes(path.stat().st_size))  # of the right size
        assert cached_state(net.weights[0]) == "damaged"
        assert fetch(net.weights[0]).read_bytes() == path.read_bytes()
        cached.write_bytes(b"cut")
        check_tensors(load_weights(net).tensors)


def test_a_download_that_is_stopped_leaves_nothing(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with serve(tmp_path / "files") as url:
        net = write_network(tmp_path, card, card_entry(path, url))
        with pytest.raises(KeyboardInterrupt):
            fetch(net.weights[0], stop)
    assert not [file for file in cache.rglob("*") if file.is_file()]


def test_a_download_is_silent_and_readable_by_all_who_share_the_cache(
    tmp_path: Path, cache: Path, card: str, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "files").mkdir()
    path = write_weights(tmp_path / "files" / "weights.npz")
    before = [*pooch.get_logger().filters]
    with serve(tmp_path / "files") as url:
        cached = fetch(write_network(tmp_path, card, card_entry(path, url)).weights[0])
    assert capfd.readouterr() == ("", "")
    assert pooch.get_logger().filters == before  # the host program may log through it
    assert cached.stat().st_mode == path.stat().st_mode


def test_the_smallest_source_that_suffices_comes_first(tmp_path: Path, cache: Path, card: str) -> None:
    (tmp_path / "files").mkdir()
    whole = write_weights(tmp_path / "files" / "whole.npz")
    lower = tmp_path / "files" / "lower.npz"
    np.savez(lower, **{name: tensor for name, tensor in tensors().items() if name.startswith("colour")})
    with serve(tmp_path / "files") as url:
        net = write_network(tmp_path, card, card_entry(whole, url), card_entry(lower, url, "colour"))
        assert load_weights(net, ["colour"]).source.endswith("lower.npz")
        assert load_weights(net).source.endswith("whole.npz")


def test_without_the_whole_the_part_is_used_and_the_rest_named(
    tmp_path: Path, cache: Path, card: str
) -> None:
    (tmp_path / "files").mkdir()
    whole = write_weights(tmp_path / "whole.npz")
    lower = tmp_path / "files" / "lower.npz"
    np.savez(lower, **{name: tensor for name, tensor in tensors().items() if name.startswith("colour")})
    with serve(tmp_path / "files") as url:
        net = write_network(
            tmp_path, card, card_entry(whole, "http://127.0.0.1:9"), card_entry(lower, url, "colour")
        )
        found = load_weights(net)
        assert [layer.name for layer in found.layers] == ["colour", "pool"]
        assert "could not download" in found.notes[0]
        assert found.notes[1].startswith("sum left out, because their weights are not available")
        with pytest.raises(WeightsError, match="no weights of tiny are available for sum"):
            load_weights(net, ["sum"])


PUBLISHED = {  # first kernel value and first bias of the Oxford release, as published with its Keras port
    "block1_conv1": (0.42947057, 0.73429835),
    "block2_conv1": (-0.008902963, -0.04577766),
    "block3_conv3": (0.0024918285, 0.035415243),
    "block4_conv2": (0.007116542, 0.023680462),
    "block5_conv3": (0.00040788297, 0.18837857),
}


@pytest.mark.network
def test_the_convolutions_of_vgg16_are_the_published_ones() -> None:
    found = load_weights(network("vgg16"), ["block5_pool"])
    assert len(found.tensors) == 26
    for layer, (kernel, bias) in PUBLISHED.items():
        assert found.tensors[f"{layer}.kernel"].flat[0] == np.float32(kernel)
        assert found.tensors[f"{layer}.bias"].flat[0] == np.float32(bias)
    last = found.tensors["block5_conv3.bias"]
    assert (last.min(), last.max()) == (np.float32(-0.50036746), np.float32(9.431553))
