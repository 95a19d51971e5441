"""Filling a study from Python: stimuli, labels, responses. Owns the signatures; `toolbox.collect` does the work."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.folder import create_study, stored_name
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import Convolution, Decoding, Engine, Fit, Missing, Precision, Resize

if TYPE_CHECKING:
    from toolbox.collect.extraction import Estimate, ExtractionReport
    from toolbox.collect.ingest import IngestReport
    from toolbox.collect.label import LabelReport


class StudyCollection(StudyDirectory):
    """What fills a study."""

    def ingest(
        self,
        source: str | Path | Sequence[str] | Sequence[Path],
        *,
        set: str | None = None,
        strict: bool = False,
        missing: Missing | None = None,
        bit_depth: int | None = None,
        dry_run: bool = False,
        progress: Progress | bool = True,
    ) -> IngestReport:
        """Add stimuli: a folder of category folders, a manifest, containers of images or a card in `datasets/`.

        What the set has already stays as it is.

        Args:
            source: the folder, the manifest (.csv, .tsv, .txt, .xlsx, .parquet), the card's name; or containers, whose
                images are read in place: .tar, .zip, .h5, .hdf5 or .parquet, one, several, or a folder of them.
            set: name of the stimulus set; None for a card, which brings its own.
            strict: refuse everything if one image cannot be used; else such images are listed in the report.
            missing: what a category such as 'nan' or 'None' means: 'unlabelled' stimuli, or a 'category' of that name;
                such a category is refused if None.
            bit_depth: bits of the grey values in new files of 16 bits: 12 makes 4095 white; None for 16. Responses to
                images of another bit depth are never read as those to these.
            dry_run: only report, or refuse, what would be ingested; nothing is written.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: how many stimuli were added, were known, and are in the set now, by category; what was rejected;
            warnings about pictures and categories.
        Raises: StimulusError, UsageError; nothing is written then.

        Example:
            >>> new = Study("new-study", create=True, title="Colours")
            >>> report = new.ingest("photographs", set="colours")
            >>> report.added, report.categories
            (6, {'green': 3, 'red': 3})
        """
        from toolbox.collect.ingest import ingest

        if not dry_run and not (self.folder.root / "study.toml").exists():
            create_study(self.folder.root, self._title)
        return ingest(
            self.folder,
            source,
            set_name=set,
            strict=strict,
            missing=missing,
            bit_depth=bit_depth,
            dry_run=dry_run,
            progress=shown(progress),
        )

    def label(
        self,
        set: str,
        *,
        scheme: str,
        source: str | Path,
        missing: Missing | None = None,
        replace: bool = False,
        dry_run: bool = False,
    ) -> LabelReport:
        """Label a set's stimuli again, as a scheme beside those that the set has; responses stay as they are.

        Args:
            set: the stimulus set.
            scheme: name of the labelling, to be chosen in queries and figures.
            source: a table (.csv, .tsv, .txt, .xlsx, .parquet) of stimuli, or of the set's categories, and their new
                labels.
            missing: what a label such as 'nan' or 'None' means, as of `ingest`.
            replace: overwrite other labels of that scheme.
            dry_run: only report, or refuse, what would be labelled; nothing is written.

        Returns: how many stimuli are labelled and unlabelled now, by category.
        Raises: StimulusError, UsageError; nothing is written then.

        Example:
            >>> report = study.label("colours", scheme="warmth", source="warmth.csv")
            >>> report.labelled, report.categories
            (6, {'cold': 3, 'warm': 3})
        """
        from toolbox.collect.label import label

        return label(
            self.folder,
            stored_name(set),
            scheme,
            Path(source),
            missing=missing,
            replace=replace,
            dry_run=dry_run,
        )

    def extract(
        self,
        set: str,
        *,
        model: str = "vgg16",
        layers: Collection[str] | str | None = None,
        weights: str = "auto",
        device: str = "auto",
        precision: Precision = "float32",
        convolution: Convolution = "winograd",
        decoding: Decoding | None = None,
        resize: Resize | None = None,
        fit: Fit | None = None,
        decoders: int = 0,
        batch: int | None = None,
        threads: int | None = None,
        limit: int | None = None,
        part: int | str | None = None,
        replace: bool = False,
        engine: Engine = "here",
        workers: int | None = None,
        address: str | None = None,
        gpus_per_worker: float = 0,
        progress: Progress | bool = True,
    ) -> ExtractionReport:
        """Present a set to a network and store the maximum and mean of every filter's activation map.

        Continues where an earlier extraction stopped.

        Args:
            set: the stimulus set.
            model: name of a network (`toolbox.models()` lists them), or the path of a card.
            layers: names of layers or patterns of names such as 'block5_*', one or several; None for the layers of
                the first extraction, or, in a first one, for all layers whose weights are available. Where there are
                responses of other layers, these are kept, and only what is missing is computed.
            weights: 'auto', a file (.h5, .onnx, .npz, .safetensors), or 'random:SEED'.
            device: 'auto', 'cpu', 'cuda', 'cuda:1', 'cuda:0,1', 'cuda:all', or 'tensorrt' likewise.
            precision: 'float32'; or, faster and less exact, 'bf16' on a CPU that has it, 'tf32' with CUDA.
            convolution: on a CPU, 'winograd' where that is faster, or 'direct'.
            decoding: 'full'; 'scaled' decodes large JPEGs faster, which changes responses; None for what the card
                says.
            resize: 'nearest', 'bilinear', 'bicubic', 'lanczos', 'box' (or 'area') or 'hamming'; changes responses;
                None for what the card says.
            fit: images of another aspect ratio: 'stretch', 'crop' or 'pad'; changes responses; None for what the card
                says.
            decoders: processes that decode images; 0 for threads. A script that asks for processes must start in
                `if __name__ == "__main__":`, as Python's multiprocessing requires.
            batch: images in one run of the network; None for what a short probe finds fastest.
            threads: of one run on a CPU; None for what the probe finds.
            limit: plan at most so many stimuli in all, evenly over categories; None for all.
            part: stimuli in a new part of the result; None for a tenth of the new ones, 50 to 1,000. 'i/n', such as
                '0/8' to '7/8', for one of n jobs, each of which presents every n-th part beside the others.
            replace: discard responses of other weights, layers or images; those of the same are kept.
            engine: who presents the stimuli: 'here', this process; 'processes' of this computer; or 'ray', a cluster.
                A script that asks for processes must start in `if __name__ == "__main__":`.
            workers: number of processes; None for one a core, two with CUDA or, of a cluster, one a computer or
                GPU.
            address: of a cluster that is running: 'auto', or what `ray start` prints; None to start one on this
                computer.
            gpus_per_worker: GPUs of every process of a cluster; 0.5 for two processes a GPU.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: how many stimuli were presented now and have responses, of which layers and filters.
        Raises: UsageError, UnknownNameError for an option; WeightsError, DeviceError, StorageError, BusyError;
            MixtureError when responses of other weights or layers are there.

        Example:
            >>> study.ingest("photographs", set="again").stimuli
            6
            >>> report = study.extract("again", model="tiny.toml", weights="tiny.npz", layers="pool")
            >>> report.stimuli, report.filters, report.layers
            (6, 3, ('pool',))
        """
        from toolbox.collect.extraction import Extraction, extract

        options = Extraction(
            model=model, layers=layers, weights=weights, device=device, precision=precision, convolution=convolution,
            decoding=decoding, resize=resize, fit=fit, decoders=decoders, batch=batch, threads=threads, limit=limit,
            part=part, replace=replace, engine=engine, workers=workers, address=address,
            gpus_per_worker=gpus_per_worker,
        )  # fmt: skip
        return extract(self.folder, stored_name(set), options, progress=shown(progress))

    def estimate(
        self,
        set: str,
        *,
        model: str = "vgg16",
        layers: Collection[str] | str | None = None,
        weights: str = "auto",
        device: str = "auto",
        precision: Precision = "float32",
        convolution: Convolution = "winograd",
        decoding: Decoding | None = None,
        resize: Resize | None = None,
        fit: Fit | None = None,
        decoders: int = 0,
        batch: int | None = None,
        threads: int | None = None,
        limit: int | None = None,
        part: int | str | None = None,
        replace: bool = False,
        engine: Engine = "here",
        workers: int | None = None,
        address: str | None = None,
        gpus_per_worker: float = 0,
        progress: Progress | bool = True,
    ) -> Estimate:
        """Estimate what `extract` with the same options would do and take; writes nothing.

        Weights that are missing are downloaded, since the estimate runs the network for about a second.

        Args:
            set: the stimulus set.
            model: as of `extract`.
            layers: as of `extract`.
            weights: as of `extract`.
            device: as of `extract`.
            precision: as of `extract`.
            convolution: as of `extract`.
            decoding: as of `extract`.
            resize: as of `extract`.
            fit: as of `extract`.
            decoders: as of `extract`.
            batch: as of `extract`.
            threads: as of `extract`.
            limit: as of `extract`.
            part: as of `extract`.
            replace: as of `extract`.
            engine: as of `extract`; the time is that of this process alone.
            workers: as of `extract`.
            address: as of `extract`.
            gpus_per_worker: as of `extract`.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: stimuli, parts and rows to come; expected time in seconds; memory and disk in bytes.
        Raises: as `extract`.

        Example:
            >>> study.ingest("photographs", set="again").stimuli
            6
            >>> expected = study.estimate("again", model="tiny.toml", weights="tiny.npz")
            >>> expected.stimuli, expected.filters, expected.rows
            (6, 8, 48)
        """
        from toolbox.collect.extraction import Extraction, estimate_extraction

        options = Extraction(
            model=model, layers=layers, weights=weights, device=device, precision=precision, convolution=convolution,
            decoding=decoding, resize=resize, fit=fit, decoders=decoders, batch=batch, threads=threads, limit=limit,
            part=part, replace=replace, engine=engine, workers=workers, address=address,
            gpus_per_worker=gpus_per_worker,
        )  # fmt: skip
        return estimate_extraction(self.folder, stored_name(set), options, progress=shown(progress))
