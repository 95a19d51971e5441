"""Results that travel between laboratories, from Python. Owns the signatures; `toolbox.exchange` does the work."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolbox.progress import Progress
from toolbox.study.directory import StudyDirectory
from toolbox.study.notebook import shown

if TYPE_CHECKING:
    from toolbox.exchange.bundle.run import ShareReport
    from toolbox.exchange.importing.run import ImportReport


class StudyExchange(StudyDirectory):
    """What hands results on, takes in those of others, merges and compares them."""

    def share(
        self,
        output: str | Path | None = None,
        *,
        including: str | Sequence[str] | None = None,
        set: str | Sequence[str] | None = None,
        model: str | Sequence[str] | None = None,
        scheme: str | Sequence[str] | None = None,
        minimum_n: int = 1,
        include_images: bool = False,
        keep_names: bool = False,
        report: bool = False,
        title: str | None = None,
        author: str | Sequence[str] | None = None,
        licence: str | None = None,
        progress: Progress | bool = True,
    ) -> ShareReport:
        """Write a bundle: Parquet tables and descriptions that a collaborator can use without this toolbox.

        It contains stimuli, labels and roll-ups, from which every index from moments follows, but no pixels. Names of
        users, computers and observers, and absolute paths, are replaced. The same study gives the same bytes.

        Args:
            output: a new zip (.zip) or directory; None for a zip in the current directory with the study's title.
            including: what it contains beside roll-ups: 'significance', 'relations', 'responses'.
            set: the stimulus sets; all if None.
            model: the models; all if None.
            scheme: the label schemes; all if None.
            minimum_n: withhold categories of fewer stimuli, and what would allow to compute them.
            include_images: add copies of the images. You need the right to share them.
            keep_names: leave names and paths as they are.
            report: add the page of the report, without images.
            title: of the results, as a deposit shows it; that of the study if None.
            author: whose the results are, in their order: 'Family, Given', 'Family, Given; ORCID', or the name of a
                group without a comma; not stated if None.
            licence: an SPDX identifier such as 'CC-BY-4.0', or the address of another licence (https://…); not stated
                if None.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: the file or directory, its size in bytes, the number of files, the digest of the content, and notes.
        Raises: UsageError for options that cannot be, and where the output exists; UnknownNameError; VerificationError
            when tables or responses are damaged.

        Example:
            >>> shared = study.share("colours.zip")
            >>> shared.includes
            ('rollups',)
        """
        from toolbox.exchange.bundle.choices import Sharing
        from toolbox.exchange.bundle.run import share as share_study
        from toolbox.exchange.bundle.texts import Writers
        from toolbox.show.report.run import methods_text, write_report
        from toolbox.show.report.subject import Choices

        options = Sharing(
            including, set, model, scheme, minimum_n,
            include_images=include_images, keep_names=keep_names, report=report,
            title=title, author=author, licence=licence,
        )  # fmt: skip
        writers = Writers(
            methods=lambda selections, sharing: methods_text(
                self.folder,
                selections,
                with_significance="significance" in sharing.included,
                with_report=sharing.report,
            ),
            report=lambda file, selection, title: write_report(
                self.folder, file, selection, Choices(), title=title
            ),
        )
        target = None if output is None else Path(output)
        return share_study(self.folder, target, options, writers, progress=shown(progress))

    def import_(
        self,
        bundle: str | Path,
        *,
        set: str | None = None,
        dry_run: bool = False,
        progress: Progress | bool = True,
    ) -> ImportReport:
        """Take a bundle into the study, all of it or nothing, if all of it verifies; overwrites nothing.

        What the study has already, with the same content, stays as it is. The stimuli have the title of the bundle and
        the first digits of its digest in the column `origin`. Of a bundle without responses, the study answers whatever
        roll-ups suffice for.

        Args:
            bundle: a zip or a directory that `share` wrote.
            set: name of its stimulus set in the study; that in the bundle if None.
            dry_run: only report, or refuse, what would be done.
            progress: True for bars in a notebook, False for none; or a function that is called with what is being done,
                how much is done, and of how much.

        Returns: what is new in the study, and what was there already.
        Raises: VerificationError for a bundle that does not verify; UsageError where the study has something of the
            same name with another content; MixtureError where its model of that name is another network; BusyError.

        Example:
            >>> shared = study.share("to-import.zip")
            >>> Study("another-study", create=True).import_("to-import.zip").sets
            ('colours',)
        """
        from toolbox.exchange.importing.run import import_bundle

        return import_bundle(self.folder, Path(bundle), set, dry_run=dry_run, progress=shown(progress))
