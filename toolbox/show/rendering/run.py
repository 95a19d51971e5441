"""The use case that makes pictures which drive filters. Owns the order of its steps.

choices        what is refused before anything is read
natural        the filters, and the stimuli that drive them most
canvas         where a picture is in the input, and which unit it drives
recipe         the settings of its layer
making         the pictures that are missing, each kept with its proof
report         all pictures, compared with the best stimuli
sheets         the pictures beside these stimuli
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

from toolbox.network.architecture import Layer
from toolbox.progress import Progress, silent
from toolbox.show.patches import Filter
from toolbox.show.plots import AS_IT_IS, Layout
from toolbox.show.presented import Presented, chosen_card, open_presented
from toolbox.show.rendering.accentuation import Start, find_start
from toolbox.show.rendering.canvas import Canvas, canvas_of, whole_canvas
from toolbox.show.rendering.choices import Rendering, check_rendering
from toolbox.show.rendering.driving import check_gradient
from toolbox.show.rendering.making import Job, finished, make
from toolbox.show.rendering.natural import Best, best_stimuli, chosen_filters
from toolbox.show.rendering.recipe import PictureRecipe, accentuation, preset, with_steps
from toolbox.show.rendering.report import LEAST_RESPONSE, RenderedPicture, RenderingReport
from toolbox.show.rendering.sheets import check_width, draw_pictures
from toolbox.store.commits import finish_commit
from toolbox.store.folder import StudyFolder
from toolbox.store.rendered import Record, Subject, picture_file
from toolbox.store.selection import Selection, resolve_selection

TASK = "rendering"


def render_pictures(
    study: StudyFolder,
    selection: Selection,
    choices: Rendering,
    *,
    weights: str = "auto",
    layout: Layout = AS_IT_IS,
    progress: Progress = silent,
) -> RenderingReport:
    """Make pictures that drive filters, keep them in the study, and compare them with the best stimuli.

    Pictures that are finished, of the same network by the same recipe, are not made again.

    Args:
        study: with the responses.
        selection: set, model and scheme.
        choices: what to render, and how often.
        weights: 'auto', a file, or 'random:SEED', as they were for the extraction.
        layout: title and width of the sheet.
        progress: is called with the number of steps.

    Returns: the pictures, and their sheet.
    Raises: UsageError, UnknownNameError for a choice; MixtureError where the network is not the one whose responses are
        stored; GradientError when the gradient would have to pass an operator without a rule; VerificationError for a
        damaged picture; as `open_presented` and `find_patches`.
    """
    check_rendering(choices)
    check_width(layout)
    started = perf_counter()
    finish_commit(study)
    name, card = chosen_card(selection.model)
    views = {"responses", "labels"} if choices.categories else {"responses"}
    named = Selection(selection.set, (name,) if name else (), selection.scheme)
    selection = resolve_selection(study, views, named)
    filters, notes = chosen_filters(study, selection, choices)
    layers = list(dict.fromkeys(layer for layer, _ in filters))
    presented = open_presented(study, selection, layers, card=card, weights=weights, progress=progress)
    best = best_stimuli(study, presented.selection, filters, choices.statistic)
    asked = _Asked(presented, choices, filters, best, find_start(presented, filters, choices))
    jobs = [_job(asked, layer) for layer in layers]
    kept, made = _make_all(jobs, choices.replace, progress)
    pictures = tuple(_pictures(asked, jobs, {**kept, **made}, made))
    figure = draw_pictures(presented, pictures, best, asked.start, layout=layout, progress=progress)
    return RenderingReport(
        set=str(presented.selection.set),
        model=presented.network.name,
        pictures=pictures,
        rendered=len(made),
        seconds=perf_counter() - started,
        notes=(*selection.notes, *notes, *_notes(jobs, pictures), *figure.notes),
        figure=figure,
    )


@dataclass(frozen=True)
class _Asked:
    """What is rendered, for which categories, with the best stimuli, and from where it starts."""

    presented: Presented
    choices: Rendering
    filters: Mapping[Filter, str | None]
    best: Mapping[Filter, Sequence[Best]]
    start: Start | None


def _job(asked: _Asked, layer: str) -> Job:
    """The pictures of one layer."""
    presented, choices, start = asked.presented, asked.choices, asked.start
    own = [number for each, number in asked.filters if each == layer]
    groups = [tuple(own)] if choices.together else [(number,) for number in own]
    origin = start.sha256 if start else ""
    subjects = [
        Subject(presented.network.name, layer, group, choices.statistic, seed, origin)
        for group in groups
        for seed in choices.seed_list
    ]
    canvas = _canvas(asked, presented.layer(layer))
    return Job(
        presented.study,
        presented.model,
        canvas,
        _recipe(canvas, choices),
        subjects,
        {number: _scale(asked.best[layer, number]) for number in own},
        start.pixels if start else None,
        start.origin if start else None,
    )


def _scale(best: Sequence[Best]) -> float:
    """The response by which a filter is weighed; 1 where no stimulus drives it."""
    return best[0].response if best and best[0].response > LEAST_RESPONSE else 1.0


def _canvas(asked: _Asked, layer: Layer) -> Canvas:
    """The receptive field of a unit; of a stimulus to start from, all of it."""
    model, start = asked.presented.model, asked.start
    return (
        canvas_of(model, layer, asked.choices.statistic)
        if start is None
        else whole_canvas(model, layer, start.place)
    )


def _recipe(canvas: Canvas, choices: Rendering) -> PictureRecipe:
    """The preset, with the number of steps that was chosen."""
    field = canvas.layer.receptive_field
    recipe = accentuation() if choices.stimulus is not None else preset(field, is_whole=canvas.is_whole)
    return with_steps(recipe, choices.steps)


def _make_all(
    jobs: Sequence[Job], replace: bool, progress: Progress
) -> tuple[dict[Subject, Record], dict[Subject, Record]]:
    """The records of pictures that were finished, and of those that were made now."""
    kept: dict[Subject, Record] = {}
    missing: list[Job] = []
    for job in jobs:
        there = {} if replace else finished(job)
        kept |= there
        left = [subject for subject in job.subjects if subject not in there]
        missing += [Job(**{**vars(job), "subjects": left})] if left else []
    for job in missing:  # all of them, before the first picture is made
        check_gradient(job.canvas)
    count = _counter(sum(len(job.subjects) * job.recipe.steps for job in missing), progress)
    made = {record.subject: record for job in missing for record in make(job, count)}
    return kept, made


def _counter(total: int, progress: Progress) -> Callable[[int], None]:
    """A function that adds steps, and reports their number."""
    done = 0

    def count(steps: int) -> None:
        nonlocal done
        done += steps
        progress(TASK, done, total)

    return count


def _pictures(
    asked: _Asked, jobs: Sequence[Job], records: Mapping[Subject, Record], made: Collection[Subject]
) -> Iterator[RenderedPicture]:
    """All pictures, in the order in which their filters were chosen."""
    study, order = asked.presented.study, {one: number for number, one in enumerate(asked.filters)}
    subjects = [subject for job in jobs for subject in job.subjects]
    for subject in sorted(subjects, key=lambda each: order[each.layer, each.filters[0]]):
        yield RenderedPicture(
            record=records[subject],
            category=asked.filters[subject.layer, subject.filters[0]],
            best=tuple(asked.best[subject.layer, number][0] for number in subject.filters),
            file=picture_file(study, subject).relative_to(study.root).as_posix(),
            is_new=subject in made,
        )


def _notes(jobs: Sequence[Job], pictures: Sequence[RenderedPicture]) -> Iterator[str]:
    """What a reader should know of the canvases and of single pictures."""
    for job in jobs:
        if job.canvas.is_whole and job.base is None and job.canvas.place:
            yield (
                f"the units of {job.layer} have no receptive field that can be cut out of the image, so that the whole "
                "image is the canvas"
            )
    yield from (picture.caution for picture in pictures if picture.caution)
