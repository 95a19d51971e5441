"""The source of `query_names.py`. Owns its form; the names are those of the files in `queries/`."""

from __future__ import annotations

from collections.abc import Sequence

_START = '''"""Names of all shipped queries as a type, so that editors complete them. Written by `make reference`."""

from __future__ import annotations

from typing import Literal

QueryName = Literal[
'''


def query_name_module(names: Sequence[str]) -> str:
    """The text of the module that declares the names.

    Args:
        names: of all queries, in alphabetical order.
    """
    return _START + "".join(f'    "{name}",\n' for name in names) + "]\n"
