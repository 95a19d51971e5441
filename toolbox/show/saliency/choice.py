"""Which stimulus and which filter: finding both in a study. Owns what is refused before anything is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from toolbox.errors import StimulusError, UnknownNameError, UsageError
from toolbox.query import Query, ask
from toolbox.show.gallery.filters import recorded_layers
from toolbox.show.patches import Filter
from toolbox.store.folder import StudyFolder
from toolbox.store.selection import Selection
from toolbox.store.stimuli import Stimulus


@dataclass(frozen=True)
class SaliencyChoice:
    """The response that is explained.

    Attributes:
        stimulus: by its number, the path of its file, or the end of that path.
        layer: of the filter.
        filter: its number.
        patch: side of the patches that hide parts of the image, in pixels of the network's input; None for an eighth
            of the longer side of what the unit sees.
    """

    stimulus: int | str
    layer: str
    filter: int
    patch: int | None = None


def check_saliency(choice: SaliencyChoice) -> None:
    """Refuse numbers that are impossible for every study.

    Raises: UsageError.
    """
    number, patch = choice.filter, choice.patch
    if not _is_whole(number) or number < 0:
        raise UsageError(f"filter is {number!r}; expected the number of one filter, from 0")
    if patch is not None and (not _is_whole(patch) or patch < 1):
        raise UsageError(f"patch is {patch!r}; expected a whole number of pixels, 1 or more")


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def find_filter(study: StudyFolder, selection: Selection, choice: SaliencyChoice) -> Filter:
    """The layer and the number of the filter, which must have responses.

    Args:
        study: with the responses.
        selection: set and model.
        choice: of the filter.

    Raises: UnknownNameError for a layer; UsageError for a layer without responses, several layers, or a number that the
        layer lacks.
    """
    sizes = recorded_layers(study, selection, [choice.layer])
    if len(sizes) > 1:
        raise UsageError(
            f"layer {choice.layer!r} names {len(sizes)} layers; expected one, such as {[*sizes][-1]}"
        )
    ((layer, filters),) = sizes.items()
    if choice.filter >= filters:
        raise UsageError(f"no filter {choice.filter} in {layer}; expected 0 to {filters - 1}")
    return layer, choice.filter


def find_stimulus(stimuli: Mapping[int, Stimulus], wanted: int | str) -> Stimulus:
    """The stimulus of a number, of a path as the study stores it, or of the end of one path alone, also without suffix.

    Args:
        stimuli: of a set, by their numbers.
        wanted: such as 17, 'photographs/face/17.jpg', 'face/17.jpg', or 'face/17'.

    Raises: UnknownNameError; UsageError for the end of several paths.
    """
    by_name = {str(number): each for number, each in stimuli.items()}
    by_name |= {each.path: each for each in stimuli.values()}
    if found := by_name.get(str(wanted)):
        return found
    end = f"/{wanted}"
    ends = [
        each
        for each in stimuli.values()
        if each.path.endswith(end) or each.path.rpartition(".")[0].endswith(end)
    ]
    if len(ends) > 1:
        shown = ", ".join(each.path for each in ends[:3])
        raise UsageError(
            f"{len(ends)} stimuli end in {wanted!r} ({shown} …); expected a number, or a whole path"
        )
    if not ends:
        paths = [each.path for each in stimuli.values()]
        raise UnknownNameError(
            "stimulus", str(wanted), paths, "toolbox query filters/stimuli lists numbers and paths"
        )
    return ends[0]


def stored_response(study: StudyFolder, selection: Selection, one: Filter, stimulus: Stimulus) -> float:
    """The maximum of a filter's map for a stimulus, as the study stores it.

    Args:
        study: with the responses.
        selection: set and model.
        one: layer and number of the filter.
        stimulus: of the set.

    Raises: StimulusError where there is no response; UsageError where it is 0.
    """
    values = {"layer": one[0], "filter": one[1]}
    text = "select stimulus_id, maximum from responses where layer = $layer and filter = $filter"
    rows = ask(study, Query("sql", text, ships=True), values, selection).rows
    found = rows.filter(rows["stimulus_id"] == stimulus.stimulus_id)["maximum"]
    if found.is_empty():
        raise StimulusError(
            f"{stimulus.path} has no response yet; extract it first, or choose another stimulus"
        )
    response = float(found[0])
    if response == 0:
        raise UsageError(
            f"{stimulus.path} does not drive {one[0]}/{one[1]}: its response is 0, so there is nothing to explain; "
            "choose one of the stimuli that toolbox query filters/stimuli lists first"
        )
    return response
