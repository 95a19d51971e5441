"""Pictures of the filters of one layer: which are missing, made in batches, each kept as soon as it is finished."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolbox.network.model import Model
from toolbox.runtime.computation import onnxruntime_version
from toolbox.runtime.session import Session
from toolbox.show.rendering.ascent import Ascent, climb, start
from toolbox.show.rendering.canvas import Canvas
from toolbox.show.rendering.driving import NetworkDriver, start_network_driver
from toolbox.show.rendering.painting import Paint, channels_of, disc
from toolbox.show.rendering.proof import proven_responses, start_proof
from toolbox.show.rendering.recipe import PictureRecipe
from toolbox.show.rendering.spectrum import natural_amplitudes, wave_amplitudes
from toolbox.show.rendering.waves import FreePhases, FreeWaves, Waves
from toolbox.stimuli.images import Pixels, encode_png
from toolbox.store.folder import StudyFolder
from toolbox.store.rendered import Record, Subject, find_record, write_pictures

FIRST_NOISE = 0.1
"""Deviation of free waves before the first step."""
BATCH_PIXELS = 50_000
"""Pixels of a batch: larger ones do not fit the caches of a processor, and are no faster."""

MOST_PICTURES = 12
"""Pictures of a batch."""


@dataclass(frozen=True)
class Job:
    """The pictures of one layer that are wanted.

    Attributes:
        subjects: what each picture drives.
        base: the stimulus from which they start, fitted into the input; None for noise.
        origin: what the records tell of that stimulus.
        scales: typical response of every filter, by which several are weighed against each other.
    """

    study: StudyFolder
    model: Model
    canvas: Canvas
    recipe: PictureRecipe
    subjects: Sequence[Subject]
    scales: Mapping[int, float]
    base: Pixels | None = None
    origin: Mapping[str, Any] | None = None

    @property
    def layer(self) -> str:
        """The name of the layer."""
        return self.canvas.layer.name

    @property
    def digest(self) -> str:
        """Of everything that determines the layer's responses."""
        return self.model.digests[self.layer]


def finished(job: Job) -> dict[Subject, Record]:
    """The records of the pictures that are there already, made of the same network by the same recipe.

    Raises: VerificationError for a damaged picture.
    """
    found = {subject: find_record(job.study, subject) for subject in job.subjects}
    recipe = job.recipe.describe()
    return {
        subject: record
        for subject, record in found.items()
        if record is not None and (record.digest, dict(record.recipe)) == (job.digest, recipe)
    }


def make(job: Job, on_step: Callable[[int], None]) -> Iterator[Record]:
    """Make the pictures of a job, a batch at a time; a batch is kept before the next one starts.

    Args:
        job: the pictures.
        on_step: is called after every step with the number of pictures that made it, and in the end of each picture
            with the steps that it did not need.

    Returns: the records, each when its picture is kept.
    Raises: GradientError when the gradient would have to pass an operator without a rule.
    """
    driver = start_network_driver(job.canvas, job.model.network.input, _weights(job))
    session = start_proof(job.model, job.layer)
    how = paint_of(job)
    size = _batch_size(job)
    for first in range(0, len(job.subjects), size):
        numbers = range(first, min(first + size, len(job.subjects)))
        ascents = [_start(job, how, number) for number in numbers]
        climb(ascents, job.canvas.sides, _numbered(driver, numbers), job.recipe, on_step)
        on_step(sum(job.recipe.steps - len(ascent.responses) for ascent in ascents))
        yield from _keep(job, session, [job.subjects[number] for number in numbers], ascents)


def _batch_size(job: Job) -> int:
    """Pictures that are made at once: as many as pay, and no more than may be lost when a process is killed."""
    if job.model.network.batch:
        return 1
    return min(MOST_PICTURES, max(1, BATCH_PIXELS // int(np.prod(job.canvas.sides))))


def paint_of(job: Job) -> Paint:
    """Waves, window and contrast of the pictures of a job."""
    sides, recipe = job.canvas.painted_sides(job.recipe), job.recipe
    window = np.ones(sides)
    if recipe.window:
        field = min(job.canvas.sides)
        window = disc(*sides, diameter=(recipe.window - recipe.edge) * field, edge=recipe.edge * field)
    waves: Waves
    if recipe.free_amplitudes:
        base = np.zeros((3, *sides)) if job.base is None else _base(job.base, recipe)
        waves = FreeWaves(
            wave_amplitudes(*sides, recipe.low_pass or None).astype(np.float32), base.astype(np.float32)
        )
    else:
        waves = FreePhases(natural_amplitudes(*sides, recipe.low_pass or None).astype(np.float32), sides)
    return Paint(waves, window.astype(np.float32), recipe.gain)


def _base(pixels: Pixels, recipe: PictureRecipe) -> NDArray[np.float64]:
    return np.asarray(channels_of(pixels.transpose(2, 0, 1).astype(np.float64), recipe.gain))


def _weights(job: Job) -> NDArray[np.float32]:
    """For every picture, the weight of each filter: several filters count as parts of their typical responses."""
    weights = np.zeros((len(job.subjects), job.canvas.layer.filters), np.float32)
    for row, subject in zip(weights, job.subjects, strict=True):
        for number in subject.filters:
            row[number] = 1 if len(subject.filters) == 1 else 1 / job.scales[number]
    return weights


def _start(job: Job, how: Paint, number: int) -> Ascent:
    deviation = FIRST_NOISE if job.recipe.free_amplitudes else 1.0
    if job.base is not None:
        deviation = 0.0
    return start(how, job.subjects[number].seed, job.recipe, deviation)


def _numbered(driver: NetworkDriver, numbers: Sequence[int]) -> NetworkDriver:
    """The driver for the pictures of a batch, which are counted from 0."""
    return replace(driver, weights=driver.weights[list(numbers)])


def _keep(
    job: Job, session: Session, subjects: Sequence[Subject], ascents: Sequence[Ascent]
) -> Iterator[Record]:
    """Write the pictures of a batch with the proof of each."""
    margin = (job.canvas.painted_sides(job.recipe)[0] - job.canvas.sides[0]) // 2
    files = [encode_png(job.canvas.embed(ascent.pixels, margin)) for ascent in ascents]
    responses = proven_responses(session, job.model, files, job.layer, subjects[0].statistic)
    top, left = job.canvas.corner
    records = [
        Record(
            subject=subject,
            digest=job.digest,
            recipe=job.recipe.describe(),
            steps=len(ascent.responses),
            improved=not ascent.is_level,
            responses=tuple(float(own[number]) for number in subject.filters),
            place=(top, left, top + job.canvas.sides[0], left + job.canvas.sides[1]),
            sha256=hashlib.sha256(content).hexdigest(),
            versions={"onnxruntime": onnxruntime_version(), "numpy": np.__version__},
            origin=dict(job.origin or {}),
        )
        for subject, ascent, content, own in zip(subjects, ascents, files, responses, strict=True)
    ]
    write_pictures(job.study, list(zip(records, files, strict=True)))
    yield from records
