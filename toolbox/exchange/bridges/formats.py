"""The formats of other programs by name. Owns what a file of each is called; a new one is a line here.

xarray      a data set (.nc), read by xarray.open_dataset
rsatoolbox  a Dataset (.hdf5, .h5), read by rsatoolbox.data.load_dataset
npy         a folder of arrays, a file a layer, with the lists of their rows and columns
csv-wide    a table with a row for every stimulus and a column for every filter
h5ad        AnnData (.h5ad), read by anndata.read_h5ad
dmask       a bank of filters as a mask of DNNBrain (.dmask.csv)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from toolbox.errors import UsageError
from toolbox.exchange.bridges.anndata import write_anndata
from toolbox.exchange.bridges.arrays import write_arrays
from toolbox.exchange.bridges.netcdf import write_netcdf
from toolbox.exchange.bridges.responses import LayeredResponses
from toolbox.exchange.bridges.rsatoolbox import write_dataset
from toolbox.exchange.bridges.wide import write_wide_table

Writer = Callable[[LayeredResponses, Path], list[Path]]


@dataclass(frozen=True)
class BridgeFormat:
    """A format in which responses are exported.

    Attributes:
        name: as the user names it.
        suffixes: what its file may end in; none of a folder.
        write: its files.
        value_bytes: bytes on disk of a response, at most.
        is_whole: whether all values are in memory at once, instead of those of a layer.
        has_cells: whether texts are in cells, which spreadsheets may evaluate.
    """

    name: str
    suffixes: Sequence[str]
    write: Writer
    value_bytes: int = 4
    is_whole: bool = False
    has_cells: bool = False


FORMATS = {
    each.name: each
    for each in (
        BridgeFormat("xarray", (".nc",), write_netcdf),
        BridgeFormat("rsatoolbox", (".hdf5", ".h5"), write_dataset),
        BridgeFormat("npy", (), write_arrays, has_cells=True),
        BridgeFormat("csv-wide", (".csv",), write_wide_table, value_bytes=12, is_whole=True, has_cells=True),
        BridgeFormat("h5ad", (".h5ad",), write_anndata),
    )
}
"""The formats of responses, by name."""
MASK, MASK_SUFFIXES = "dmask", (".dmask.csv",)
"""The format of a bank of filters, which needs no responses."""


def check_export_file(name: str, output: Path) -> None:
    """Refuse a file that the other program does not read, before anything is computed.

    Args:
        name: of the format.
        output: the file or folder.

    Raises: UsageError.
    """
    suffixes = FORMATS[name].suffixes if name in FORMATS else MASK_SUFFIXES
    if not suffixes and output.suffix.lower() in (".npy", ".npz", ".csv"):
        raise UsageError(f"{name} is a folder of files, not {output.name}; expected the name of a new folder")
    if suffixes and not output.name.lower().endswith(tuple(suffixes)):
        raise UsageError(f"{name} cannot be written to {output.name}; expected {' or '.join(suffixes)}")
    if suffixes and output.is_dir():
        raise UsageError(f"{output} is a directory; expected the name of a file")
