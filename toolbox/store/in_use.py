"""The choices in `study.toml`: the set, model and scheme that commands mean. Owns its table `[use]`.

The model and the scheme belong to the set: they are not meant when another set is named.
"""

from __future__ import annotations

from collections.abc import Mapping

from toolbox.errors import ToolboxError
from toolbox.files import only_writer
from toolbox.store.folder import StudyFolder
from toolbox.store.study_file import NAME, read_study_file, write_study_file

KINDS = ("set", "model", "scheme")
PATIENCE = 10.0
"""Seconds to wait for another process that writes `study.toml`."""


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
    with only_writer(study.root / "plans", "writing study.toml", wait=PATIENCE):
        content = read_study_file(study.root)
        content.pop("use", None)
        write_study_file(study.root, {**content, "use": dict(names)} if names else content)
