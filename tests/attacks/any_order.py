"""Commands, kills and damage in any order, for long: `tests/test_any_order.py` with other numbers.

    python tests/attacks/any_order.py 200 40    # 200 studies, up to 40 steps each

Expected: "passed". A failure ends with the shortest steps that lead to it.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    examples, steps = (*sys.argv[1:], *("200", "40")[len(sys.argv) - 1 :])
    os.environ |= {"TOOLBOX_EXAMPLES": examples, "TOOLBOX_STEPS": steps}
    test = Path(__file__).parents[1] / "test_any_order.py"
    sys.exit(pytest.main(["-n0", "-m", "long or not long", str(test)]))
