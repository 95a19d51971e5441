"""The files of a probe: its figure and its bank. Owns when they can be written."""

from __future__ import annotations

from pathlib import Path

from toolbox.design.figures import check_figure, write_figure
from toolbox.design.probe.choices import Probing
from toolbox.design.probe.report import ProbeReport
from toolbox.errors import UsageError, expected_names
from toolbox.query import Answer
from toolbox.query.files import ROW_FORMATS, write_rows


def check_probe_files(figure: Path | None, bank: Path | None, choices: Probing) -> None:
    """Refuse files that cannot be written, before anything is computed.

    Args:
        figure: of the figure, if one is wanted.
        bank: of the bank, if it is wanted.
        choices: which must have the size of a bank.

    Raises: UsageError.
    """
    if figure is not None:
        check_figure(figure)
    if bank is None:
        return
    suffix = bank.suffix.removeprefix(".")
    if suffix not in ROW_FORMATS:
        raise UsageError(f"{bank} ends in {bank.suffix!r}; {expected_names(suffix, ROW_FORMATS)}")
    if not choices.bank_sizes:
        raise UsageError(f"{bank} is to hold a bank, but its size is missing: filters=64 (--filters 64)")


def write_probe_files(report: ProbeReport, figure: Path | None, bank: Path | None) -> None:
    """Write what is wanted of a report.

    Args:
        report: of a probe.
        figure: file for the figure.
        bank: file for the bank.
    """
    if figure is not None:
        write_figure(report.chart, figure, report.provenance)
    if bank is not None and report.bank is not None:
        write_rows(Answer(report.bank, dict(report.provenance)), bank)
