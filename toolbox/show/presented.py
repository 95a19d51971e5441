"""The network of a study's responses as it was when they were extracted, ready to present stimuli again.

Owns refusing another network: weights and preprocessing are compared with the identity in the plan of the extraction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from toolbox.content import card_names
from toolbox.errors import MixtureError, UsageError, command_line
from toolbox.network.architecture import Layer, Network
from toolbox.network.card import network
from toolbox.network.model import Model, load_model
from toolbox.progress import Progress, silent
from toolbox.store.availability import available_responses
from toolbox.store.folder import StudyFolder
from toolbox.store.imported_rollups import read_imported_rollups
from toolbox.store.plan import Identity, read_plan
from toolbox.store.records import read_record
from toolbox.store.selection import Selection, resolve_selection
from toolbox.store.stimuli import Stimulus, stimuli_of

PREPROCESSING = ("decoding", "resize", "fit")
"""Settings of an extraction that may differ from the card."""


@dataclass(frozen=True)
class Presented:
    """A network and the stimuli that were presented to it.

    Attributes:
        selection: set, model and, if there is one, label scheme.
        model: the network with its weights, up to the deepest layer that was asked for; its preprocessing is that of
            the extraction.
        identity: of the stored responses.
        stimuli: of the set, by their numbers.
    """

    study: StudyFolder
    selection: Selection
    model: Model
    identity: Identity
    stimuli: Mapping[int, Stimulus]

    @property
    def network(self) -> Network:
        """The network, with the preprocessing of the extraction."""
        return self.model.network

    def layer(self, name: str) -> Layer:
        """The description of a layer.

        Args:
            name: of a layer of the network.
        """
        return next(layer for layer in self.network.layers if layer.name == name)


def chosen_card(model: str | None) -> tuple[str | None, str | None]:
    """The name under which a study has a network, and the card that describes it.

    Args:
        model: a name, the path of a card, or None for the network that is meant.

    Returns: both; the card is None where it has the name of the network.
    Raises: UnknownNameError, CardError for a path.
    """
    is_path = model is not None and model.endswith(".toml")
    return (network(str(model)).name, model) if is_path else (model, None)


def open_presented(
    study: StudyFolder,
    selection: Selection,
    layers: Sequence[str],
    *,
    card: str | None = None,
    weights: str = "auto",
    progress: Progress = silent,
) -> Presented:
    """The network of a study, as far as some layers need it, and the stimuli of a set.

    Args:
        study: with the responses.
        selection: set, model and scheme; those that are meant if None.
        layers: names of the layers that will be computed, all of them recorded.
        card: path of the card, where none of the network's name is installed.
        weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
        progress: is called with the progress of a download of weights.

    Raises: UnknownNameError, UsageError for a name; WeightsError; MixtureError where the network is not the one whose
        responses are stored; VerificationError for a damaged table.
    """
    chosen = resolve_selection(study, {"responses"}, selection)
    set_name, name = str(chosen.set), str(chosen.model)
    available = available_responses(study, set_name, name)
    folder = study.extraction(set_name, name)
    plan = read_plan(folder)
    assert plan is not None  # there are responses
    imported = read_imported_rollups(folder)
    record = vars(imported) if imported else read_record(folder, int(min(available.parts)))
    described = _as_extracted(_network(name, card), record or {})
    model = load_model(described, layers, source=weights, progress=progress)
    _check_same(set_name, plan.identity, model)
    return Presented(study, chosen, model, plan.identity, stimuli_of(study, set_name))


def _network(name: str, card: str | None) -> Network:
    """The network of a card, which must have the name under which the responses are stored."""
    if card is None and name not in card_names("models"):
        raise UsageError(
            f"no card of {name} is installed, with which its responses were computed; give the path of the card "
            "with model=… (--model CARD.toml)"
        )
    return network(card or name)


def _as_extracted(described: Network, record: Mapping[str, object]) -> Network:
    """The network with the preprocessing that the record of a part names."""
    recorded = record.get("preprocessing")
    given = recorded if isinstance(recorded, Mapping) else {}
    usual = {"decoding": "full", "resize": described.input.resize, "fit": "stretch"}
    chosen = {name: given.get(name, usual[name]) for name in PREPROCESSING} if given else {}
    return replace(described, input=replace(described.input, **chosen))


def _check_same(set_name: str, identity: Identity, model: Model) -> None:
    """Refuse a network that computes other responses than those that are stored.

    Raises: MixtureError.
    """
    changed = [name for name, digest in model.digests.items() if identity.layers.get(name, digest) != digest]
    if changed:
        name = model.network.name
        again = command_line("extract", set_name, "--model", name, "--replace")
        raise MixtureError(
            f"the responses of {name} to {set_name} were computed with other weights or another preprocessing than "
            f"its card has now (from {changed[0]} on; the weights here are: {model.source}); give the card and the "
            f"weights of the extraction with model=… and weights=… (--model, --weights), or extract again: {again}"
        )
