"""What the commands on stimulus parameters take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from typer import Argument, Option

ParametersSetArgument = Annotated[
    str, Argument(metavar="SET", help="Stimulus set whose stimuli get the parameters.")
]
ParametersOption = Annotated[
    Path,
    Option(
        "--source",
        metavar="FILE",
        help="Table (.csv, .tsv, .txt, .xlsx, .parquet) with the stimuli (stimulus_id, sha256, path, file or category) "
        "and columns of numbers.",
    ),
]
ColumnOption = Annotated[
    list[str] | None,
    Option("--column", help="Column that becomes a parameter; several may follow. Default: all of numbers."),
]
ObserverOption = Annotated[
    str | None,
    Option(
        help="Column that identifies the observers. Default: observer, participant or subject, if there is one; "
        "else repeated rows of a stimulus are numbered."
    ),
]
ReplaceParametersOption = Annotated[bool, Option(help="Overwrite other values of these parameters.")]
RelatedOption = Annotated[
    str, Option("--parameter", help="Numeric parameter of the stimuli, or a measured property of the images.")
]
GivenOption = Annotated[
    list[str] | None,
    Option(
        "--given",
        metavar="NAME",
        help="What is held constant: another parameter or property, or category; several may follow.",
    ),
]
RelationThresholdsOption = Annotated[
    list[float] | None,
    Option(
        "--threshold",
        metavar="NUMBER",
        help="Count related filters above this absolute correlation too; several may follow.",
    ),
]
PermutationsOption = Annotated[int, Option(help="Number of permutations of the stimuli.")]
