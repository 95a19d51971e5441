"""A page of HTML without private names and paths. Owns what of it is text, and what is code, which must not change."""

from __future__ import annotations

import re

from toolbox.exchange.bundle.names import Replacements

_PARTS = re.compile(
    r"(?P<code><style\b.*?</style>|<script>.*?</script>|<meta\b[^>]*>)"
    r"|(?P<json><script type=\"application/json\"[^>]*>)(?P<rows>.*?)(?P<end></script>)"
    r"|(?P<tag><[a-zA-Z/!][^>]*>)",
    re.DOTALL,
)
_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"(\s*:)?')
"""A text of JSON, which with the group is a key, or the value of an attribute."""


def page_without_names(page: str, replacements: Replacements) -> str:
    """A page in which texts, values of attributes and texts of JSON are replaced; tags, styles and programs are not.

    Args:
        page: the HTML.
        replacements: what takes the place of private names and places.
    """
    parts, end = list[str](), 0
    for found in _PARTS.finditer(page):
        parts += [replacements.own_text(page[end : found.start()]), _replaced(found, replacements)]
        end = found.end()
    return "".join([*parts, replacements.own_text(page[end:])])


def _replaced(found: re.Match[str], replacements: Replacements) -> str:
    if found["code"]:
        return found[0]

    def text(each: re.Match[str]) -> str:
        stays = each[1] or each[0].startswith('"data:')
        return each[0] if stays else replacements.own_text(each[0])

    if found["json"]:
        return f"{found['json']}{_TEXT.sub(text, found['rows'])}{found['end']}"
    return _TEXT.sub(text, found["tag"])
