"""Responses computed again from images that are there, and compared with those of a study. Writes nothing.

Downloads nothing: where the card or the weights of a network are not on this computer, that is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from toolbox.collect.extraction.accuracy import responses_to
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.task import Earlier, Request, Task, read_request, start_network
from toolbox.content import card_names
from toolbox.errors import ToolboxError
from toolbox.fetch import is_cached
from toolbox.network.architecture import Network
from toolbox.network.card import network
from toolbox.network.model import load_model
from toolbox.progress import silent
from toolbox.stimuli.contents import is_there
from toolbox.store.availability import AvailableResponses, available_responses, stimuli_with_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.parts import read_layer_of
from toolbox.store.plan import Plan, read_plan
from toolbox.store.records import read_record
from toolbox.store.verification import Problem

RECOMPUTED = 20
"""Number of stimuli whose responses are computed again."""
_TOLERANCE = 1e-3
"""Of the largest response of a layer: what other processors and algorithms change is far smaller."""


def recompute_responses(study: StudyFolder) -> tuple[list[Problem], list[str]]:
    """Compute responses to some stimuli of every set again, with every network that is on this computer.

    Args:
        study: the study.

    Returns: what differs from the stored responses, and what could not be computed again and why.
    """
    problems, notes = list[Problem](), list[str]()
    for set_name in study.sets():
        for model in study.models(set_name):
            try:
                problems += _problems_of(study, set_name, model)
            except ToolboxError as error:
                reason = str(error).partition("; ")[0]
                notes.append(f"responses of {model} to {set_name} were not computed again: {reason}")
    return problems, notes


def _problems_of(study: StudyFolder, set_name: str, model: str) -> list[Problem]:
    """What differs.

    Raises: ToolboxError where they cannot be computed.
    """
    available = available_responses(study, set_name, model)
    available.paths(study)  # refuses imported roll-ups
    folder = study.extraction(set_name, model)
    plan, record = read_plan(folder), read_record(folder, int(min(available.parts)))
    if plan is None or record is None:
        return []
    request = _request(study, set_name, model, record)
    present = stimuli_with_responses(study, set_name, model)
    sample = [number for number in sorted(present) if is_there(request.stimuli[number].file)]
    if not sample:
        raise ToolboxError("none of the images is where the study has it")
    chosen = sample[:: max(1, len(sample) // RECOMPUTED)][:RECOMPUTED]
    task = _task(request, plan)
    session = start_network(task, len(chosen), plan.identity.recorded_layers)
    presented, outputs = responses_to(session, task.network.input, [request.stimuli[each] for each in chosen])
    if not presented:
        raise ToolboxError("none of the images can be read, or all were changed since they were ingested")
    return [*_differences(study, available, presented, outputs)]


def _request(study: StudyFolder, set_name: str, model: str, record: dict[str, Any]) -> Request:
    """An extraction as the first one was.

    Raises: ToolboxError without the card or the weights.
    """
    if model not in card_names("models"):
        raise ToolboxError(f"no card of {model} is installed")
    net = network(model)
    if not any(source["format"] == "random" or is_cached(source) for source in net.weights):
        raise ToolboxError(f"the weights of {model} are not on this computer (toolbox model check {model})")
    recorded = record.get("preprocessing", {})
    chosen = {name: recorded[name] for name in ("decoding", "resize", "fit") if name in recorded}
    return read_request(study, set_name, Extraction(model=model, **chosen))


def _task(request: Request, plan: Plan) -> Task:
    """The network, which must be that of the plan.

    Raises: ToolboxError for another one.
    """
    net: Network = request.network
    model = load_model(net, list(plan.identity.recorded_layers), source="auto", progress=silent)
    if any(model.digests.get(layer) != digest for layer, digest in plan.identity.layers.items()):
        raise ToolboxError(f"the card or the weights of {net.name} on this computer are others")
    options = replace(request.options, precision=plan.identity.precision)  # type: ignore[arg-type]
    return Task(
        replace(request, options=options), Earlier(None, has_parts=False), model, plan.identity, silent, ()
    )


def _differences(
    study: StudyFolder, available: AvailableResponses, presented: Sequence[int], outputs: Any
) -> Iterator[Problem]:
    """A problem for every layer whose stored responses differ."""
    folder = f"responses/set={available.set}/model={available.model}"
    for layer in available.layers:
        stored = read_layer_of(available.paths(study), layer, presented)
        for name, values in zip(("maximum", "mean"), stored, strict=True):
            allowed = _TOLERANCE * max(float(np.abs(values).max()), 1e-6)
            largest = float(np.abs(values - outputs[f"{layer}.{name}"]).max())
            if largest > allowed:
                yield Problem(
                    folder,
                    f"has other responses of {layer} ({name}) than its images give: they differ by up to {largest:.3g}",
                    "extract again with replace (--replace), or ask whoever shared them",
                )
                break
