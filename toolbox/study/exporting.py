"""Lists, responses and filters in the formats of other programs, from Python. Owns the signature of `export`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.terms import Statistic

if TYPE_CHECKING:
    from toolbox.design.exporting.run import ExportedList
    from toolbox.exchange.bridges.run import ExportedResponses


class StudyExport(StudyDirectory):
    """What writes for other programs."""

    def export(
        self,
        set: str | None = None,
        *,
        to: str,
        output: str | Path,
        source: str | Path | None = None,
        column: str | Sequence[str] | None = None,
        copy_images: str | Path | None = None,
        layers: str | Sequence[str] | None = None,
        filters: str | Path | None = None,
        statistic: Statistic | None = None,
        model: str | None = None,
        scheme: str | None = None,
    ) -> ExportedList | ExportedResponses:
        """Write a list of stimuli, responses, or a bank of filters, as another program reads them.

        A list of stimuli has paths relative to its folder. Names of columns become variables, and a text that a program
        would compute or take for a number, such as a category called '1', is written with the name of its column in
        front. Responses are stimuli x filters, in the unit of the network's activations, not normalised; stimuli
        without a category are exported, too.

        Warns (ResultWarning) of texts that were changed, and of responses that are not complete.

        Args:
            set: the stimulus set; the only one if None.
            to: of a list of stimuli, 'psychopy' (.csv, .xlsx), 'jspsych' (.json), 'bids' (.tsv, with a .json beside
                it), or 'csv' or 'xlsx' for OpenSesame and others; of responses, 'xarray' (.nc), 'rsatoolbox' (.hdf5),
                'npy' (a folder), 'csv-wide' (.csv) or 'h5ad' (AnnData); 'dmask' (.dmask.csv) of filters for DNNBrain.
            output: the file; of 'npy' a new folder.
            source: of a list, a table with the column stimulus_id, such as the list that `match` returns; the labelled
                stimuli of the scheme if None.
            column: of a list, variables of the stimuli that are columns, too, as of `match`.
            copy_images: of a list, folder for copies of the images, named after category and number; the list then
                names the copies.
            layers: of responses, names of layers or patterns such as 'block5_*'; all that were extracted if None.
            filters: of responses, table with the columns layer and filter, such as filters/representative or
                `probe` writes; all filters of the layers if None.
            statistic: of responses, 'maximum' or 'mean' of the activation map; the maximum if None.
            model: whose responses; the only one if None.
            scheme: the label scheme; the only one if None.

        Returns: files, and how much was written.
        Raises: UsageError for an option; StimulusError for a row that is no stimulus of the set, and for an image that
            is missing or has changed; ResourceError, StorageError where memory or disk are too small; nothing is
            written then.

        Example:
            >>> report = study.export("colours", to="psychopy", output="conditions.csv")
            >>> report.trials, report.categories
            (6, {'green': 3, 'red': 3})
            >>> report = study.export("colours", to="h5ad", output="colours.h5ad", layers="colour")
            >>> report.stimuli, report.filters
            (6, 3)
        """
        from toolbox.study.exports import ListOptions, ResponseOptions, export_as

        columns, names = (
            (each,) if isinstance(each, str) else tuple(each or ()) for each in (column, layers)
        )
        table, copies, bank = (Path(each) if each else None for each in (source, copy_images, filters))
        options = ListOptions(table, columns, copies), ResponseOptions(names, bank, statistic)
        report = export_as(self.folder, Selection(set, model or (), scheme), to, Path(output), options)
        self._warn(report.notes)
        return report
