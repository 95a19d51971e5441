"""A network that presents parts and writes them: the same one in this process, in others, and on other computers.

While one part is written, the network computes the next one. Owns starting the network, once.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, replace
from glob import escape
from itertools import groupby, islice, tee
from pathlib import Path
from typing import Any

from toolbox.collect.extraction.accuracy import compare_with_exact
from toolbox.collect.extraction.options import Extraction
from toolbox.collect.extraction.parts import PartReport, Run, StartedNetwork, commit_part
from toolbox.collect.extraction.presentation import Batch, present
from toolbox.collect.extraction.remaining import PlannedParts, readable_plan
from toolbox.collect.extraction.task import load_task, read_request, start_network
from toolbox.errors import MixtureError, VerificationError
from toolbox.files import local_folder, place_name
from toolbox.progress import silent
from toolbox.store.folder import StudyFolder, check_study
from toolbox.store.plan import read_plan
from toolbox.store.stimuli import Stimulus

Count = Callable[[int], None]
"""Is called with the number of stimuli of every batch that was computed."""


def unnoticed(count: int) -> None:
    """Takes no notice of presented stimuli.

    Args:
        count: their number.
    """


@dataclass(frozen=True)
class WorkerPlace:
    """All that another process needs to present parts: where the study and the plan are. No image, weight or response.

    Attributes:
        study: the directory of the study, or its address in object storage.
        set: the stimulus set.
        options: the options of the extraction, with the recorded layers, and paths that do not depend on a directory.
        replaces: whether the parts will replace others.
        adds: whether they add layers to those.
        numbers: numbers of all parts of the run.
        run_name: name of the record of the run.
        place: as of `Run`.
        cores: number of cores of every worker; None for all.
    """

    study: str
    set: str
    options: Extraction
    replaces: bool
    adds: bool
    numbers: tuple[int, ...]
    run_name: str
    place: Path | None
    cores: int | None = None


class Worker:
    """A network that presents parts. It starts when it is first needed."""

    def __init__(self, run: Run, cores: int | None = None) -> None:
        """A worker that has not started yet.

        Args:
            run: what all parts have in common.
            cores: number of cores that it may use; None for all.
        """
        self.run, self.cores = run, cores
        self._networks: dict[tuple[str, ...], StartedNetwork] = {}

    @property
    def place(self) -> WorkerPlace:
        """What starts an equal worker in another process."""
        request, planned = self.run.task.request, self.run.planned
        layers = [escape(name) for name in self.run.task.identity.recorded_layers]
        alone: dict[str, Any] = {"engine": "here", "workers": None, "address": None, "gpus_per_worker": 0}
        # With replace, the layers of existing responses are not added to those that are named.
        options = replace(_with_absolute_paths(request.options), layers=layers, replace=True, **alone)
        return WorkerPlace(
            place_name(request.study.root),
            request.set,
            options,
            planned.folder != request.folder,
            planned.kept is not None,
            planned.numbers,
            self.run.name,
            self.run.place and self.run.place.absolute(),
        )

    def present(
        self, numbers: Iterable[int], presented: Count = unnoticed
    ) -> Generator[PartReport, None, None]:
        """Present the stimuli of some parts, and write each part.

        If the generator is closed early, a part that is being written is finished; one that is being computed is
        dropped.

        Args:
            numbers: numbers of the parts; the next one is asked for before the present one is computed.
            presented: is called with the number of stimuli of every batch.
        """
        for layers, group in groupby(numbers, self.run.missing_layers):
            yield from self._present_alike(self._network(layers), group, presented)

    def _network(self, layers: tuple[str, ...]) -> StartedNetwork:
        """The network that computes some layers."""
        if layers not in self._networks:
            task, stimuli = self.run.task, self.run.planned.stimuli
            part = max(len(self.run.planned.plan.parts[number]) for number in self.run.planned.numbers)
            session = start_network(task, len(stimuli), layers, part=part, cores=self.cores)
            agreement = compare_with_exact(task, session, stimuli, layers)
            self._networks[layers] = StartedNetwork(layers, session, agreement)
        return self._networks[layers]

    def _present_alike(
        self, network: StartedNetwork, numbers: Iterator[int], presented: Count
    ) -> Generator[PartReport, None, None]:
        """Present parts of which the same layers are missing."""
        request, session = self.run.task.request, network.session
        ahead, numbers = tee(numbers)
        stimuli = map(self._stimuli, ahead)
        stream = present(stimuli, request.network.input, session, request.options.decoders, self.cores)
        with _Writer(self.run, network) as writer, closing(stream):
            for number in numbers:
                found: list[Batch] = []
                # No batch spans two parts, so each part has a whole number of batches.
                for batch in islice(stream, -(-len(self.run.stimuli(number)) // session.batch)):
                    presented(len(batch.stimuli) + len(batch.unreadable))
                    found.append(batch)
                    writer.check()
                yield from writer.write(number, found)
            yield from writer.finish()

    def _stimuli(self, number: int) -> list[Stimulus]:
        return [self.run.task.request.stimuli[identifier] for identifier in self.run.stimuli(number)]


class _Writer:
    """Writes one part while the next one is presented; never writes two at once, however slow the disk is."""

    def __init__(self, run: Run, network: StartedNetwork) -> None:
        self._run, self._network = run, network
        self._pool = ThreadPoolExecutor(1, "write")
        self._writing: Future[PartReport] | None = None

    def __enter__(self) -> _Writer:
        return self

    def __exit__(self, *_: object) -> None:
        """Finish the part that is being written."""
        self._pool.shutdown()

    def check(self) -> None:
        """Raise the failure of the last write, if any, so that no further stimuli are presented."""
        if self._writing is not None and self._writing.done():
            self._writing.result()

    def write(self, number: int, found: Sequence[Batch]) -> Iterator[PartReport]:
        """Write a part after the previous one is written, whose report is returned."""
        yield from self.finish()
        self._writing = self._pool.submit(commit_part, self._run, number, found, self._network)

    def finish(self) -> Iterator[PartReport]:
        """Wait for the part that is being written, and return its report."""
        if self._writing is not None:
            report, self._writing = self._writing.result(), None
            yield report


def start_worker(place: WorkerPlace) -> Worker:
    """A worker in another process than the one that planned the parts; its network is not started yet.

    Args:
        place: where the study and the plan are.

    Raises: what `read_request` and `load_task` raise; MixtureError when the network of this computer is another one
        than that of the plan; VerificationError when the plan is missing.
    """
    study = StudyFolder(local_folder(place.study))
    check_study(study.root)
    task = load_task(read_request(study, place.set, place.options), silent)
    folder = task.request.folder.replacement if place.replaces else task.request.folder
    plan = read_plan(folder, draft=True) or read_plan(folder)
    if plan is None:
        raise VerificationError(f"{folder.plan} is missing; run the extraction again")
    if plan.identity != task.identity:
        raise MixtureError(
            f"the weights or the card of {task.network.name} where a worker runs are not those of the plan; use the "
            "same weights and card everywhere"
        )
    kept = task.earlier.plan if place.adds else None
    planned = PlannedParts(folder, plan, place.numbers, readable_plan(folder), kept)
    return Worker(Run(task, planned, place.run_name, place.place), place.cores)


def _with_absolute_paths(options: Extraction) -> Extraction:
    """The options with paths that mean the same in every directory."""
    model, weights = (
        str(Path(each).absolute()) if Path(each).is_file() else each
        for each in (options.model, options.weights)
    )
    return replace(options, model=model, weights=weights)
