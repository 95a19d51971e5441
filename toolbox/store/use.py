"""What commands mean where a study has several sets, models or schemes, and choosing it. Owns checking the choice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from toolbox.errors import UnknownNameError, UsageError, command_line
from toolbox.store.folder import StudyFolder
from toolbox.store.in_use import read_in_use, write_in_use
from toolbox.store.selection import MeantNames, choose_model, choose_scheme, choose_set


@dataclass(frozen=True)
class InUse:
    """What commands mean where nothing is named; None where there is none yet, or where one must be named.

    Attributes:
        reasons: by kind (set, model, scheme) 'in use', 'the only one', 'the first', 'none yet', or 'several'.
        names: by kind all that could be chosen.
    """

    set: str | None
    model: str | None
    scheme: str | None
    reasons: dict[str, str]
    names: dict[str, tuple[str, ...]]


def use(
    study: StudyFolder, set_name: str | None = None, *, model: str | None = None, scheme: str | None = None
) -> InUse:
    """Choose what commands mean where the study has several, and keep it in `study.toml`.

    A set replaces the whole earlier choice; a model or a scheme without a set is added to it. Nothing is written
    where nothing is named.

    Args:
        study: the study.
        set_name: the stimulus set.
        model: a model with responses to the set.
        scheme: a label scheme of the set.

    Returns: what is meant now.
    Raises: UnknownNameError; UsageError where a model or a scheme is named and it is not known of which set.
    """
    given = {"model": model, "scheme": scheme}
    named = {kind: name for kind, name in given.items() if name is not None}
    if set_name is not None or named:
        in_use = {"set": set_name} if set_name is not None else _present_choice(study)
        _check(study, in_use["set"], named)
        write_in_use(study, {**in_use, **named})
    return _in_use(study)


def _present_choice(study: StudyFolder) -> dict[str, str]:
    """The choice in `study.toml`; without one, the set that is meant."""
    in_use = read_in_use(study)
    name = in_use.get("set", choose_set(study, for_responses=True).name)
    if name is None:
        raise UsageError("no set is in use; name it, too: toolbox use SET --model MODEL --scheme SCHEME")
    return {**in_use, "set": name}


def _check(study: StudyFolder, set_name: str, named: dict[str, str]) -> None:
    """Refuse names that the study does not have."""
    _check_name("stimulus set", set_name, study.sets(), _remedy_for_set(study, set_name))
    if "model" in named:
        _check_name("model", named["model"], study.models(set_name), command_line("extract", set_name))
    if "scheme" in named:
        _check_name("label scheme", named["scheme"], study.schemes(set_name), command_line("label", set_name))


def _remedy_for_set(study: StudyFolder, name: str) -> str:
    """What to do about a name that no set has: perhaps it is that of a model or a scheme."""
    for set_name in study.sets():
        for option, names in (("model", study.models(set_name)), ("scheme", study.schemes(set_name))):
            if name in names:
                return f"{name} is a {option} of {set_name}: {command_line('use', set_name, f'--{option}', name)}"
    return "toolbox ingest FOLDER"


def _check_name(kind: str, name: str, known: Sequence[str], remedy: str) -> None:
    if name not in known:
        raise UnknownNameError(kind, name, known, remedy)


def _in_use(study: StudyFolder) -> InUse:
    """What is meant now."""
    of_set = choose_set(study, for_responses=True)
    nothing = (MeantNames("model", None, "none yet", ()), MeantNames("scheme", None, "none yet", ()))
    model, scheme = (
        (choose_model(study, of_set.name), choose_scheme(study, of_set.name)) if of_set.name else nothing
    )
    choices = (of_set, model, scheme)
    return InUse(
        of_set.name,
        model.name,
        scheme.name,
        {choice.kind: choice.reason for choice in choices},
        {choice.kind: choice.names for choice in choices},
    )
