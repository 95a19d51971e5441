"""How wide text is drawn, and where its lines break. Owns the widths of the theme's letters; knows no figure."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator

PLAIN = {
    191: "'", 222: "ijl", 260: "|", 278: " !,./:;I[\\]ft", 333: "()-`r", 334: "{}", 355: '"', 389: "*", 469: "^",
    500: "Jcksvxyz", 556: "#$0123456789?L_abdeghnopqu", 584: "+<=>~", 611: "FTZ", 667: "&ABEKPSVXY",
    722: "CDHNRUw", 778: "GOQ", 833: "Mm", 889: "%", 944: "W", 1015: "@",
}  # fmt: skip
BOLD = {
    238: "'", 278: " ,./I\\ijl", 280: "|", 333: "!()-:;[]`ft", 389: "*r{}", 474: '"', 500: "z",
    556: "#$0123456789J_aceksvxy", 584: "+<=>^~", 611: "?FLTZbdghnopqu", 667: "EPSVXY", 722: "&ABCDHKNRU",
    778: "GOQw", 833: "M", 889: "%m", 944: "W", 975: "@",
}  # fmt: skip
"""Letters of Helvetica, and so of Liberation Sans and Arial, by their width in thousandths of the size."""

_WIDTHS = [{letter: width for width, letters in face.items() for letter in letters} for face in (PLAIN, BOLD)]
_OTHER, _WIDE = 640, 1000
"""Of letters beyond these, on the generous side, and of those of East Asia."""


def text_width(text: str, size: float, *, is_bold: bool = False) -> float:
    """Width of a line of text in the unit of its size.

    Args:
        text: one line.
        size: of the letters.
        is_bold: whether they are bold.

    >>> text_width("iii", 10), text_width("WWW", 10)
    (6.66, 28.32)
    """
    return sum(_width(letter, is_bold=is_bold) for letter in text) * size / 1000


def wrap_text(text: str, width: float, size: float, *, is_bold: bool = False) -> list[str]:
    """The lines of a text that are no wider than given, broken between words, or inside one that is wider.

    Args:
        text: words with blanks between them.
        width: of a line, in the unit of the size.
        size: of the letters.
        is_bold: whether they are bold.

    >>> wrap_text("one line and another", 60, 10)
    ['one line and', 'another']
    """
    lines: list[str] = []
    for word in text.split():
        for part in _parts(word, width, size, is_bold=is_bold):
            longer = f"{lines[-1]} {part}" if lines else ""
            if lines and text_width(longer, size, is_bold=is_bold) <= width:
                lines[-1] = longer
            else:
                lines.append(part)
    return lines


def _parts(word: str, width: float, size: float, *, is_bold: bool) -> Iterator[str]:
    """A word as it is, or in parts that are as long as a line takes, of at least one letter each."""
    while text_width(word, size, is_bold=is_bold) > width and len(word) > 1:
        end = next(
            n
            for n in range(len(word), 0, -1)
            if n == 1 or text_width(word[:n], size, is_bold=is_bold) <= width
        )
        yield word[:end]
        word = word[end:]
    yield word


def _width(letter: str, *, is_bold: bool) -> int:
    """Width of one letter in thousandths of its size."""
    if unicodedata.combining(letter):
        return 0
    other = _WIDE if unicodedata.east_asian_width(letter) in "WF" else _OTHER
    plain = unicodedata.normalize("NFD", letter)[0]  # a letter is as wide without its accent
    return _WIDTHS[is_bold].get(plain, other)
