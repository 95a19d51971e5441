"""What commands print of a network or a computer that they examined."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from toolbox.cli.tables import print_table
from toolbox.printing import printable

if TYPE_CHECKING:
    from toolbox.network.architecture import Network
    from toolbox.setup.checking import ModelCheck
    from toolbox.setup.doctor import Finding

from toolbox.cli.output import note, print_notes


def print_network(network: Network) -> None:
    """Print a network's input, weights, citation and licence."""
    entry = network.input
    note(f"{network.name}: {network.title}")
    colours = f"({entry.channels} - {entry.mean}) * {_scale(entry.scale)}"
    note(f"input: {entry.height} x {entry.width} ({entry.resize}, {entry.fit}), {colours}")
    if network.graph:
        note(f"graph: {network.graph} (recorded {network.activation} the activation functions)")
    print_notes(_weights(network), False, "weights: ")
    note(f"citation: {network.citation}")
    note(f"licence: {network.licence}")


def _weights(network: Network) -> list[str]:
    """Where the weights of a network come from."""
    from toolbox.fetch import describe

    if not network.weights and network.graph is None:
        return ["the card names no source; choose a file with --weights FILE"]
    return [
        f"random numbers, seed {source['seed']}" if source["format"] == "random" else describe(source)
        for source in network.weights
    ]


def _scale(scale: float | tuple[float, ...]) -> str:
    """One number, or one for each channel, for reading."""
    return f"({', '.join(f'{each:g}' for each in scale)})" if isinstance(scale, tuple) else f"{scale:g}"


def print_fidelity(report: ModelCheck, quiet: bool) -> None:
    """Print the comparisons of a network with itself as a table on stdout, notes on stderr.

    Args:
        report: all comparisons.
        quiet: whether the notes are left out.
    """
    print_notes(report.notes, quiet, "note: ")
    note(
        f"{report.images} images of noise were presented to {report.model}; weights: {report.weights}", quiet
    )
    note("difference: the largest in any layer, divided by the largest absolute value of that layer", quiet)
    print_table(report.table())


def print_findings(findings: tuple[Finding, ...]) -> None:
    """Print one line per finding, and its remedy below; plain, since what draws tables may be what is broken."""
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        typer.echo(printable(f"{finding.state:<7}  {finding.subject:<{width}}  {finding.finding}"))
        if finding.remedy:
            typer.echo(printable(f"{'':<7}  {'':<{width}}  -> {finding.remedy}"))
