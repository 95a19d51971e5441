"""The command `toolbox`. Owns how an error ends: one line on stderr and the exit code of its kind."""

from __future__ import annotations

import atexit
import gc
import sys

from toolbox.errors import ToolboxError
from toolbox.host import ignore_image_warnings


def main() -> None:
    """Run the command line."""
    # A start makes many objects that stay and little garbage; looking for it takes a tenth of a short command's time,
    # and looking through all of them once more at the end, when the process gives everything back, a quarter.
    gc.set_threshold(100_000)
    atexit.register(gc.freeze)
    ignore_image_warnings()
    try:
        from toolbox.cli import app  # reads the files of the indices for its help

        app(prog_name="toolbox")
    except ToolboxError as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
