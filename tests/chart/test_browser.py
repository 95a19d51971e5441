"""The page in a real browser, without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from playwright.sync_api import Browser, Locator, Page

from support.browser import Watched
from support.moments import some_of
from toolbox.chart import draw, draw_plain, figures, length_of, render


def write(folder: Path, chart: object) -> str:
    file = folder / "figure.html"
    file.write_bytes(render(chart, ".html", {"model": "vgg16"}))
    return file.as_uri()


@pytest.fixture(scope="module")
def opened(browser: Browser, tmp_path_factory: pytest.TempPathFactory, rows_of: Any) -> Iterator[Watched]:
    """The page of one figure, in which the others are drawn in turn."""
    context = browser.new_context(offline=True)
    watched = Watched(context.new_page())
    chart = draw("layers/profile", rows_of("layers/profile"))
    watched.page.goto(write(tmp_path_factory.mktemp("page"), chart))
    watched.page.wait_for_selector("#figure svg.marks")
    yield watched
    context.close()


@pytest.mark.parametrize("query", ["layers/profile", "filters/stimuli", "selectivity/agreement"])
def test_a_page_is_drawn_without_a_request_or_a_complaint(query, page, tmp_path, rows_of):
    watched = Watched(page)
    address = write(tmp_path, draw(query, rows_of(query), title="Title of the figure"))
    page.goto(address)
    page.wait_for_selector("#figure svg.marks")
    assert page.locator("#figure svg text", has_text="Title of the figure").count() == 1
    assert (watched.requests, watched.complaints) == ([address], [])


def parts_of(page: str) -> tuple[str, str, str]:
    """What stands in a page around its title and specification, the specification, and the script that draws it."""
    before, _, rest = page.partition('<script type="application/json" id="specification">')
    specification, _, after = rest.partition("</script>")
    script = after[after.index("<script>") + len("<script>") : after.rindex("</script>")]
    return re.sub("<title>.*?</title>", "", before, count=1) + after, specification, script


@pytest.mark.parametrize("query", some_of(figures(), 4))
def test_every_figure_is_drawn_by_the_script_of_the_page(query, opened, rows_of):
    """Pages differ in title and specification alone, so that one page stands for all; its libraries load once."""
    around, specification, script = parts_of(
        render(draw(query, rows_of(query), title="Title of the figure"), ".html", {}).decode()
    )
    page = opened.page
    assert around == parts_of(Path(page.url.removeprefix("file://")).read_text(encoding="utf-8"))[0]
    page.evaluate(
        """specification => {
            document.getElementById("figure").replaceChildren();
            document.getElementById("specification").textContent = specification;
        }""",
        specification,
    )
    page.evaluate(f"() => {{ {script} }}")
    page.wait_for_selector("#figure svg.marks")
    assert page.locator("#figure svg text", has_text="Title of the figure").count() == 1
    assert (opened.requests, opened.complaints) == ([page.url], [])


def test_a_notebook_draws_a_chart_without_a_request(browser, tmp_path, rows_of):
    bundle = draw("layers/profile", rows_of("layers/profile"), title="In a notebook")._repr_mimebundle_()
    output = tmp_path / "notebook.html"
    output.write_text(f"<!DOCTYPE html><html><body>{bundle['text/html']}</body></html>", encoding="utf-8")
    context = browser.new_context(offline=True)
    watched = Watched(context.new_page())
    watched.page.goto(output.as_uri())
    frame = watched.page.frame_locator("iframe")
    frame.locator("#figure svg.marks").wait_for()
    assert frame.locator("#figure svg text", has_text="In a notebook").count() == 1
    inside, outside = frame.locator("html").bounding_box(), watched.page.locator("iframe").bounding_box()
    assert inside["height"] <= outside["height"]  # nothing is cut off, and nothing scrolls
    assert (watched.requests, watched.complaints) == ([output.as_uri()], [])
    context.close()


@pytest.mark.parametrize(
    "query", ["complexity/pairs", "layers/profile", "selectivity/index", "tuning/orientation"]
)
def test_a_narrow_window_has_the_whole_figure_in_legible_text(query, page, tmp_path, rows_of):
    """Panels are below one another: nothing is to be scrolled sideways, and no text is below 9 of its 11 pixels."""
    page.set_viewport_size({"width": 400, "height": 800})
    page.goto(
        write(tmp_path, draw(query, rows_of(query), title="A title of more than one line in such a window"))
    )
    page.wait_for_function("() => show.done")
    drawn, shown, scrolled = page.evaluate(
        """() => { const svg = document.querySelector("svg.marks");
        return [Number(svg.getAttribute("width")), svg.getBoundingClientRect().width,
                document.documentElement.scrollWidth]; }"""
    )
    assert scrolled == 400 and 300 < shown <= 400
    assert shown / drawn > 9 / 11


def test_a_wide_window_has_the_figure_as_it_is_and_a_narrower_one_draws_it_again(page, tmp_path, rows_of):
    page.set_viewport_size({"width": 1280, "height": 800})
    chart = draw("selectivity/index", rows_of("selectivity/index"))
    page.goto(write(tmp_path, chart))
    page.wait_for_function("() => show.done")
    height = page.locator("#figure svg.marks").bounding_box()["height"]
    page.set_viewport_size({"width": 400, "height": 800})
    page.wait_for_function("() => show.done && show.room < 400")
    assert page.locator("#figure svg.marks").bounding_box()["height"] > 2 * height


def test_a_figure_of_a_given_width_is_as_wide_on_the_page(page, tmp_path, rows_of):
    column = length_of("89mm")
    file = tmp_path / "figure.html"
    chart = draw("layers/profile", rows_of("layers/profile"), width=column)
    file.write_bytes(render(chart, ".html", {}, width=column))
    page.goto(file.as_uri())
    page.wait_for_selector("#figure svg.marks")
    assert page.locator("#figure svg.marks").bounding_box()["width"] == pytest.approx(89 / 25.4 * 96, abs=1)


def test_names_from_outside_are_shown_as_they_are(page, tmp_path, rows_of):
    name = "</script><img src=x>"  # short enough for a legend in any font
    page.goto(write(tmp_path, draw("layers/profile", rows_of("layers/profile", categories=[name, "dog"]))))
    page.wait_for_selector("#figure svg.marks")
    assert page.locator("#figure svg text", has_text=name).count() == 1
    assert page.locator("img").count() == 0


def plain_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Rows of which a plain chart draws a line for each category, with a legend."""
    return rows.select(*(["model"] if "model" in rows.columns else []), "layer", "category", "proportion")


def pick_from_legend(page: Page, name: str) -> Locator:
    """Click on a category in the legend; the points that are then faint."""
    page.wait_for_selector("#figure svg.marks")
    faint = page.locator('#figure svg path[aria-roledescription="point"][opacity="0.1"]')
    assert faint.count() == 0
    entry = page.locator("#figure svg text", has_text=name).bounding_box()
    assert entry is not None
    page.mouse.click(entry["x"] + 5, entry["y"] + 5)
    faint.first.wait_for(state="attached")
    return faint


def test_a_click_on_the_legend_picks_one_category_out(page, tmp_path, rows_of, layers, categories):
    page.goto(write(tmp_path, draw_plain(plain_lines(rows_of("layers/profile")))))
    assert pick_from_legend(page, "dog").count() == len(layers) * (len(categories) - 1)


def test_a_click_on_the_legend_picks_a_category_out_for_all_networks(
    page, tmp_path, rows_of, layers, categories
):
    rows = rows_of("layers/profile")
    both = pl.concat([rows.select(pl.lit(model).alias("model"), pl.all()) for model in ("deep", "shallow")])
    page.goto(write(tmp_path, draw_plain(plain_lines(both))))
    assert pick_from_legend(page, "dog").count() == 2 * len(layers) * (len(categories) - 1)
