"""Names of categories that are programs, where a page takes them for more than text."""

from __future__ import annotations

_RUN = "(window.hits=window.hits||[]).push({number})"
_MARKUP = (
    "<img src=x onerror={run}>",
    "<svg onload={run}>",
    "</script><script>{run}</script>",
    "</pre></code><img src=x onerror={run}>",
    "<script>{run}</script>",
    "<!--<script>{run}//-->",
    '"><img src=x onerror={run}>',
    "' onmouseover='{run}' x='",
    "<details open ontoggle={run}>",
    '<iframe srcdoc="<script>parent.{run}</script>">',
    "<a href=javascript:{run}>cat</a>",
    "</title><svg onload={run}>",
    "</style><img src=x onerror={run}>",
    "&lt;img src=x onerror={run}&gt;",
    "</textarea><body onload={run}>",
    "<math><mtext><img src=x onerror={run}></mtext></math>",
    "<object data=javascript:{run}>",
    "<link rel=stylesheet href=http://attack.invalid/{number}>",
    "<img src=http://attack.invalid/{number}>",
    "<meta http-equiv=refresh content=0;url=http://attack.invalid/{number}>",
)
HOSTILE_NAMES = tuple(
    name.format(run=_RUN.format(number=number), number=number) for number, name in enumerate(_MARKUP)
)
"""Twenty names; the program of each adds its number to `window.hits`, or asks a server for it."""
