"""The toolbox as a distribution of pip. Owns its name, its version, and the command that installs an extra.

Importing this module loads no library; the installed version is looked up on request.
"""

from __future__ import annotations

from typing import Any

DISTRIBUTION = "selectivity-toolbox"
"""Name of the distribution in pip."""


def toolbox_version() -> str:
    """The installed version, such as '0.1.0'."""
    from importlib.metadata import version

    return version(DISTRIBUTION)


def name_and_version() -> str:
    """Name and version that are recorded in tables and studies, such as 'selectivity-toolbox 0.1.0'."""
    return f"{DISTRIBUTION} {toolbox_version()}"


def install_command(extra: str = "", *options: str, record: str | None = None) -> str:
    """The command that installs the toolbox with an extra, from the source of the present installation.

    Args:
        extra: an extra such as 'cuda'; empty for none.
        *options: options of pip.
        record: content of pip's `direct_url.json`; empty for a package index, None to look it up.
    """
    import json

    if record is None:
        record = _installation_record()
    target, is_editable = _install_target(json.loads(record or "{}"), f"[{extra}]" if extra else "")
    if is_editable:
        options = (*options, "-e")
    # Quoted, because a shell would interpret brackets and split at spaces.
    quoted = f'"{target}"' if extra or " " in target else target
    return " ".join(["pip install", *options, quoted])


def _installation_record() -> str:
    """What pip recorded of the present installation; of a folder that pip did not install, what it would record."""
    import json
    from importlib.metadata import PackageNotFoundError, distribution
    from pathlib import Path

    try:
        return distribution(DISTRIBUTION).read_text("direct_url.json") or ""
    except PackageNotFoundError:
        folder = Path(__file__).resolve().parents[1]
        return json.dumps({"url": folder.as_uri(), "dir_info": {"editable": True}})


def _install_target(record: dict[str, Any], extras: str) -> tuple[str, bool]:
    """The target for pip, and whether it is an editable folder."""
    from urllib.parse import urlsplit
    from urllib.request import url2pathname

    url = str(record.get("url", ""))
    if url.startswith("file:"):
        path = url2pathname(urlsplit(url).path)
        return f"{path}{extras}", bool(record.get("dir_info", {}).get("editable"))
    if "vcs_info" in record:
        return f"{DISTRIBUTION}{extras} @ {record['vcs_info']['vcs']}+{url}", False
    return f"{DISTRIBUTION}{extras}", False
