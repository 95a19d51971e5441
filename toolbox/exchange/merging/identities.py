"""What differs between the computations of two laboratories. Owns naming every difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from toolbox.errors import MixtureError
from toolbox.exchange.merging.labs import Lab
from toolbox.store.computed_with import ComputedWith
from toolbox.store.parquet import read_table
from toolbox.store.plan import Identity

MOST_LAYERS = 5
"""Layers that a difference names."""


def check_same_computation(labs: Sequence[Lab], model: str) -> None:
    """Refuse responses that were not computed by one network in one way.

    Args:
        labs: studies with responses of the model.
        model: its name.

    Raises: MixtureError, which names each difference.
    """
    first = labs[0]
    for other in labs[1:]:
        if differences := list(computation_differences(first, other, model)):
            raise MixtureError(
                f"the responses of {model} in {first.place} and {other.place} were not computed in one way: "
                f"{'; '.join(differences)}; extract both with the same card, weights and options, or merge other "
                "models with model=… (--model …)"
            )


def computation_differences(first: Lab, other: Lab, model: str) -> Iterator[str]:
    """What differs between two computations of the responses of a model, one text each.

    Args:
        first: a study.
        other: another.
        model: name of the model in both.
    """
    identities = [lab.plan(model).identity for lab in (first, other)]
    yield from identity_differences(*identities)
    if _has_other_digests(*identities):
        yield from _input_differences(*(lab.computed_with(model) for lab in (first, other)))
    tables = [read_table(lab.study.layers(model)).to_pylist() for lab in (first, other)]
    if tables[0] != tables[1]:
        yield f"other tables of layers ({_other_rows(*tables)})"


def identity_differences(first: Identity, other: Identity) -> Iterator[str]:
    """What differs between two identities, one text each.

    Args:
        first: an identity.
        other: another.
    """
    if first.model != other.model:
        yield f"model {first.model} and {other.model}"
    if changed := [name for name, digest in first.layers.items() if other.layers.get(name, digest) != digest]:
        yield f"other weights, architecture or preprocessing from layer {changed[0]} on ({len(changed)} layers)"
    for name in ("precision", "statistics"):
        if (mine := getattr(first, name)) != (theirs := getattr(other, name)):
            yield f"{name} {mine} and {theirs}"
    yield from _only("recorded", first.recorded_layers, other.recorded_layers)


def _only(what: str, first: Sequence[str], other: Sequence[str]) -> Iterator[str]:
    for place, mine, theirs in (("first", first, other), ("second", other, first)):
        if alone := [name for name in mine if name not in theirs]:
            more = f" and {len(alone) - MOST_LAYERS} more" if len(alone) > MOST_LAYERS else ""
            yield f"layers {what} only in the {place}: {', '.join(alone[:MOST_LAYERS])}{more}"


def _has_other_digests(first: Identity, other: Identity) -> bool:
    return any(other.layers.get(name, digest) != digest for name, digest in first.layers.items())


def _input_differences(first: ComputedWith, other: ComputedWith) -> Iterator[str]:
    """The source of the weights, and every value of the preprocessing, as the records of both state them."""
    if first.weights != other.weights:
        yield f"weights {', '.join(first.weights)!r} and {', '.join(other.weights)!r}"
    mine, theirs = first.preprocessing, other.preprocessing
    for name in dict.fromkeys((*mine, *theirs)):
        if mine.get(name) != theirs.get(name):
            yield f"{name} {mine.get(name)} and {theirs.get(name)}"


def _other_rows(first: Sequence[Mapping[str, Any]], other: Sequence[Mapping[str, Any]]) -> str:
    """The layers of which two tables state different things."""
    mine, theirs = ({row["layer"]: row for row in rows} for rows in (first, other))
    names = [name for name in dict.fromkeys((*mine, *theirs)) if mine.get(name) != theirs.get(name)]
    return ", ".join(names[:MOST_LAYERS]) or "in another order"
