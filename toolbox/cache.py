"""Where this machine keeps what can be fetched or found out again. Owns the folder's place; writes nothing."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Where fetched files are kept: `TOOLBOX_CACHE`, else the user's cache folder of this system."""
    import pooch

    chosen = os.environ.get("TOOLBOX_CACHE")
    return Path(chosen) if chosen else Path(pooch.os_cache("selectivity-toolbox"))
