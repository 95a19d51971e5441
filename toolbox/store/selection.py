"""The set, models and label scheme of a question. Owns what is meant where something is not named.

Where there is only one, it is meant; where there are several, the one in use (`toolbox use`), else the one that was
there first, with a note. A further set, model or scheme therefore never changes what a command means.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from toolbox.content import content_folder
from toolbox.errors import AmbiguousError, UnknownNameError, UsageError, command_line
from toolbox.store.folder import StudyFolder, stored_name
from toolbox.store.halves import Half
from toolbox.store.in_use import read_in_use
from toolbox.store.small_tables import SmallTables

_NOUNS = {"set": "stimulus set", "model": "model", "scheme": "label scheme"}

OF_STIMULI = frozenset(
    {"stimuli", "labels", "parameters", "observations", "variables", "properties", "property_values"}
)
_OF_RESULTS = frozenset(
    {"rollups", "significance", "resamples", "reliability", "relations", "relation_permutations"}
)
OF_RESPONSES = _OF_RESULTS | {"responses"}
OF_LABELS = _OF_RESULTS | {"labels"}
"""Views for which a set, a model and, or, a label scheme must be selected."""


@dataclass(frozen=True)
class Selection:
    """The selection of a query; where something is not named, the one in use, the only one or the first is meant.

    Attributes:
        set: a stimulus set.
        models: one model, or several to compare; a single name may be given as a string.
        scheme: a label scheme of the set.
        notes: what was chosen without being named, where there are several.
        half: the half of the labelled stimuli that is read; all of them if None.
    """

    set: str | None = None
    models: Sequence[str] = ()
    scheme: str | None = None
    notes: tuple[str, ...] = field(default=(), compare=False, repr=False)
    half: Half | None = field(default=None, repr=False)

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


@dataclass(frozen=True)
class MeantNames:
    """What is meant where something is not named.

    Attributes:
        kind: set, model or scheme.
        name: what is meant; None where there is none, or where it cannot be known.
        reason: 'in use', 'the only one', 'the first', 'none yet', or 'several'.
        names: all that could be meant.
    """

    kind: str
    name: str | None
    reason: str
    names: tuple[str, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader of a result should know of the choice, if there was one."""
        if self.name is None or len(self.names) < 2:
            return ()
        start = f"the study holds several {_NOUNS[self.kind]}s ({', '.join(self.names)}); {self.name} is "
        if self.reason == "in use":
            return (f"{start}in use",)
        other = f"{self.kind}=… (--{self.kind} …)"
        return (f"{start}used, as it was the first; choose another with {other}, or with: toolbox use",)


def resolve_selection(study: StudyFolder, views: Collection[str], selection: Selection) -> Selection:
    """The selection, completed with a set, a model and a scheme where the named views need them.

    Args:
        study: the study to choose from.
        views: the views that are read.
        selection: the user's selection.

    Raises: UnknownNameError for an unknown name; AmbiguousError where there are several candidates, none was named,
        and it is not known which was the first; UsageError where there is no candidate yet.
    """
    shared = resolve_labelling(study, views, selection)
    model, notes = shared.model, shared.notes
    if not OF_RESPONSES.isdisjoint(views) or "layers" in views:
        remedy = command_line("extract", shared.set or "SET")
        if model is None:
            choice = choose_model(study, shared.set)
            model, notes = _required(choice, choice.names, remedy), (*notes, *choice.notes)
        elif model not in (names := _files_of_models(study, shared.set)):
            raise _without_responses(shared.set, model, names)
    return Selection(shared.set, (model,) if model else (), shared.scheme, notes)


def _without_responses(set_name: str | None, model: str, names: Collection[str]) -> UsageError:
    """The error for a model without responses; one that ships is no typing error."""
    remedy = command_line("extract", set_name or "SET")
    if (content_folder("models") / f"{model}.toml").is_file():
        return UsageError(
            f"no responses of {model} to {set_name or 'any set'} are available yet; extract them first with: "
            f"{command_line('extract', set_name or 'SET', '--model', model)}"
        )
    return UnknownNameError("model", model, names, remedy)


def resolve_labelling(study: StudyFolder, views: Collection[str], selection: Selection) -> Selection:
    """The selection, completed with a set and a scheme where the named views need them; its models stay as they are.

    Args:
        study: the study to choose from.
        views: the views that are read.
        selection: the user's selection, which may name several models.

    Raises: as `resolve_selection`.
    """
    check_set(study, selection)
    set_name, scheme, notes = selection.set, selection.scheme, selection.notes
    for_responses = not OF_RESPONSES.isdisjoint(views)
    if set_name is None and (for_responses or not OF_STIMULI.isdisjoint(views)):
        choice = choose_set(study, selection.models, for_responses=for_responses)
        set_name = _required(choice, study.sets(), "toolbox ingest FOLDER")
        notes = (*notes, *choice.notes)
    if not OF_LABELS.isdisjoint(views):
        remedy = "ingest a set with categories"
        if scheme is None:
            choice = choose_scheme(study, set_name or "")
            scheme, notes = _required(choice, choice.names, remedy), (*notes, *choice.notes)
        elif scheme not in (names := study.schemes(set_name or "")):
            raise UnknownNameError("label scheme", scheme, names, remedy)
    return Selection(set_name, selection.models, scheme, notes)


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


def choose_set(study: StudyFolder, models: Collection[str] = (), *, for_responses: bool) -> MeantNames:
    """The set that is meant: of those with responses of the named models, else of those with responses, else of all.

    Args:
        study: the study to choose from.
        models: the named models.
        for_responses: whether the question is about responses.
    """
    every = {name: [study.stimuli(name)] for name in study.sets()}
    extracted = {name: study.models(name) for name in every} if for_responses else {}
    of_models = {name: found for name, found in extracted.items() if {*models} <= {*found}}
    with_responses = {
        name: [
            study.extraction(name, model).plan
            for model in (models if name in of_models and models else found)
        ]
        for name, found in (of_models or extracted).items()
        if found
    }
    return _choose("set", with_responses or every, read_in_use(study).get("set"))


def choose_model(study: StudyFolder, set_name: str | None) -> MeantNames:
    """The model that is meant: of those with responses to the set, or to any set.

    Args:
        study: the study to choose from.
        set_name: the set, if the question is about one.
    """
    in_use = read_in_use(study)
    is_meant = set_name in (None, in_use.get("set"))
    return _choose("model", _files_of_models(study, set_name), in_use.get("model") if is_meant else None)


def choose_scheme(study: StudyFolder, set_name: str) -> MeantNames:
    """The label scheme of a set that is meant.

    Args:
        study: the study to choose from.
        set_name: the set.
    """
    in_use = read_in_use(study)
    files = {scheme: [study.labels(set_name, scheme)] for scheme in study.schemes(set_name)}
    return _choose("scheme", files, in_use.get("scheme") if set_name == in_use.get("set") else None)


def _files_of_models(study: StudyFolder, set_name: str | None) -> dict[str, list[Path]]:
    """The models with responses to the set, or to any set, each with its plans."""
    files: dict[str, list[Path]] = {}
    for name in [set_name] if set_name else study.sets():
        for model in study.models(name):
            files.setdefault(model, []).append(study.extraction(name, model).plan)
    return dict(sorted(files.items()))


def _choose(kind: str, files: Mapping[str, Sequence[Path]], in_use: str | None) -> MeantNames:
    """What is meant of several candidates, each with the files whose creation made it one."""
    names = tuple(files)
    if in_use is not None:
        return MeantNames(kind, in_use, "in use", names)
    if len(names) < 2:
        return MeantNames(kind, next(iter(names), None), "the only one" if names else "none yet", names)
    first = _first(files)
    return MeantNames(kind, first, "several" if first is None else "the first", names)


def _first(files: Mapping[str, Sequence[Path]]) -> str | None:
    """The candidate whose file was created first; None where that is not known.

    Early versions did not record it. A single candidate of theirs was there before all others.
    """
    tables = SmallTables()
    times = {
        name: min(str(tables.origin(path).get("created", "")) for path in paths)
        for name, paths in files.items()
    }
    tables.save()
    earliest = [name for name, time in times.items() if time == min(times.values())]
    return earliest[0] if len(earliest) == 1 else None


def _required(choice: MeantNames, known: Collection[str], remedy: str) -> str:
    """The name that is meant.

    Raises: UsageError where there is none; AmbiguousError where there are several; UnknownNameError where the one in
        use was deleted.
    """
    if choice.name is not None and (not known or choice.name in known):
        return choice.name
    if choice.name is not None:
        hint = "it is in use; choose another with: toolbox use SET"
        raise UnknownNameError(_NOUNS[choice.kind], choice.name, known, hint)
    if choice.names:
        raise AmbiguousError(_NOUNS[choice.kind], choice.names, choice.kind)
    raise UsageError(f"the study has no {_NOUNS[choice.kind]} yet; add one first ({remedy})")
