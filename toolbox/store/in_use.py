"""The choices in `study.toml`: the set, model and scheme that commands mean. Owns its table `[use]`.

The model and the scheme belong to the set: they are not meant when another set is named.
"""

from __future__ import annotations

from collections.abc import Mapping

from toolbox.errors import ToolboxError
from toolbox.store.commits import Commit, committing
from toolbox.store.folder import StudyFolder
from toolbox.store.study_file import NAME, read_study_file, write_study_file

KINDS = ("set", "model", "scheme")


def read_in_use(study: StudyFolder) -> dict[str, str]:
    """The names in use by kind: set, model, scheme; empty where nothing was chosen.

    Raises: ToolboxError when the table has other entries.
    """
    table = read_study_file(study.root).get("use", {})
    is_known = isinstance(table, Mapping) and {*table} <= {*KINDS}
    if not is_known or not all(isinstance(name, str) for name in table.values()):
        raise ToolboxError(
            f"{study.root / NAME} has use = {table!r}; expected names of a {', a '.join(KINDS)}; choose them with: "
            "toolbox use SET"
        )
    return dict(table)


def write_in_use(study: StudyFolder, names: Mapping[str, str]) -> None:
    """Replace the choices; everything else in `study.toml` stays.

    Args:
        study: the study.
        names: names by kind; an empty mapping removes all choices.
    """
    with committing(study) as commit:
        stage_in_use(study, commit, names)


def stage_in_use(study: StudyFolder, commit: Commit, names: Mapping[str, str]) -> None:
    """As `write_in_use`, together with other changes.

    Args:
        study: the study.
        commit: the commit.
        names: names by kind; an empty mapping removes all choices.
    """
    content = read_study_file(study.root)
    content.pop("use", None)
    content.update({"use": dict(names)} if names else {})
    write_study_file(commit.stage(study.root / NAME).parent, content)
