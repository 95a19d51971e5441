"""What usually follows a command. Owns the line `next: …`: a command that works as it is printed, or nothing."""

from __future__ import annotations

from os import environ
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.cli.options import HERE
from toolbox.cli.output import note
from toolbox.errors import command_line

if TYPE_CHECKING:
    from toolbox.analyse.significance import SignificanceReport
    from toolbox.show.rendering import RenderingReport
    from toolbox.study import Study


def print_next(words: list[str], study: Path, quiet: bool) -> None:
    """Print the command to run next.

    Args:
        words: what follows `toolbox`; nothing is printed if there are none.
        study: its directory, which is named unless the command would find it without.
        quiet: whether nothing is printed.
    """
    is_found = study == HERE or str(study) == environ.get("TOOLBOX_STUDY")
    place = [] if is_found else ["--study", str(study)]
    if words:
        note(f"next: {command_line(*words, *place)}", quiet)


def after_ingestion(study: Study, set_name: str) -> list[str]:
    """Extraction, unless the set has responses.

    Args:
        study: with the set.
        set_name: the stimulus set.
    """
    return [] if study.models(set_name) else ["extract", set_name]


def after_extraction(study: Study, set_name: str, model: str) -> list[str]:
    """Significance, unless an index was resampled, or there is nothing to compare.

    Args:
        study: with the responses.
        set_name: the stimulus set.
        model: name of the network.
    """
    schemes = study.folder.schemes(set_name)
    is_done = any(study.folder.resampled("filters", set_name, model, scheme).is_dir() for scheme in schemes)
    options = ["--model", model] if len(study.models(set_name)) > 1 else []
    return [] if is_done or not schemes else ["significance", set_name, *options]


def after_rendering(
    report: RenderingReport, as_set: str | None, model: str | None, weights: str
) -> list[str]:
    """The extraction of a set of rendered pictures by the same network.

    Args:
        report: on the pictures.
        as_set: the set to which they were added, if any.
        model: the network as it was named, if it was.
        weights: of the network, as they were named.
    """
    chosen = ["--weights", weights] if weights != "auto" else []
    return ["extract", as_set, "--model", model or report.model, *chosen] if as_set else []


def after_significance(study: Study, report: SignificanceReport, measure: dict[str, str]) -> list[str]:
    """The figure of the resampled index.

    Args:
        study: with the results.
        report: on them.
        measure: index, statistic and range, where they are not the usual ones.
    """
    chosen = [word for name, value in measure.items() for word in (f"--{name}", value)]
    several = {
        "set": (report.set, study.sets),
        "model": (report.model, study.models(report.set)),
        "scheme": (report.scheme, study.folder.schemes(report.set)),
    }
    options = [
        word for kind, (name, names) in several.items() if len(names) > 1 for word in (f"--{kind}", name)
    ]
    return ["plot", "layers/significant", *chosen, *options]
