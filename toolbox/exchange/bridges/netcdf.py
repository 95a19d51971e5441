"""Responses as a data set of xarray: a netCDF file with the dimensions stimulus and filter."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import h5py

from toolbox.distribution import install_command
from toolbox.errors import ToolboxError
from toolbox.exchange.bridges.responses import LayeredResponses
from toolbox.files import replace_file

_TEXT = h5py.string_dtype()


def write_netcdf(responses: LayeredResponses, path: Path) -> list[Path]:
    """Write a variable named after the statistic, with coordinates of stimuli and of filters.

    Coordinates of `stimulus` (its stimulus_id) are category, path and sha256; of `filter` (`<layer>_<number>`) layer,
    number, preferred and selectivity. A category that is not known is an empty text.

    Args:
        responses: what is exported.
        path: of the file.

    Raises: ToolboxError when h5netcdf is not installed.
    Source: CF conventions 1.11, section 5, coordinate systems; NetCDF-4 as HDF5 with dimension scales.
    """
    try:
        import h5netcdf
    except ImportError as error:
        raise ToolboxError(
            f"h5netcdf is not installed; install it with: {install_command('xarray')}"
        ) from error
    with replace_file(path) as fresh, h5netcdf.File(fresh, "w") as file:
        file.dimensions = dict(zip(("stimulus", "filter"), responses.shape, strict=True))
        file.attrs.update(responses.provenance)
        stimuli, filters = responses.stimuli, responses.filters
        _write(file, "stimulus", "stimulus", stimuli["stimulus_id"])
        _write(file, "filter", "filter", filters["name"])
        others = {name: ("stimulus", stimuli[name]) for name in stimuli.columns if name != "stimulus_id"}
        others |= {"number": ("filter", filters["filter"])}
        others |= {
            name: ("filter", filters[name]) for name in filters.columns if name not in ("name", "filter")
        }
        for name, (dimension, values) in others.items():
            _write(file, name, dimension, values)
        variable = file.create_variable(responses.statistic, ("stimulus", "filter"), "f4")
        variable.attrs["coordinates"] = " ".join(others)
        variable.attrs["long_name"] = f"{responses.statistic} of the activation map"
        for _, columns, block in responses.blocks():
            variable[:, columns] = block
    return [path]


def _write(file: Any, name: str, dimension: str, values: Any) -> None:
    """Write a coordinate; texts are UTF-8 of any length."""
    if values.dtype.is_numeric():
        file.create_variable(name, (dimension,), data=values.to_numpy())
        return
    texts: Sequence[str] = values.fill_null("").to_list()
    file.create_variable(name, (dimension,), _TEXT)[:] = texts
