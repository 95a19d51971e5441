"""What is related: the ranks of the stimuli, and responses. Owns what is refused once they are read."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from toolbox.errors import UnknownNameError, UsageError
from toolbox.query import Query, ask
from toolbox.resampling import FloatArray, IntArray
from toolbox.resampling.relation import RankedVariable, ranked_variable
from toolbox.store.parquet import read_table
from toolbox.store.parts import read_layer_of
from toolbox.store.plan import read_plan
from toolbox.store.relations import CATEGORY, Relation
from toolbox.store.resamples import Labelling
from toolbox.store.selection import Selection
from toolbox.terms import STATISTICS

_STIMULI = Query(
    "sql",
    "select * from related_stimuli($parameter, $given) order by stimulus_id, place",
    ships=True,
)
_VARIABLES = Query("sql", "select distinct variable from variables order by variable", ships=True)


@dataclass(frozen=True)
class ComparedStimuli:
    """The stimuli that count, with ranks minus the mean of their group, as the queries compute them.

    Attributes:
        numbers: (stimuli,): their stimulus_id, in increasing order.
        variable: (stimuli,): ranks of the parameter.
        given: (stimuli, given): ranks of what is held constant.
        groups: (stimuli,): number of the category if that is held constant, else 0.
    """

    numbers: IntArray
    variable: FloatArray
    given: FloatArray
    groups: IntArray

    @property
    def free(self) -> int:
        """Degrees of freedom of a correlation."""
        return int(len(self.numbers) - 1 - self.given.shape[1] - len(np.unique(self.groups)))

    def permuted(self, permutations: int, seed: int) -> RankedVariable:
        """The parameter, and its permutations.

        Args:
            permutations: how many.
            seed: equal seeds give equal permutations.
        """
        return ranked_variable(self.variable, self.given, self.groups, permutations, seed)


@dataclass(frozen=True)
class NetworkLayer:
    """What is known of a layer before its responses are read."""

    filters: int
    is_pool: bool


def compared_stimuli(labelling: Labelling, relation: Relation) -> ComparedStimuli:
    """The stimuli that count.

    Args:
        labelling: responses and label scheme.
        relation: the parameter, and what is held constant.

    Raises: UnknownNameError for a name that is no parameter or property of the set; UsageError where there are too few
        stimuli, or the parameter does not vary.
    """
    responses = labelling.responses
    selection = Selection(responses.set, responses.model, labelling.scheme)
    _check_names(labelling, relation)
    asked = {"parameter": relation.parameter, "given": relation.given}
    rows = ask(labelling.study, _STIMULI, asked, selection).rows
    columns = 1 + len([name for name in relation.given_names if name != CATEGORY])
    ranks = rows["residual"].to_numpy().astype(np.float64).reshape(-1, columns)
    first = rows.filter(pl.col("place") == 1)
    groups = np.unique(first["grouping"].to_list(), return_inverse=True)[1]
    stimuli = ComparedStimuli(first["stimulus_id"].to_numpy(), ranks[:, -1], ranks[:, :-1], groups)
    named = ", ".join(relation.given_names)
    if stimuli.free < 1:
        with_given = f" and {named}" if named else ""
        raise UsageError(
            f"labelled stimuli of {responses.set} with responses and a value of {relation.parameter}{with_given}: "
            f"{len(first)}; expected {columns + max(len(np.unique(groups)), 1) + 1} or more"
        )
    if not stimuli.permuted(1, 0).axis.any():
        once = f" once {named} is held constant" if named else ""
        raise UsageError(
            f"{relation.parameter} does not vary{once}, so no filter can be related to it; choose another parameter"
        )
    return stimuli


def _check_names(labelling: Labelling, relation: Relation) -> None:
    """Refuse a name that is no numeric parameter and no measured property of the set."""
    set_name = labelling.responses.set
    known = ask(labelling.study, _VARIABLES, selection=Selection(set=set_name)).rows["variable"].to_list()
    for name in (relation.parameter, *relation.given_names):
        if name not in (*known, *([CATEGORY] if name != relation.parameter else [])):
            remedy = f"toolbox parameters {set_name} --source FILE adds columns of a table"
            raise UnknownNameError("numeric parameter or property", name, known, remedy)


def network_layers(labelling: Labelling) -> dict[str, NetworkLayer]:
    """The extracted layers, by depth.

    Args:
        labelling: responses and label scheme.
    """
    responses = labelling.responses
    plan = read_plan(labelling.study.extraction(responses.set, responses.model))
    kept = plan.identity.recorded_layers if plan else ()
    rows = read_table(labelling.study.layers(responses.model)).sort_by("position").to_pylist()
    return {
        row["layer"]: NetworkLayer(row["filters"], row["kind"] == "pool")
        for row in rows
        if row["layer"] in kept
    }


def layer_responses(labelling: Labelling, layer: str, statistic: str, stimuli: IntArray) -> FloatArray:
    """(stimuli, filters): the responses of a layer to these stimuli, in their order.

    Args:
        labelling: whose responses.
        layer: name of the layer.
        statistic: 'maximum' or 'mean' of the activation map.
        stimuli: their stimulus_id.
    """
    both = read_layer_of(labelling.responses.paths(labelling.study), layer, stimuli)
    return both[STATISTICS.index(statistic)].astype(np.float64)
