"""Names that are programs, in a real browser: no script of theirs runs, and nothing is asked of a server."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import altair as alt
import pytest
from playwright.sync_api import Browser, Locator, Page

from support.browser import Watched
from support.hostile_names import HOSTILE_NAMES
from toolbox.chart import draw, render

MENU = ["Save as SVG", "Save as PNG"]


def page_of(kind: str, chart: Any) -> str:
    """A page with the chart: the toolbox's own, a notebook's cell, or one that Altair makes."""
    if kind == "page":
        return render(chart, ".html", {"model": HOSTILE_NAMES[0]}).decode()
    if kind == "page of a chart without options":  # the page does not depend on what the chart asks of it
        bare = chart.copy(deep=False)
        bare.usermeta = {}
        return render(bare, ".html", {}).decode()
    if kind == "notebook":
        return f"<!DOCTYPE html><html><body>{chart._repr_mimebundle_()['text/html']}</body></html>"
    if kind == "Altair's page":
        return str(chart.to_html(inline=True))
    with alt.renderers.enable("html"), warnings.catch_warnings():
        return f"<!DOCTYPE html><html><body>{chart._repr_mimebundle_()['text/html']}</body></html>"


def watched_page(browser: Browser, file: Path, text: str) -> Watched:
    context = browser.new_context(offline=True, accept_downloads=True)
    watched = Watched(context.new_page())
    file.write_text(text, encoding="utf-8")
    watched.page.goto(file.as_uri())
    return watched


def click_every_action(page: Page, actions: Locator) -> list[str]:
    """Click what the menu offers; the titles of its actions."""
    titles = actions.all_text_contents()
    for place in range(actions.count()):
        actions.nth(place).dispatch_event("mousedown")
        actions.nth(place).evaluate("action => action.click()")
        page.wait_for_timeout(100)
    return titles


def hits(watched: Watched) -> list[int]:
    """The numbers of the names whose programs ran, in the page, its frames and the pages that it opened."""
    frames = [frame for page in watched.page.context.pages for frame in page.frames]
    return sorted({hit for frame in frames for hit in frame.evaluate("() => window.hits || []")})


@pytest.mark.parametrize("kind", ["page", "page of a chart without options", "notebook", "Altair's page"])
def test_no_name_is_run_whatever_is_clicked_and_hovered(
    kind: str, browser: Browser, tmp_path: Path, rows_of: Any
) -> None:
    rows = rows_of("layers/profile", categories=HOSTILE_NAMES)
    chart = draw("layers/profile", rows, title=HOSTILE_NAMES[2], subtitle=HOSTILE_NAMES[11])
    watched = watched_page(browser, tmp_path / "figure.html", page_of(kind, chart))
    place: Any = watched.page.frame_locator("iframe") if kind == "notebook" else watched.page
    place.locator("svg.marks").wait_for()
    for point in place.locator('svg path[aria-roledescription="point"]').all()[::7]:
        point.dispatch_event("mousemove", {"bubbles": True})
        watched.page.wait_for_timeout(5)
    titles = click_every_action(watched.page, place.locator(".vega-actions a"))
    watched.page.wait_for_timeout(300)
    assert (titles, hits(watched)) == (MENU, [])
    assert watched.dialogs == []
    asked = [address for address in watched.requests if not address.startswith(("file:", "data:", "blob:"))]
    assert asked == []
    watched.page.context.close()


@pytest.mark.parametrize("query", ["filters/stimuli", "complexity/pairs", "selectivity/index"])
def test_a_tooltip_shows_a_name_as_it_is(query: str, browser: Browser, tmp_path: Path, rows_of: Any) -> None:
    chart = draw(query, rows_of(query, categories=HOSTILE_NAMES[:4]))
    watched = watched_page(browser, tmp_path / "figure.html", page_of("page", chart))
    watched.page.locator("svg.marks").wait_for()
    for mark in watched.page.locator("svg.marks path, svg.marks text").all()[:200:3]:
        mark.dispatch_event("mousemove", {"bubbles": True})
    watched.page.wait_for_timeout(200)
    assert hits(watched) == [] and watched.dialogs == [] and len(watched.requests) == 1
    watched.page.context.close()


def test_a_renderer_of_the_user_writes_no_name_that_ends_a_script(rows_of: Any) -> None:
    chart = draw("layers/profile", rows_of("layers/profile", categories=HOSTILE_NAMES))
    for kind in ("Altair's page", "html"):
        text = page_of(kind, chart)
        assert not any(name in text for name in HOSTILE_NAMES if "<" in name)
        assert '"source": false, "compiled": false, "editor": false' in text


def test_a_page_runs_no_script_but_its_own(browser: Browser, tmp_path: Path, rows_of: Any) -> None:
    """The policy of the page stops a program even where it was written into the page as it is."""
    text = page_of("page", draw("layers/profile", rows_of("layers/profile")))
    watched = watched_page(
        browser,
        tmp_path / "figure.html",
        text.replace('<div id="figure">', f'{HOSTILE_NAMES[0]}<div id="figure">'),
    )
    watched.page.locator("svg.marks").wait_for()
    assert hits(watched) == []
    assert any("Content Security Policy" in complaint for complaint in watched.complaints)
    watched.page.context.close()


def test_a_page_sends_nothing_even_where_its_own_script_would(
    browser: Browser, tmp_path: Path, rows_of: Any
) -> None:
    watched = watched_page(
        browser, tmp_path / "figure.html", page_of("page", draw("layers/profile", rows_of("layers/profile")))
    )
    watched.page.locator("svg.marks").wait_for()
    send = "fetch('http://127.0.0.1:9/').then(() => 'sent', error => error.name)"
    watched.page.evaluate("window.violations = []")
    watched.page.evaluate(
        "addEventListener('securitypolicyviolation', e => violations.push(e.violatedDirective))"
    )
    watched.page.evaluate(send)
    assert watched.page.evaluate("violations") == ["connect-src"]
    watched.page.context.close()
