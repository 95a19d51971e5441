"""Which set, models and label scheme a question is about. Owns filling in what is the only possibility."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from toolbox.errors import AmbiguousError, UnknownNameError, UsageError
from toolbox.store.folder import StudyFolder

OF_STIMULI = frozenset({"stimuli", "labels", "parameters"})
OF_RESPONSES = frozenset({"responses", "rollups", "significance", "draws", "reliability"})
OF_LABELS = frozenset({"labels", "rollups", "significance", "draws", "reliability"})
"""Views for which a set, a model and, or, a label scheme must be selected."""


@dataclass(frozen=True)
class Selection:
    """What a question is about; what is not named is the only one that the study has.

    Attributes:
        set: a stimulus set.
        models: one model, or several to compare; a single name may be given as text.
        scheme: a label scheme of the set.
    """

    set: str | None = None
    models: Sequence[str] = ()
    scheme: str | None = None

    def __post_init__(self) -> None:
        """Keep the models as a tuple, however they were given."""
        models = (self.models,) if isinstance(self.models, str) else tuple(self.models or ())
        object.__setattr__(self, "models", models)

    @property
    def model(self) -> str | None:
        """The one model, None where none is named.

        Raises: UsageError when several are named.
        """
        if len(self.models) > 1:
            raise UsageError(f"{', '.join(self.models)} are several models; expected one")
        return next(iter(self.models), None)

    def known(self) -> dict[str, str]:
        """What is named, by what it is: set, model, scheme."""
        names = {"set": self.set, "model": self.model, "scheme": self.scheme}
        return {kind: name for kind, name in names.items() if name is not None}


def resolve_selection(study: StudyFolder, views: Collection[str], selection: Selection) -> Selection:
    """The selection with a set, a model and a scheme where the named views need them.

    Raises: UnknownNameError for what is not there; AmbiguousError where several are, and none was named; UsageError
        where there is none yet.
    """
    for_responses = not OF_RESPONSES.isdisjoint(views)
    set_name, model, scheme = selection.set, selection.model, selection.scheme
    sets = study.sets()
    if set_name is not None and set_name not in sets:
        raise UnknownNameError("stimulus set", set_name, sets)
    if set_name is None and (for_responses or not OF_STIMULI.isdisjoint(views)):
        having = ([name for name in sets if study.models(name)] if for_responses else []) or sets
        if for_responses and model is not None:
            having = [name for name in having if model in study.models(name)] or having
        set_name = _only("stimulus set", having, "--set", "toolbox ingest FOLDER")
    if not OF_LABELS.isdisjoint(views):
        schemes = study.schemes(set_name or "")
        scheme = _named_or_only("label scheme", scheme, schemes, "--scheme", "ingest a set with categories")
    if for_responses or "layers" in views:
        models = (
            study.models(set_name) if set_name else sorted({m for name in sets for m in study.models(name)})
        )
        model = _named_or_only("model", model, models, "--model", f"toolbox extract {set_name or 'SET'}")
    return Selection(set_name, (model,) if model else (), scheme)


def _named_or_only(kind: str, name: str | None, names: Sequence[str], option: str, remedy: str) -> str:
    if name is None:
        return _only(kind, names, option, remedy)
    if name not in names:
        raise UnknownNameError(kind, name, names, remedy)
    return name


def _only(kind: str, names: Sequence[str], option: str, remedy: str) -> str:
    if not names:
        raise UsageError(f"the study has no {kind} to ask about yet; first: {remedy}")
    if len(names) > 1:
        raise AmbiguousError(kind, names, option)
    return names[0]
