"""How the toolbox is installed once more: from where it came."""

from __future__ import annotations

import pytest

from toolbox.distribution import install_command


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        ("", 'pip install "selectivity-toolbox[cuda]"'),
        (
            '{"dir_info": {"editable": true}, "url": "file:///a%20b/tools"}',
            'pip install -e "/a b/tools[cuda]"',
        ),
        ('{"dir_info": {}, "url": "file:///home/toolbox"}', 'pip install "/home/toolbox[cuda]"'),
        ('{"archive_info": {}, "url": "file:///a/toolbox-1.whl"}', 'pip install "/a/toolbox-1.whl[cuda]"'),
        (
            '{"vcs_info": {"vcs": "git"}, "url": "https://example.org/toolbox.git"}',
            'pip install "selectivity-toolbox[cuda] @ git+https://example.org/toolbox.git"',
        ),
    ],
)
def test_an_extra_is_installed_from_where_the_toolbox_came(record: str, expected: str) -> None:
    assert install_command("cuda", record=record) == expected


def test_the_toolbox_that_runs_is_found_by_pip() -> None:
    assert install_command("bf16").endswith('[bf16]"')
    assert (
        install_command("", "--force-reinstall", record="")
        == "pip install --force-reinstall selectivity-toolbox"
    )
