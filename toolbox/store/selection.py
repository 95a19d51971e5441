"""The set, models and label scheme of a query. Owns completing a selection where only one choice is possible."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from toolbox.errors import AmbiguousError, UnknownNameError, UsageError
from toolbox.store.folder import StudyFolder, stored_name

OF_STIMULI = frozenset({"stimuli", "labels", "parameters"})
OF_RESPONSES = frozenset({"responses", "rollups", "significance", "resamples", "reliability"})
OF_LABELS = frozenset({"labels", "rollups", "significance", "resamples", "reliability"})
"""Views for which a set, a model and, or, a label scheme must be selected."""


@dataclass(frozen=True)
class Selection:
    """The selection of a query; where something is not named, the study must have only one.

    Attributes:
        set: a stimulus set.
        models: one model, or several to compare; a single name may be given as a string.
        scheme: a label scheme of the set.
    """

    set: str | None = None
    models: Sequence[str] = ()
    scheme: str | None = None

    def __post_init__(self) -> None:
        """Convert the models to a tuple, and compose the accents of all names, as they are stored.

        Raises: UsageError for a value that is not a name.
        """
        given = () if self.models is None else self.models
        models = (
            (given,)
            if isinstance(given, str)
            else tuple(given)
            if isinstance(given, list | tuple)
            else (given,)
        )
        for kind, name in (("set", self.set), ("scheme", self.scheme), *(("model", each) for each in models)):
            if name is not None and not isinstance(name, str):
                raise UsageError(f"{kind} is {name!r}; expected a name")
        object.__setattr__(self, "models", tuple(map(stored_name, models)))
        object.__setattr__(self, "set", self.set and stored_name(self.set))
        object.__setattr__(self, "scheme", self.scheme and stored_name(self.scheme))

    @property
    def model(self) -> str | None:
        """The single model; None where none is named.

        Raises: UsageError when several are named.
        """
        if len(self.models) > 1:
            raise UsageError(f"several models are named ({', '.join(self.models)}); expected only one")
        return next(iter(self.models), None)

    def names(self) -> dict[str, str]:
        """The selected names by kind: set, model, scheme."""
        names = {"set": self.set, "model": self.model, "scheme": self.scheme}
        return {kind: name for kind, name in names.items() if name is not None}


def resolve_selection(study: StudyFolder, views: Collection[str], selection: Selection) -> Selection:
    """The selection, completed with a set, a model and a scheme where the named views need them.

    Args:
        study: the study to choose from.
        views: the views that are read.
        selection: the user's selection.

    Raises: UnknownNameError for an unknown name; AmbiguousError where there are several candidates and none was named;
        UsageError where there is no candidate yet.
    """
    check_set(study, selection)
    for_responses = not OF_RESPONSES.isdisjoint(views)
    set_name, model, scheme = selection.set, selection.model, selection.scheme
    if set_name is None and (for_responses or not OF_STIMULI.isdisjoint(views)):
        candidates = _candidate_sets(study, for_responses, model)
        set_name = _only("stimulus set", candidates, "set", "toolbox ingest FOLDER")
    if not OF_LABELS.isdisjoint(views):
        schemes = study.schemes(set_name or "")
        scheme = _named_or_only("label scheme", scheme, schemes, "scheme", "ingest a set with categories")
    if for_responses or "layers" in views:
        remedy = f"toolbox extract {set_name or 'SET'}"
        model = _named_or_only("model", model, _candidate_models(study, set_name), "model", remedy)
    return Selection(set_name, (model,) if model else (), scheme)


def check_set(study: StudyFolder, selection: Selection) -> None:
    """Check that the selected stimulus set exists.

    Args:
        study: the study to choose from.
        selection: the user's selection.

    Raises: UnknownNameError.
    """
    sets = study.sets()
    if selection.set is not None and selection.set not in sets:
        raise UnknownNameError("stimulus set", selection.set, sets)


def _candidate_sets(study: StudyFolder, for_responses: bool, model: str | None) -> list[str]:
    """The candidate sets: those with responses of the named model, else those with responses, else all."""
    sets = study.sets()
    if not for_responses:
        return sets
    with_responses = [name for name in sets if study.models(name)]
    of_model = [name for name in with_responses if model in study.models(name)]
    return of_model or with_responses or sets


def _candidate_models(study: StudyFolder, set_name: str | None) -> list[str]:
    """The candidate models: those with responses to the set, or to any set."""
    sets = [set_name] if set_name else study.sets()
    return sorted({model for name in sets for model in study.models(name)})


def _named_or_only(kind: str, name: str | None, names: Sequence[str], option: str, remedy: str) -> str:
    """The given name, if it exists; without one, the only existing name."""
    if name is None:
        return _only(kind, names, option, remedy)
    if name not in names:
        raise UnknownNameError(kind, name, names, remedy)
    return name


def _only(kind: str, names: Sequence[str], option: str, remedy: str) -> str:
    """The only existing name.

    Raises: UsageError where there is none; AmbiguousError where there are several.
    """
    if not names:
        raise UsageError(f"the study has no {kind} yet; add one first ({remedy})")
    if len(names) > 1:
        raise AmbiguousError(kind, names, option)
    return names[0]
