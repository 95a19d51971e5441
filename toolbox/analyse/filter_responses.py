"""The responses of one layer as a matrix, with its stimuli. Owns their order; normalises nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from toolbox.distribution import install_command
from toolbox.errors import ToolboxError, UsageError, expected_names
from toolbox.store.availability import available_responses
from toolbox.store.commits import read_between_commits
from toolbox.store.folder import StudyFolder
from toolbox.store.layer_responses import check_layer, presented_stimuli, resolve_responses
from toolbox.store.parts import read_layer
from toolbox.store.selection import Selection
from toolbox.terms import STATISTICS, Statistic

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class FilterResponses:
    """The responses of the filters of one layer to the stimuli of a set.

    Attributes:
        set: the stimulus set.
        model: whose responses.
        layer: its name.
        statistic: 'maximum' or 'mean' of the activation map.
        scheme: the label scheme of `category`; None where the set has none.
        values: float32 (stimuli, filters), read-only; in the unit of the network's activations, not normalised.
        stimuli: a row for every row of `values`: stimulus_id, path, category (null where it has no label).
        notes: what a reader should know, such as that responses are not complete.
    """

    set: str
    model: str
    layer: str
    statistic: Statistic
    scheme: str | None
    values: NDArray[np.float32]
    stimuli: pl.DataFrame
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """What it is of, and its shape."""
        stimuli, filters = self.values.shape
        of = f"{self.statistic} of {self.layer} of {self.model} for {self.set}"
        return f"FilterResponses({of}: {stimuli:,} stimuli x {filters:,} filters)"

    def labelled(self) -> FilterResponses:
        """The rows whose stimuli have a category, on which the indices of selectivity are computed.

        Example:
            >>> study.responses("colours", layer="pool").labelled()
            FilterResponses(maximum of pool of tiny for colours: 6 stimuli x 3 filters)
        """
        has_label = self.stimuli["category"].is_not_null()
        return replace(
            self, values=_read_only(self.values[has_label.to_numpy()]), stimuli=self.stimuli.filter(has_label)
        )

    def numpy(self) -> NDArray[np.float32]:
        """A copy of the values that may be changed: float32 (stimuli, filters).

        Example:
            >>> study.responses("colours", layer="sum").numpy()[0]  # 4 r, and a dead filter
            array([40.,  0.], dtype=float32)
        """
        return self.values.copy()

    def polars(self) -> pl.DataFrame:
        """A wide frame: the columns of the stimuli, then one for every filter: `filter_0`, `filter_1`, and so on.

        Example:
            >>> study.responses("colours", layer="sum").polars().columns
            ['stimulus_id', 'path', 'category', 'filter_0', 'filter_1']
        """
        names = [f"filter_{number}" for number in range(self.values.shape[1])]
        return self.stimuli.hstack(pl.DataFrame(self.values, schema=names, orient="row"))

    def xarray(self) -> xarray.DataArray:
        """A labelled array with the dimensions `stimulus` and `filter`.

        Coordinates are `stimulus` (stimulus_id), `path` and `category` of the stimuli, and `filter` (from 0); set,
        model, layer and scheme are attributes. It needs the package xarray: pip install "selectivity-toolbox[xarray]".

        Raises: ToolboxError when xarray is not installed.

        Example:
            >>> responses = study.responses("colours", layer="colour").xarray()
            >>> responses.groupby("category").mean().sel(category="red", filter=0).item()
            150.0
        """
        try:
            import xarray
        except ImportError as error:
            raise ToolboxError(
                f"xarray is not installed; install it with: {install_command('xarray')}"
            ) from error
        # Without labels a category is None, which xarray leaves out of groups.
        texts = {name: self.stimuli[name].to_numpy().astype(object) for name in ("path", "category")}
        return xarray.DataArray(
            self.numpy(),
            dims=("stimulus", "filter"),
            coords={
                "stimulus": self.stimuli["stimulus_id"].to_numpy(),
                "filter": np.arange(self.values.shape[1]),
                **{name: ("stimulus", values) for name, values in texts.items()},
            },
            name=self.statistic,
            attrs={"set": self.set, "model": self.model, "layer": self.layer, "scheme": self.scheme or ""},
        )


def filter_responses(
    study: StudyFolder, layer: str, selection: Selection | None = None, *, statistic: Statistic = "maximum"
) -> FilterResponses:
    """The responses of a layer, a row for every stimulus with responses, in the order of the stimuli's numbers.

    Args:
        study: where they are.
        layer: its name.
        selection: set, model and label scheme; the only ones if None.
        statistic: 'maximum' or 'mean' of the activation map.

    Raises: UnknownNameError, AmbiguousError for a name; UsageError for a statistic, or a layer without responses;
        VerificationError when parts or tables are damaged.

    Example:
        >>> filter_responses(study.folder, "pool", statistic="mean").values.shape
        (6, 3)
    """
    if statistic not in STATISTICS:
        raise UsageError(f"statistic is {statistic!r}; {expected_names(statistic, STATISTICS)}")
    chosen = selection or Selection()
    return read_between_commits(study, lambda: _read_responses(study, layer, chosen, statistic))


def _read_responses(
    study: StudyFolder, layer: str, selection: Selection, statistic: Statistic
) -> FilterResponses:
    """The responses of a layer, with their stimuli and labels."""
    chosen = resolve_responses(study, selection)
    set_name, model = str(chosen.set), str(chosen.model)
    responses = available_responses(study, set_name, model)
    check_layer(study, responses, layer)
    numbers, *both = read_layer(responses.paths(study), layer)
    order = np.argsort(numbers)  # parts come in the order in which they were planned
    return FilterResponses(
        set=set_name,
        model=model,
        layer=layer,
        statistic=statistic,
        scheme=chosen.scheme,
        values=_read_only(both[STATISTICS.index(statistic)][order]),
        stimuli=presented_stimuli(study, chosen, numbers[order], "path"),
        notes=(*chosen.notes, *responses.notes),
    )


def _read_only(values: NDArray[np.float32]) -> NDArray[np.float32]:
    values = np.ascontiguousarray(values)
    values.flags.writeable = False
    return values
