"""Keeping a study in order from Python: what is in use. Owns the signatures; `toolbox.store` does the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolbox.study.directory import StudyDirectory

if TYPE_CHECKING:
    from toolbox.store.use import InUse


class StudyUpkeep(StudyDirectory):
    """What chooses among the contents of a study."""

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
