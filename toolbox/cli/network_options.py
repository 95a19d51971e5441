"""Options and arguments of the commands for networks, for upkeep and for the set-up."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from typer import Argument, Option

from toolbox.terms import Removable

# Networks.
NetworkArgument = Annotated[str, Argument(help="Name of a network, or the path of a card.")]
GraphArgument = Annotated[
    Path, Argument(metavar="GRAPH", help="ONNX file of a network that classifies colour images.")
]
NetworkNameOption = Annotated[
    str | None,
    Option("--name", help="Name for the network. Without it, layers are listed and nothing is added."),
]
ActivationOption = Annotated[
    str | None, Option(help="Where to record: after or before the activation functions.")
]
PreprocessingOption = Annotated[
    str | None,
    Option(help="Preprocessing of the images in training: caffe, torch, tf, unit or none."),
]
SizeOption = Annotated[
    str | None,
    Option(help="Size of the images, where the graph takes any: 224, or 224x192 (height x width)."),
]
ResizeOption = Annotated[
    str | None, Option(help="How images are resized. Default: as usual with the preprocessing.")
]
ReplaceNetworkOption = Annotated[bool, Option(help="Overwrite an added network of that name.")]
FullGraphOption = Annotated[
    Path | None, Option(help="ONNX file to write, with every layer's activation map as an output.")
]
PooledGraphOption = Annotated[
    Path | None, Option(help="ONNX file to write, with the maximum and mean of every map as outputs.")
]
NoiseOption = Annotated[int, Option(help="Number of noise images, and size of the batch.")]
CheckedDeviceOption = Annotated[str, Option(help="Processor: auto, cpu or cuda.")]
CheckedPrecisionOption = Annotated[
    str, Option(help="bf16 (CPU) or tf32 (CUDA): compare it with float32, too.")
]

# Upkeep.
UsedSetArgument = Annotated[str | None, Argument(metavar="[SET]", help="Stimulus set to use from now on.")]
UsedModelOption = Annotated[
    str | None, Option("--model", help="Network whose responses to the set are used.")
]
VerifiedStudyArgument = Annotated[
    Path | None,
    Argument(help="Directory of the study; or a bundle: a zip or directory. Default: the study of --study."),
]
ThoroughOption = Annotated[
    bool,
    Option(
        "--thorough",
        help="Read every byte of the responses, too, compare their values, and compute roll-ups again.",
    ),
]
RemovedKindArgument = Annotated[
    Removable, Argument(parser=str, metavar="KIND", help="What is removed: set, model or scheme.")
]
RemovedNameArgument = Annotated[str, Argument(help="Its name.")]
RemovedFromOption = Annotated[
    str | None,
    Option(
        "--set",
        help="Stimulus set of the scheme, or of the responses. Default: the only set with that scheme; all sets with "
        "responses of that model.",
    ),
]
YesOption = Annotated[bool, Option("--yes", help="Delete without a question.")]
UsedSchemeOption = Annotated[str | None, Option("--scheme", help="Label scheme of the set to use.")]

# The set-up.
DemonstrationArgument = Annotated[Path, Argument(help="Study to create or continue.")]
ExaminedStudyOption = Annotated[
    Path | None, Option("--study", envvar="TOOLBOX_STUDY", help="Examine the folder of this study, too.")
]
FindingsFormatOption = Annotated[Literal["table", "json"], Option(help="Format: table or json.")]
