"""What commands take: every option and argument, written once.

The command modules do without `from __future__ import annotations`: typer evaluates the annotations of all commands at
every start, and text takes longer to evaluate than what is written here.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from typer import Argument, Option

from toolbox.query.indices import RESAMPLED, index_names
from toolbox.terms import Convolution, Decoding, Engine, Fit, Missing, Precision, Range, Resize, Statistic


class Format(StrEnum):
    """How rows are written."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"
    PARQUET = "parquet"


HERE = Path()

# Which study, and what of it.
StudyOption = Annotated[
    Path,
    Option(
        "--study", envvar="TOOLBOX_STUDY", help="Directory of the study, or its address: s3://bucket/prefix."
    ),
]
DEFAULT_IN_USE = "Default: the one in use (toolbox use), or the first."
SetOption = Annotated[str | None, Option("--set", help=f"Stimulus set. {DEFAULT_IN_USE}")]
ModelOption = Annotated[
    str | None, Option("--model", help=f"Network whose responses are used. {DEFAULT_IN_USE}")
]
ModelsOption = Annotated[
    list[str] | None,
    Option(
        "--model", help=f"Network whose responses are used. Repeat it to compare networks. {DEFAULT_IN_USE}"
    ),
]
SchemeOption = Annotated[str | None, Option("--scheme", help=f"Label scheme. {DEFAULT_IN_USE}")]

# What is printed, and how.
FormatOption = Annotated[
    Format | None,
    Option(
        help="Format of the rows: table, csv, json or parquet. Default: the suffix of --output, else table."
    ),
]
OutputOption = Annotated[Path | None, Option("--output", "-o", help="File to write instead of stdout.")]
FigureOption = Annotated[
    Path | None, Option("--figure", help="File for the figure: .html, .pdf, .png, .svg or .json.")
]
TextOption = Annotated[
    Path | None, Option("--text", help="File for the paragraph, which a reviewer can read: .md or .txt.")
]
QuietOption = Annotated[bool, Option("--quiet", "-q", help="Print no notes and no progress on stderr.")]
VersionOption = Annotated[bool, Option("--version", help="Print the version.")]

# Filling a study.
NewStudyArgument = Annotated[Path, Argument(help="A new or empty directory.")]
TitleOption = Annotated[str, Option(help="What the study is about. Default: the directory's name.")]
SourceArgument = Annotated[
    list[str],
    Argument(
        help="Folder with one subfolder per category, manifest (.csv, .tsv, .txt, .xlsx, .parquet), containers of "
        "images (.tar, .zip, .h5, .parquet), or a shipped set: lfw, gratings, caltech101."
    ),
]
NewSetOption = Annotated[
    str | None, Option("--set", help="Name of the stimulus set. Not for a shipped set, which has its name.")
]
CreateOption = Annotated[
    bool, Option("--create", help="Make a study of the directory, which is missing or empty.")
]
DryRunOption = Annotated[
    bool, Option("--dry-run", help="Report what would be done and refused; write nothing.")
]
StrictOption = Annotated[bool, Option(help="Add nothing if one image cannot be used.")]
MissingOption = Annotated[
    Missing | None,
    Option(
        parser=str,
        metavar="NAME",
        help="What a category such as nan or None means: unlabelled, or a category. Default: it is refused.",
    ),
]
BitDepthOption = Annotated[
    int | None,
    Option(
        help="Bits of the grey values in image files of 16 bits: 12 makes 4095 white. Default: 16.",
    ),
]
LabelledSetArgument = Annotated[str, Argument(metavar="SET", help="Stimulus set to label.")]
NewSchemeOption = Annotated[str, Option("--scheme", help="Name of the new label scheme, such as animacy.")]
LabelsOption = Annotated[
    Path,
    Option(
        "--source",
        metavar="FILE",
        help="Table (.csv, .tsv, .txt, .xlsx, .parquet) with the stimuli (stimulus_id, sha256, path or file) or the "
        "present categories (category), and a column with the new labels.",
    ),
]
ReplaceLabelsOption = Annotated[bool, Option(help="Overwrite other labels of that scheme.")]

# Extraction. The names of closed choices are checked where the options are, for Python and the command alike.
PresentedSetArgument = Annotated[str, Argument(metavar="SET", help="Stimulus set to present to the network.")]
NetworkOption = Annotated[
    str, Option("--model", help="Network: a name that `toolbox model list` prints, or the path of a card.")
]
LayersOption = Annotated[
    list[str] | None,
    Option("--layers", help="Name of a layer, or a pattern such as 'block5_*'; several may follow."),
]
WeightsOption = Annotated[
    str, Option("--weights", help="auto, a file (.h5, .onnx, .npz, .safetensors), or random:SEED.")
]
EstimateOption = Annotated[
    bool,
    Option(
        "--estimate",
        help="Estimate time, memory and disk, and write nothing. Missing weights are downloaded.",
    ),
]
DeviceOption = Annotated[
    str, Option(help="Processor: auto, cpu, cuda, cuda:0,1 (two GPUs), cuda:all, or tensorrt.")
]
PrecisionOption = Annotated[
    Precision,
    Option(
        parser=str,
        metavar="NAME",
        help="Numbers of the computation: float32; or, faster and less exact, bf16 (CPU) or tf32 (CUDA).",
    ),
]
ConvolutionOption = Annotated[
    Convolution,
    Option(parser=str, metavar="NAME", help="Convolutions on a CPU: winograd, which is faster, or direct."),
]
DecodingOption = Annotated[
    Decoding | None,
    Option(
        parser=str,
        metavar="NAME",
        help="JPEGs: full, or scaled, which decodes large ones faster and changes the responses. Default: as the "
        "network's card specifies.",
    ),
]
PresentedResizeOption = Annotated[
    Resize | None,
    Option(
        "--resize",
        parser=str,
        metavar="NAME",
        help="How images are resized: nearest, bilinear, bicubic, lanczos, box (area averages them, too) or hamming. "
        "Changes the responses. Default: as the network's card specifies.",
    ),
]
FitOption = Annotated[
    Fit | None,
    Option(
        parser=str,
        metavar="NAME",
        help="Images of another aspect ratio: stretch, crop the ends, or pad with mid-grey. Changes the responses. "
        "Default: as the network's card specifies.",
    ),
]
DecodersOption = Annotated[
    int, Option(help="Processes that decode images, to keep a GPU busy. 0: threads instead.")
]
BatchOption = Annotated[
    int | None, Option(help="Images in one run of the network. Default: the fastest in a short probe.")
]
ThreadsOption = Annotated[
    int | None, Option(help="CPU threads of one run. Default: the fastest in a short probe.")
]
LimitOption = Annotated[
    int | None, Option(help="Present at most so many stimuli, evenly over categories. Default: all.")
]


PartOption = Annotated[
    str | None,
    Option(
        metavar="NUMBER or I/N",
        help="Stimuli in one part of the result. Default: a tenth of them, 50 to 1,000. Or which of N jobs this is, "
        "0/8 to 7/8: each presents every Nth part, at the same time as the others.",
    ),
]
ReplaceResponsesOption = Annotated[bool, Option(help="Discard responses of other weights, layers or images.")]
EngineOption = Annotated[
    Engine,
    Option(
        parser=str,
        metavar="NAME",
        help="Who presents the stimuli: here (this process), processes (of this computer), or ray (a cluster).",
    ),
]
WorkersOption = Annotated[
    int | None,
    Option(
        help="Number of processes. Default: one a core, two with CUDA; of a cluster, one a computer or GPU."
    ),
]
AddressOption = Annotated[
    str | None,
    Option(help="Cluster that is running: auto, or what `ray start` prints. Default: one on this computer."),
]
GpusPerWorkerOption = Annotated[
    float, Option(help="GPUs of every process of a cluster; 0.5 for two processes a GPU.")
]

# Image properties.
MeasuredSetArgument = Annotated[str | None, Argument(metavar="[SET]", help=f"Stimulus set. {DEFAULT_IN_USE}")]

# Analysis.
AnalysedSetArgument = Annotated[str | None, Argument(metavar="[SET]", help=f"Stimulus set. {DEFAULT_IN_USE}")]
_INDEX = f"Index of selectivity: {', '.join(index_names(*RESAMPLED))}."
IndexOption = Annotated[str, Option(help=_INDEX)]
StatisticOption = Annotated[
    Statistic,
    Option(parser=str, metavar="NAME", help="Statistic of the activation map: maximum or mean."),
]
NormaliseOption = Annotated[
    Range,
    Option(
        parser=str,
        metavar="NAME",
        help="Range to which responses are normalised (equation 1): filter or layer.",
    ),
]
ThresholdsOption = Annotated[
    list[float] | None,
    Option(
        "--threshold",
        metavar="NUMBER",
        help="Count selective filters above this threshold too; several may follow. Default: those of the index.",
    ),
]
ResamplesOption = Annotated[int, Option(help="Number of bootstrap samples, and of permutations.")]
SeedOption = Annotated[int, Option(help="Seed of the random numbers. Equal seeds give equal results.")]
QueryArgument = Annotated[
    str | None,
    Argument(
        help="Name of a shipped query, such as layers/profile, a .sql file of your own, or a SELECT over the views."
    ),
]
FileOption = Annotated[Path | None, Option("--file", "-f", help="A .sql file of your own.")]
ListOption = Annotated[bool, Option("--list", help="List all shipped queries.")]
DescribeOption = Annotated[bool, Option("--describe", help="Print what a query means, takes and returns.")]
ParamOption = Annotated[
    list[str] | None,
    Option(
        "--param",
        "-p",
        help="Value of a parameter of the query, as name=value; for one that is called as another option.",
    ),
]
TableOption = Annotated[
    list[str] | None,
    Option(
        "--table",
        metavar="NAME=FILE",
        help="Table of your own (.csv, .tsv, .txt, .xlsx, .parquet) and its name in SQL. Repeat it for several.",
    ),
]
UntrustedOption = Annotated[
    bool,
    Option(
        "--untrusted",
        help="SQL of somebody else, which nobody has read: it has 60 s, 1 GB of memory and 20,000 characters.",
    ),
]
ReferenceOption = Annotated[
    Path,
    Option(
        "--reference",
        help="Published table (.csv, .tsv, .txt, .xlsx, .parquet) with the columns layer, filter, selectivity, "
        "and label or category.",
    ),
]
MapOption = Annotated[
    list[str] | None,
    Option(
        "--map",
        help="LABEL=CATEGORY: a label of the table and the category of the study that it means; several may follow.",
    ),
]
FiltersOption = Annotated[
    bool, Option("--filters", help="Print the values of every filter instead of their agreement.")
]
ReplicatedIndexOption = Annotated[
    str | None,
    Option(
        "--index",
        help=f"{_INDEX} Default: that of replication/layers.",
    ),
]
ReplicatedStatisticOption = Annotated[
    Statistic | None,
    Option(
        parser=str, metavar="NAME", help="Statistic of the activation map: maximum or mean. Default: mean."
    ),
]
ReplicatedRangeOption = Annotated[
    Range | None,
    Option(
        parser=str,
        metavar="NAME",
        help="Range to which responses are normalised (equation 1): filter or layer. Default: layer.",
    ),
]
ReplicatedThresholdOption = Annotated[
    float | None,
    Option("--threshold", help="Threshold of the index above which a filter is selective. Default: 0.01."),
]
CountOption = Annotated[
    int | None,
    Option("--count", help="Number of most selective filters whose overlap is computed. Default: 10."),
]
ScatterOption = Annotated[
    Path | None,
    Option("--figure", help="File for a scatter plot of the values: .html, .pdf, .png, .svg or .json."),
]
