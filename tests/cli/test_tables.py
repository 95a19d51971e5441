"""Tables on a terminal: none is wider than it, and none of its columns is missing."""

from __future__ import annotations

from toolbox.cli.tables import _blocks


def test_columns_that_do_not_fit_follow_in_blocks_with_the_texts_that_name_a_row() -> None:
    least, are_numbers = [12, 10, 20, 20, 20, 20], [False, False, True, True, True, True]
    assert _blocks(least, are_numbers, 200) == [[0, 1, 2, 3, 4, 5]]
    blocks = _blocks(least, are_numbers, 80)
    assert blocks == [[0, 1, 2, 3], [0, 1, 4, 5]]
    assert all(sum(least[column] + 2 for column in block) - 2 <= 80 for block in blocks)


def test_a_table_of_long_texts_is_not_repeated_without_end() -> None:
    assert _blocks([50, 50, 50], [False, False, False], 80) == [[0], [1], [2]]
    assert _blocks([90, 5], [True, True], 80) == [[0], [1]]
