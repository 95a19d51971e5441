"""Numbers that are known of the stimuli, and the filters related to them, from Python. Owns the signatures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.store.selection import Selection
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown
from toolbox.terms import Statistic

if TYPE_CHECKING:
    from toolbox.collect.parameters import ParametersReport
    from toolbox.design.relation import RelationReport


class StudyRelation(StudyDirectory):
    """What relates filters to ratings, reaction times, response amplitudes and image properties."""

    def parameters(
        self,
        set: str,
        *,
        source: str | Path,
        column: Sequence[str] | None = None,
        observer: str | None = None,
        replace: bool = False,
        dry_run: bool = False,
    ) -> ParametersReport:
        """Add numeric columns of a table to the stimuli of a set, beside the parameters of its manifest.

        Args:
            set: the stimulus set.
            source: a table (.csv, .tsv, .txt, .xlsx, .parquet). The first of its columns stimulus_id, sha256, path,
                file and category identifies the stimuli of a row, as of `label`. A stimulus may have several rows, one
                of each observer or repetition; queries use the mean. Empty cells and NA are unknown.
            column: the columns that become parameters; all numeric columns if None.
            observer: the column that identifies the observers; None for observer, participant or subject, if there is
                one, else repeated rows of a stimulus are numbered.
            replace: whether other values that a parameter has already are overwritten.
            dry_run: only report, or refuse, what would be added; nothing is written.

        Returns: how many stimuli have a value of each parameter, and how many observations there are.
        Raises: UsageError for a name that is taken, or that cannot be one; StimulusError for a table that does not fit;
            nothing is written then.

        Example:
            >>> report = study.parameters("colours", source="ratings.csv")
            >>> report.parameters, report.repeats
            ({'rating': 6}, 2)
            >>> rows = study.query("relation/variables")
            >>> rows.filter(variable="rating").select("stimuli", "lowest", "highest").row(0)
            (6, 1.5, 4.5)
        """
        from toolbox.collect.parameters import add_parameters

        return add_parameters(
            self.folder, set, Path(source), column=column, observer=observer, replace=replace, dry_run=dry_run
        )

    def relate(
        self,
        set: str | None = None,
        *,
        parameter: str,
        given: Sequence[str] | None = None,
        statistic: Statistic = "maximum",
        threshold: Sequence[float] | None = None,
        resamples: int = 1000,
        seed: int = 0,
        model: str | None = None,
        scheme: str | None = None,
        progress: Progress | bool = True,
    ) -> RelationReport:
        """Test every filter for a rank correlation with a parameter of the stimuli, by permutations.

        Writes tables beside the responses, which `relation/filters` and `relation/layers` show; the same call again
        finds them there. The correlations themselves need no more than the queries.

        Args:
            set: the stimulus set; the only one with responses if None.
            parameter: a numeric parameter of the stimuli, or a measured property of the images.
            given: what is held constant: other parameters or properties, or `category`.
            statistic: 'maximum' or 'mean' of the activation map.
            threshold: absolute correlations above which related filters are counted too, from 0 to below 1.
            resamples: number of permutations; 20 or more.
            seed: equal seeds give equal permutations.
            model: whose responses; the only one if None.
            scheme: the label scheme, of which unlabelled stimuli are left out; the only one if None.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: how many filters are related to the parameter, after two corrections for their number.
        Raises: UnknownNameError for a name that the set has not; UsageError for an impossible option, or too few
            stimuli with values; BusyError; VerificationError when responses or tables are damaged.
        Source: Phipson and Smyth (2010), doi 10.2202/1544-6115.1585, for p; Benjamini and Hochberg (1995), doi
            10.1111/j.2517-6161.1995.tb02031.x, for q; Nichols and Holmes (2002), doi 10.1002/hbm.1058, for the FWE
            corrected p; Freedman and Lane (1983), doi 10.2307/1391660, for what is held constant.

        Example:
            >>> _ = study.parameters("colours", source="ratings.csv")
            >>> report = study.relate("colours", parameter="rating", resamples=100)
            >>> report.stimuli, report.filters, report.dead
            (6, 5, 1)
        """
        from toolbox.design.relation import Relating, relate

        choices = Relating(parameter, given, statistic, threshold, resamples, seed)
        return relate(self.folder, choices, Selection(set, model or (), scheme), progress=shown(progress))
