"""The toolbox as pip knows it. Owns its name, its version, and how it is installed once more with an extra.

Importing this module loads no library: what is installed is looked up when it is asked for.
"""

from __future__ import annotations

from typing import Any

DISTRIBUTION = "selectivity-toolbox"
"""The toolbox, as pip knows it."""


def toolbox_version() -> str:
    """The version that is installed, such as '0.1.0'."""
    from importlib.metadata import version

    return version(DISTRIBUTION)


def name_and_version() -> str:
    """What tables and studies are marked with, such as 'selectivity-toolbox 0.1.0'."""
    return f"{DISTRIBUTION} {toolbox_version()}"


def install_command(extra: str = "", *options: str, record: str | None = None) -> str:
    """What to type to install the toolbox once more, with an extra, from where this one came.

    Args:
        extra: such as 'cuda'; empty for none.
        *options: of pip.
        record: where it came from, as pip's `direct_url.json` says; empty for a package index, None to look it up.
    """
    import json

    if record is None:
        from importlib.metadata import distribution

        record = distribution(DISTRIBUTION).read_text("direct_url.json") or ""
    target, is_editable = _install_target(json.loads(record or "{}"), f"[{extra}]" if extra else "")
    if is_editable:
        options = (*options, "-e")
    # Quoted, so that neither shells nor spaces split it.
    quoted = f'"{target}"' if extra or " " in target else target
    return " ".join(["pip install", *options, quoted])


def _install_target(record: dict[str, Any], extras: str) -> tuple[str, bool]:
    """What pip is to install, and whether it is a folder whose files are used where they are."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    url = str(record.get("url", ""))
    if url.startswith("file:"):
        path = url2pathname(urlsplit(url).path)
        return f"{path}{extras}", bool(record.get("dir_info", {}).get("editable"))
    if "vcs_info" in record:
        return f"{DISTRIBUTION}{extras} @ {record['vcs_info']['vcs']}+{url}", False
    return f"{DISTRIBUTION}{extras}", False
