"""Progress bars. Owns that they are seen on a terminal only, and what is printed when a user stops a task."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from toolbox.host import Stopped
from toolbox.printing import printable
from toolbox.progress import Progress, silent

if TYPE_CHECKING:
    from rich.progress import Progress as Bars


CONTINUES = "finished parts of the result are kept, and the same command continues from there"
STARTS_AGAIN = "nothing was written; the same command starts again"


@contextmanager
def progress_bars(quiet: bool, kept: str = CONTINUES) -> Iterator[Progress]:
    """A callback that shows a bar with rate and time left, on a terminal only; also notes what a stop keeps.

    Args:
        quiet: whether there is no bar.
        kept: what is printed of the work when a user stops it.
    """
    try:
        if quiet or not sys.stderr.isatty():
            yield silent
        else:
            with _bars() as bars:
                yield _callback(bars)
    except Stopped as stop:
        stop.kept = kept
        raise


def _callback(bars: Bars) -> Progress:
    """One bar for every task that reports."""
    tasks: dict[str, Any] = {}

    def show(task: str, done: int, total: int) -> None:
        if task not in tasks:
            tasks[task] = bars.add_task(printable(task), total=total or None)
        bars.update(tasks[task], completed=done, total=total or None)

    return show


def _bars() -> Bars:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    class Rate(TextColumn):
        """Things done in a second."""

        def render(self, task: Any) -> Any:
            task.fields["rate"] = f"{task.speed:,.1f}/s" if task.speed else ""
            return super().render(task)

    return Progress(
        TextColumn("{task.description}", markup=False),  # a name may contain brackets
        BarColumn(),
        MofNCompleteColumn(),
        Rate("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
