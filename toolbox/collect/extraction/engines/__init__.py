"""Who presents the parts of an extraction. Each module is one engine: a function `schedule(parts, worker, presented)`.

here        this process
processes   processes of this computer
ray         processes of a cluster of computers

The unit of work is the number of a part. An engine lets workers present parts, and yields the report of each; only
numbers and the place of the plan travel. Workers write their parts themselves, so that a part which is presented twice,
because a worker was killed, does no harm. The process that asks for them holds the lock and the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext, suppress
from importlib import import_module

from toolbox.collect.extraction.parts import PartReport, PresentedStimuli, Run
from toolbox.collect.extraction.worker import Count, Worker
from toolbox.files import remove_file, sweep
from toolbox.store.checksums import forget
from toolbox.store.plan import write_plan

Schedule = Callable[[Sequence[int], Worker, Count], Generator[PartReport, None, None]]


def present_parts(run: Run) -> PresentedStimuli:
    """Present the stimuli of all parts of a run, and write each part.

    Args:
        run: the run, whose options choose the engine.

    Raises: what a worker raises, wherever it runs.
    """
    numbers = run.planned.numbers
    if not numbers:
        return PresentedStimuli()
    engine = run.task.request.options.engine
    schedule: Schedule = import_module(f"{__name__}.{engine}").schedule
    progress = _Progress(run)
    others = nullcontext() if engine == "here" else _for_others(run)
    with others, closing(schedule(numbers, Worker(run), progress)) as stream:
        reports = [*stream]
    progress.finish()
    return PresentedStimuli(
        sum(report.count for report in reports),
        tuple(entry for report in reports for entry in report.unreadable),
        reports[0].arrangement,
        reports[0].agreement,
    )


class _Progress:
    """Reports the number of presented stimuli as the progress of a run."""

    def __init__(self, run: Run) -> None:
        self._report, self._name = run.task.progress, f"extract {run.task.request.set}"
        self._done, self._total = 0, len(run.planned.stimuli)
        self(0)

    def __call__(self, count: int) -> None:
        """Further stimuli were presented; those of a part that is repeated are counted twice."""
        self._done = min(self._done + count, self._total)
        self._report(self._name, self._done, self._total)

    def finish(self) -> None:
        """All parts are there."""
        if self._done < self._total:
            self(self._total)


@contextmanager
def _for_others(run: Run) -> Iterator[None]:
    """The plan, where other processes can read it before the first part is there; what they leave is removed."""
    folder = run.folder
    try:
        if run.place is None:  # else jobs have written it
            write_plan(folder.draft, run.planned.plan)
        yield
    finally:
        sweep(run.place or folder.plans)
        if run.place is None:
            remove_file(folder.draft)
            forget(folder.draft)
        with suppress(OSError):  # there are parts
            folder.plans.rmdir()
