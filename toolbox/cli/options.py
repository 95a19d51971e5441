"""What commands take: every option and argument, written once.

The command modules do without `from __future__ import annotations`: typer evaluates the annotations of all commands at
every start, and text takes longer to evaluate than what is written here.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from typer import Argument, Option

from toolbox.errors import UsageError

if TYPE_CHECKING:
    from toolbox.store.selection import Selection
    from toolbox.study import Study


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


HERE = Path()

# Which study, and what of it.
StudyOption = Annotated[Path, Option("--study", envvar="TOOLBOX_STUDY", help="Directory of the study.")]
SetOption = Annotated[str | None, Option("--set", help="Stimulus set, where the study holds several.")]
ModelOption = Annotated[str | None, Option("--model", help="Model, where the study holds several.")]
ModelsOption = Annotated[
    list[str] | None,
    Option("--model", help="Model, where the study holds several; repeat it to compare models."),
]
SchemeOption = Annotated[str | None, Option("--scheme", help="Label scheme, where the set has several.")]

# What is printed, and how.
FormatOption = Annotated[
    Format | None, Option(help="How rows are written: a table, or what --output ends in.")
]
OutputOption = Annotated[Path | None, Option("--output", "-o", help="File to write instead of stdout.")]
QuietOption = Annotated[bool, Option("--quiet", "-q", help="No notes and no progress on stderr.")]
VersionOption = Annotated[bool, Option("--version", help="Show the version.")]

# Filling a study.
NewStudyArgument = Annotated[Path, Argument(help="A new or empty directory.")]
TitleOption = Annotated[str, Option(help="What the study is about.")]
SourceArgument = Annotated[
    str,
    Argument(help="Folder of category folders, manifest (.csv, .tsv, .parquet), or a card: lfw, gratings …"),
]
NewSetOption = Annotated[str | None, Option("--set", help="Name of the stimulus set; a card brings its own.")]
StrictOption = Annotated[bool, Option(help="Refuse everything if one image cannot be used.")]
LabelledSetArgument = Annotated[str, Argument(metavar="SET", help="Stimulus set to label.")]
NewSchemeOption = Annotated[str, Option("--scheme", help="Name of the new labelling, such as animacy.")]
LabelsOption = Annotated[
    Path,
    Option(
        "--source",
        metavar="FILE",
        help="Table (.csv, .tsv, .parquet): stimulus_id, sha256, path or category, and the new label.",
    ),
]
ReplaceLabelsOption = Annotated[bool, Option(help="Give up other labels of that scheme.")]

# Extraction.
PresentedSetArgument = Annotated[str, Argument(metavar="SET", help="Stimulus set to show.")]
NetworkOption = Annotated[
    str, Option("--model", help="Network: a name from `toolbox model list`, or a card's path.")
]
LayersOption = Annotated[
    list[str] | None, Option("--layers", help="Layer name or pattern such as 'block5_*'; may be repeated.")
]
WeightsOption = Annotated[
    str, Option("--weights", help="auto, a file (.h5, .onnx, .npz, .safetensors) or random:SEED.")
]
EstimateOption = Annotated[
    bool, Option("--estimate", help="Say what it will take; write nothing (missing weights are fetched).")
]
DeviceOption = Annotated[str, Option(help="auto, cpu, cuda, cuda:0,1, cuda:all, tensorrt.")]
PrecisionOption = Annotated[str, Option(help="float32; or, faster and less exact, bf16 (CPU), tf32 (CUDA).")]
ConvolutionOption = Annotated[str, Option(help="On a CPU: winograd, which is faster, or direct.")]
DecodingOption = Annotated[str | None, Option(help="full, or scaled: large JPEGs faster, not the same.")]
DecodersOption = Annotated[int, Option(help="Processes that decode, to keep a GPU busy; 0 for threads.")]
BatchOption = Annotated[int | None, Option(help="Images in one run of the network; probed if not given.")]
ThreadsOption = Annotated[int | None, Option(help="Of one run on a CPU; probed if not given.")]
LimitOption = Annotated[int | None, Option(help="At most so many stimuli, evenly over categories.")]
PartOption = Annotated[int | None, Option(help="Stimuli in a part of the result; 50 to 1,000 if not given.")]
ReplaceResponsesOption = Annotated[bool, Option(help="Give up responses made with other weights or layers.")]

# Analysis.
AnalysedSetArgument = Annotated[
    str | None, Argument(metavar="[SET]", help="Stimulus set, where there are several.")
]
IndexOption = Annotated[str, Option(help="contrast, share, csi, fsi, d_prime, welch_t, auc …")]
StatisticOption = Annotated[str, Option(help="maximum or mean of the map.")]
NormaliseOption = Annotated[str, Option(help="filter or layer: the range of equation 1.")]
ThresholdsOption = Annotated[
    list[float] | None,
    Option("--threshold", help="Where filters are counted; may be repeated. Default: 0.01 and 0.1."),
]
ResamplesOption = Annotated[int, Option(help="Number of bootstrap samples, and of permutations.")]
SeedOption = Annotated[int, Option(help="Equal seeds give equal results.")]
QueryArgument = Annotated[
    str | None, Argument(help="Name such as layers/profile, or a SELECT over the views.")
]
FileOption = Annotated[Path | None, Option("--file", "-f", help="A .sql file of your own.")]
ListOption = Annotated[bool, Option("--list", help="Show all shipped queries.")]
DescribeOption = Annotated[bool, Option("--describe", help="Show what a query means, takes and returns.")]
ParamOption = Annotated[
    list[str] | None, Option("--param", "-p", help="A parameter of the query, as name=value.")
]
ReferenceOption = Annotated[
    Path, Option("--reference", help="Table (.csv, .tsv, .parquet): layer, filter, selectivity, label.")
]
MapOption = Annotated[
    list[str] | None,
    Option("--map", help="LABEL=CATEGORY, where table and study call it differently."),
]
FiltersOption = Annotated[bool, Option("--filters", help="The values of every filter, not their agreement.")]
ReplicatedIndexOption = Annotated[str | None, Option("--index", help="Index here; contrast if not given.")]
ReplicatedStatisticOption = Annotated[
    str | None, Option("--statistic", help="maximum or mean of the map; mean if not given.")
]
ReplicatedRangeOption = Annotated[
    str | None, Option("--normalise", help="Range of filter or layer; layer if not given.")
]
ReplicatedThresholdOption = Annotated[
    float | None, Option("--threshold", help="A filter above it is selective; 0.01 if not given.")
]
CountOption = Annotated[
    int | None, Option("--count", help="Filters whose overlap is taken; 10 if not given.")
]
ScatterOption = Annotated[
    Path | None, Option("--figure", help="File for a scatter: .html, .png, .svg or .json.")
]

# Figures.
FigureArgument = Annotated[str, Argument(help="Name of a query that has a figure.")]
FigureFileOption = Annotated[
    Path | None, Option("--output", "-o", help="File: .html (default), .png, .svg or .json.")
]
ThumbnailsOption = Annotated[bool, Option(help="Show the images too; the file holds small copies then.")]

# Networks.
NetworkArgument = Annotated[str, Argument(help="Network, or a card's path.")]
GraphArgument = Annotated[Path, Argument(metavar="GRAPH", help="ONNX file: a classifier of colour images.")]
NetworkNameOption = Annotated[
    str | None,
    Option("--name", help="What the network is called here; without it, nothing is added."),
]
ActivationOption = Annotated[
    str | None, Option(help="Where to record: after or before the activation functions.")
]
PreprocessingOption = Annotated[
    str | None,
    Option(help="How the network's images were prepared: caffe, torch, tf, unit or none."),
]
SizeOption = Annotated[
    str | None,
    Option(help="Size of the images where the graph takes any: 224, or 224x192 (height, width)."),
]
ResizeOption = Annotated[
    str | None, Option(help="How images are brought to size; else what goes with the preprocessing.")
]
ReplaceNetworkOption = Annotated[bool, Option(help="Give up an added network of that name.")]
FullGraphOption = Annotated[Path | None, Option(help="ONNX file with every layer's map as an output.")]
PooledGraphOption = Annotated[Path | None, Option(help="ONNX file with maximum and mean of every map.")]
NoiseOption = Annotated[int, Option(help="Images of noise to compute; also the larger batch.")]
CheckedDeviceOption = Annotated[str, Option(help="auto, cpu or cuda.")]
CheckedPrecisionOption = Annotated[str, Option(help="bf16 (CPU) or tf32 (CUDA) is compared too.")]

# The set-up.
DemonstrationArgument = Annotated[Path, Argument(help="Study to make or continue.")]
ExaminedStudyOption = Annotated[
    Path | None, Option("--study", envvar="TOOLBOX_STUDY", help="Look at this study's folder too.")
]
FindingsFormatOption = Annotated[Literal["table", "json"], Option(help="table or json.")]


def study_at(directory: Path, *, make: bool = True) -> Study:
    """The study of a directory; only ingestion makes one.

    Args:
        directory: of the study.
        make: whether a missing or empty directory will do.

    Raises: UsageError when there is no study.
    """
    from toolbox.store.folder import open_study
    from toolbox.study import Study

    if not make:
        open_study(directory)
    return Study(directory)


def selection_of(set: str | None, models: str | Sequence[str] | None, scheme: str | None) -> Selection:
    """What a question is about.

    Args:
        set: the stimulus set, if named.
        models: one or several, if named.
        scheme: the label scheme, if named.
    """
    from toolbox.store.selection import Selection

    return Selection(set, models or (), scheme)


def parameters(given: Sequence[str] | None) -> dict[str, str]:
    """Values of a query's parameters, from texts such as 'threshold=0.05'.

    Raises: UsageError for a text without a value.
    """
    return pairs(given, "--param", "name=value")


def pairs(given: Sequence[str] | None, option: str, form: str) -> dict[str, str]:
    """What stands before and after the first `=` of each text.

    Args:
        given: the texts.
        option: which option they were given to, for the message.
        form: what was expected, for the message.

    Raises: UsageError for a text without a name or an `=`.
    """
    split = [entry.partition("=") for entry in given or ()]
    for name, equals, _ in split:
        if not equals or not name:
            raise UsageError(f"{option} {name!r} has no value; expected {form}")
    return {name: value for name, _, value in split}
