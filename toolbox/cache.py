"""Where this machine keeps what can be fetched or computed again. Owns the folder's place; writes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from toolbox.distribution import DISTRIBUTION


def cache_folder() -> Path:
    """Where fetched files are kept: `TOOLBOX_CACHE`, else the user's cache folder of this system."""
    import platformdirs

    chosen = os.environ.get("TOOLBOX_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path(DISTRIBUTION)
