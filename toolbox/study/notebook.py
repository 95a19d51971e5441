"""Progress bars in a notebook. Owns that they are seen there by default, and nowhere else: a script prints nothing."""

from __future__ import annotations

import sys
import time
from html import escape
from typing import Any

from toolbox.printing import printable
from toolbox.progress import Progress, duration, silent

_SECONDS_BETWEEN = 0.25
"""Of two updates; a notebook keeps up with a few in a second."""


def shown(progress: Progress | bool) -> Progress:
    """The callback that a method reports to.

    Args:
        progress: the user's own; True for bars where Python runs in a notebook; False for none.
    """
    if callable(progress):
        return progress
    return NotebookBars() if progress and _in_notebook() else silent


def _in_notebook() -> bool:
    """Whether a notebook's kernel runs this program; IPython in a terminal has none."""
    ipython: Any = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class NotebookBars:
    """A callback that shows every task as a bar, with its rate and the time left, in the output of the cell."""

    def __init__(self) -> None:
        """No bar before the first report."""
        self._display: Any = None
        self._starts: dict[str, tuple[float, int]] = {}
        self._lines: dict[str, tuple[str, str]] = {}
        self._updated = 0.0

    def __call__(self, task: str, done: int, total: int) -> None:
        """Show what is done, unless that was just shown.

        Args:
            task: the task.
            done: the amount done so far.
            total: the total amount; 0 while it is unknown.
        """
        now = time.monotonic()
        started, first = self._starts.setdefault(task, (now, done))
        self._lines[task] = _line(task, done, total, _state(done, done - first, total, now - started))
        if done == total or now - self._updated > _SECONDS_BETWEEN:
            self._updated = now
            self._show()

    def _show(self) -> None:
        from IPython import display as notebook

        display: Any = notebook.display
        html, plain = zip(*self._lines.values(), strict=True)
        bundle = {"text/html": "".join(html), "text/plain": "\n".join(plain)}
        if self._display is None:
            self._display = display(bundle, raw=True, display_id=True)
        else:
            self._display.update(bundle, raw=True)


def _line(task: str, done: int, total: int, state: str) -> tuple[str, str]:
    """A bar and its words, as HTML and as text."""
    length = f' value="{done}" max="{total}"' if total else ""
    task = printable(task)
    return f"<div>{escape(task)} <progress{length}></progress> {state}</div>", f"{task}: {state}"


def _state(done: int, done_here: int, total: int, seconds: float) -> str:
    """How much is done, how fast, and the time left; of a finished task, the time that it took."""
    if total and done >= total:
        return f"{done:,} in {duration(seconds)}"
    rate = done_here / seconds if seconds else 0.0
    if not rate:
        return f"{done:,} of {total:,}" if total else f"{done:,}"
    left = f" of {total:,}, {rate:,.1f}/s, {duration((total - done) / rate)} left"
    return f"{done:,}{left}" if total else f"{done:,}, {rate:,.1f}/s"
