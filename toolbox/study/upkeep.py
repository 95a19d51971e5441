"""Keeping a study in order from Python: choosing, verifying, removing. Owns the signatures; `store` does the work."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from toolbox.study.directory import StudyDirectory
from toolbox.terms import Removable

if TYPE_CHECKING:
    from toolbox.store.removal import Removal
    from toolbox.store.use import InUse
    from toolbox.store.verification import Verification


class StudyUpkeep(StudyDirectory):
    """What chooses among the contents of a study, verifies and removes them."""

    def use(self, set: str | None = None, *, model: str | None = None, scheme: str | None = None) -> InUse:
        """Choose what questions mean where the study has several sets, models or schemes; kept in `study.toml`.

        Without a choice, the one that was there first is meant. A name in a question always takes precedence. A set
        replaces the whole earlier choice; a model or a scheme alone is added to it.

        Args:
            set: the stimulus set; None for the one in use.
            model: a model with responses to the set.
            scheme: a label scheme of the set.

        Returns: set, model and scheme that are meant now, and why; without arguments, nothing is changed.
        Raises: UnknownNameError; ToolboxError when `study.toml` is damaged.

        Example:
            >>> study.use().reasons["scheme"]
            'the only one'
            >>> in_use = study.use("colours", scheme="category")
            >>> in_use.scheme, in_use.reasons["scheme"]
            ('category', 'in use')
        """
        from toolbox.store.use import use

        return use(self.folder, set, model=model, scheme=scheme)

    def verify(self, *, thorough: bool = False) -> Verification:
        """Compare the files of the study with their digests, plans and records; changes nothing.

        Quick: all small tables and records, presence and size of the parts of responses, and files that belong to
        nothing. What a query reads is verified then, too; this names all problems at once.

        Args:
            thorough: read every byte of the responses, and compare their values with the records; compute roll-ups
                again, and, where images, card and weights are on this computer, the responses to 20 stimuli.

        Returns: the problems, each with its file and its remedy.
        Raises: VerificationError when `study.toml` is damaged.

        Example:
            >>> study.verify(thorough=True).problems
            ()
        """
        from toolbox.store.verification import verify

        verification = verify(self.folder, thorough=thorough)
        if not thorough or not verification.is_intact:
            return verification
        from toolbox.collect.recomputation import recompute_responses

        problems, notes = recompute_responses(self.folder)
        return replace(verification, problems=tuple(problems), notes=(*verification.notes, *notes))

    def remove(self, kind: Removable, name: str, *, set: str | None = None, dry_run: bool = False) -> Removal:
        """Delete a stimulus set, a model or a label scheme, with all that was derived from it; never an image.

        Deletes without a question. The records of runs stay.

        Args:
            kind: 'set'; 'model', its responses; or 'scheme', other than that of ingestion.
            name: its name.
            set: the set whose scheme, or whose responses of a model, are deleted; None for the only set with that
                scheme, or for all sets with responses of that model.
            dry_run: only report, or refuse, what would be deleted.

        Returns: what was deleted: sets, stimuli, schemes, models, number of files and bytes.
        Raises: UnknownNameError, AmbiguousError, UsageError; BusyError while an extraction runs.

        Example:
            >>> removal = study.remove("model", "tiny", dry_run=True)
            >>> removal.sets, removal.models
            (('colours',), ('tiny',))
            >>> study.remove("model", "tiny").files > 0, study.models("colours")
            (True, [])
        """
        from toolbox.store.removal import remove

        return remove(self.folder, kind, name, set_name=set, dry_run=dry_run)
