"""What other programs read of a file that the toolbox exported."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

_READ_ANNDATA = """
import anndata, json, numpy, sys
found = anndata.read_h5ad(sys.argv[1])
backed = anndata.read_h5ad(sys.argv[1], backed="r")
assert numpy.array_equal(backed.X[:], found.X) and str(found.X.dtype) == "float32"
frame = lambda table: {name: [None if value != value else value for value in table[name].tolist()] for name in table}
print(json.dumps({
    "values": found.X.tolist(), "obs": frame(found.obs), "var": frame(found.var), "uns": {
        key: value if isinstance(value, str) else int(value) for key, value in found.uns.items()},
    "names": [found.obs_names.tolist(), found.var_names.tolist()],
    "layers": found.var["layer"].cat.categories.tolist(),
    "subset": found[:, found.var["layer"] == sys.argv[2]].X.tolist(),
}))
"""
_READ_DATASET = """
import json, rsatoolbox, sys
from rsatoolbox.data.dataset import load_dataset
found = load_dataset(sys.argv[1])
texts = lambda described: {name: list(map(str, values)) for name, values in described.items()}
rdm = rsatoolbox.rdm.calc_rdm(found, descriptor="category")
print(json.dumps({
    "values": found.measurements.tolist(), "obs": texts(found.obs_descriptors), "type": type(found).__name__,
    "channels": texts(found.channel_descriptors), "descriptors": {k: str(v) for k, v in found.descriptors.items()},
    "subset": found.subset_channel("layer", sys.argv[2]).measurements.tolist(),
    "categories": list(map(str, rdm.pattern_descriptors["category"])), "dissimilarities": rdm.dissimilarities.tolist(),
}))
"""


def read_by_anndata(python: str, file: Path, layer: str) -> dict[str, Any]:
    """What AnnData reads of a file, as a whole and backed; and of one layer."""
    return _read(python, _READ_ANNDATA, file, layer)


def read_by_rsatoolbox(python: str, file: Path, layer: str) -> dict[str, Any]:
    """What rsatoolbox reads of a file; of one layer; and the dissimilarities of categories."""
    return _read(python, _READ_DATASET, file, layer)


def _read(python: str, program: str, file: Path, layer: str) -> dict[str, Any]:
    command = [python, "-c", program, str(file), layer]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
    return dict(json.loads(found.stdout))


def read_mask(file: Path) -> dict[str, dict[str, list[int]]]:
    """A mask as DNNBrain reads it: layer -> axis -> numbers from 1.

    Source: `MaskFile.read` in dnnbrain/io/fileio.py of BNUCNL/dnnbrain, whose rules these are; the program itself is in
    no package index.
    """
    assert file.name.endswith(".dmask.csv")
    lines, found = file.read_text().splitlines(), dict[str, dict[str, list[int]]]()
    for place, line in enumerate(lines):
        if "=" in line:
            layer, axes = line.split("=")
            named = [axis for axis in axes.split(",") if axis]
            assert len(named) <= 3
            assert {*named} <= {"chn", "row", "col"}
            found[layer] = {
                axis: [int(number) for number in lines[place + below].split(",")]
                for below, axis in enumerate(named, 1)
            }
    return found
