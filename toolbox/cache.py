"""The cache folder, for files that can be downloaded or computed again. Owns its location; writes nothing."""

from __future__ import annotations

import os
from pathlib import Path

from toolbox.distribution import DISTRIBUTION


def cache_folder() -> Path:
    """The cache folder: `TOOLBOX_CACHE`, else the user's cache folder of the operating system."""
    import platformdirs

    chosen = os.environ.get("TOOLBOX_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path(DISTRIBUTION)
