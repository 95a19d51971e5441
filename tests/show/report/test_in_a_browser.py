"""The report in real Chromium, headless and without a network."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from io import BytesIO, StringIO
from itertools import pairwise
from math import hypot
from pathlib import Path
from unicodedata import normalize

import pytest
from playwright.sync_api import Browser, Page
from pypdf import PdfReader

from support.browser import Watched
from support.moments import some_of
from support.reported import Reported, opened, until_drawn

FAINT_MARKS = """chart => [...chart.querySelectorAll("svg.marks path, svg.marks text, svg.marks line")]
    .some(mark => Number(mark.getAttribute("opacity") ?? 1) < 0.2)"""
"""Whether any mark of a chart is faint; those that nobody can see have no opacity at all."""
CONTRAST = """() => {
    const canvas = document.createElement("canvas").getContext("2d", {willReadFrequently: true});
    const rgb = colour => {
        canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1);
        return [...canvas.getImageData(0, 0, 1, 1).data];
    };
    const light = ([r, g, b]) => [r, g, b].map(v => v / 255)
        .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
        .reduce((sum, v, place) => sum + v * [0.2126, 0.7152, 0.0722][place], 0);
    const behind = each => {
        for (let place = each; place; place = place.parentElement) {
            const found = rgb(getComputedStyle(place).backgroundColor);
            if (found[3] > 250) return found;
        }
        return [255, 255, 255, 255];
    };
    const low = [];
    const written = node => [...node.childNodes].some(each => each.nodeType === 3 && each.textContent.trim());
    for (const each of document.querySelectorAll("body *")) {
        if (!written(each) || each.closest("script, noscript, style, .vega-actions, option")) continue;
        if (!each.getClientRects().length || each.matches(":disabled")) continue;
        const isDrawn = Boolean(each.closest("svg.marks"));
        const ink = light(rgb(isDrawn ? each.closest("[fill]").getAttribute("fill") : getComputedStyle(each).color));
        const paper = light(behind(each.closest("svg") || each));
        const ratio = (Math.max(ink, paper) + 0.05) / (Math.min(ink, paper) + 0.05);
        if (ratio < 4.5) low.push([each.tagName, each.textContent.slice(0, 40), ratio]);
    }
    return low;
}"""
"""Texts whose contrast to what is behind them is below 4.5, the level AA of WCAG 2."""
HOSTILE = pytest.mark.parametrize("report", some_of(["unsafe", "hostile"], 2))
"""Reports of names that are programs: of two, and of all twenty."""


@pytest.fixture(scope="module")
def watched(browser: Browser, whole: Reported) -> Iterator[Watched]:
    watched = opened(browser, whole)
    yield watched
    watched.page.context.close()


@pytest.fixture
def page(watched: Watched) -> Iterator[Page]:
    """The report as it is first seen."""
    page = watched.page
    yield page
    page.evaluate(
        "() => { setFolded(false); document.getElementById('clear').click(); setTheme('light'); return fitAll(); }"
    )


def charts_with_faint_marks(page: Page) -> set[str]:
    charts = page.locator("[data-chart]").all()
    return {str(chart.get_attribute("data-chart")) for chart in charts if chart.evaluate(FAINT_MARKS)}


def test_every_chart_is_drawn_without_a_request_or_a_complaint(watched: Watched, whole: Reported) -> None:
    drawn = watched.page.locator("[data-chart] svg.marks").count()
    assert drawn == watched.page.locator("[data-chart]").count() == 11
    assert (watched.requests, watched.complaints) == ([whole.file.as_uri()], [])


def test_a_category_that_is_chosen_is_marked_in_all_charts_and_tables(page: Page) -> None:
    assert charts_with_faint_marks(page) == set()
    chip = page.get_by_role("button", name="red", exact=True)
    chip.click()
    marked = charts_with_faint_marks(page)
    assert {
        "layers-profile",
        "selectivity-index",
        "filters-representative",
        "complexity-depth",
        "sets-balance",
    } <= marked
    assert "selectivity-agreement" not in marked  # a figure of indices has no categories
    assert chip.get_attribute("aria-pressed") == "true"
    assert page.get_by_role("status").text_content() == "Marked in all figures: red"
    assert page.locator("tr.faint").count() == 2
    page.get_by_role("button", name="Clear").click()
    assert charts_with_faint_marks(page) == set() and page.locator("tr.faint").count() == 0


def test_a_click_on_a_mark_of_one_chart_marks_its_category_in_all(page: Page) -> None:
    point = page.locator('[data-chart="sets-balance"] svg.marks path[aria-roledescription="point"]').first
    point.click(force=True)
    assert page.get_by_role("status").text_content() == "Marked in all figures: =dark"
    assert "layers-profile" in charts_with_faint_marks(page)


def test_a_layer_that_is_chosen_is_marked_in_all_charts_over_layers(page: Page) -> None:
    page.get_by_role("combobox", name="Layer").select_option("sum")
    marked = charts_with_faint_marks(page)
    assert {"layers-profile", "selectivity-index", "filters-representative"} <= marked
    assert "complexity-depth" not in marked
    page.get_by_role("combobox", name="Layer").select_option("")
    assert charts_with_faint_marks(page) == set()


def test_sections_fold_and_a_link_unfolds_the_section_of_its_figure(page: Page) -> None:
    page.get_by_role("button", name="Fold all").click()
    assert not page.locator("#layers-profile").is_visible()
    page.locator("nav a[href='#layers-profile']").click()
    assert page.locator("#layers-profile").is_visible()
    assert not page.locator("#complexity-depth").is_visible()
    page.locator("#complexity summary").first.click()
    assert page.locator("#complexity-depth").is_visible()


def test_rows_are_saved_as_csv_whose_cells_are_no_formulas(page: Page, whole: Reported) -> None:
    with page.expect_download() as download:
        page.locator("#layers-profile").get_by_role("button", name="Rows as CSV").click()
    assert download.value.suggested_filename == "layers-profile.csv"
    rows = list(csv.DictReader(StringIO(Path(download.value.path()).read_text(encoding="utf-8"))))
    expected = whole.study.answer("layers/profile").rows
    assert [row["layer"] for row in rows] == expected["layer"].to_list()
    assert {row["category"] for row in rows} == {"red", "green", "'=dark"}
    found = [float(row["proportion"]) for row in rows]
    assert found == pytest.approx(expected["proportion"].to_list(), rel=1e-5)


def test_methods_and_references_are_saved_as_the_files_beside_the_report(page: Page, whole: Reported) -> None:
    for button, file in (
        ("Save as Markdown", "methods.md"),
        ("Save the references as BibTeX", "methods.bib"),
    ):
        with page.expect_download() as download:
            page.get_by_role("button", name=button).click()
        assert Path(download.value.path()).read_bytes() == (whole.file.parent / file).read_bytes()


def test_everything_has_a_name_and_headings_are_in_order(page: Page) -> None:
    levels = [
        int(tag[1])
        for tag in page.locator("h1, h2, h3, h4").evaluate_all("all => all.map(each => each.tagName)")
    ]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))
    unnamed = page.locator("figure").evaluate_all(
        "all => all.filter(each => !document.getElementById(each.getAttribute('aria-labelledby'))?.textContent.trim())"
    )
    assert unnamed == []
    for chart in page.locator("[data-chart]").all():
        assert len(str(chart.get_attribute("aria-label"))) > 40
    assert (
        page.locator("button, select, summary, a").evaluate_all(
            """all => all.filter(each => !each.closest(".vega-embed"))
                .filter(each => !(each.textContent.trim() || each.getAttribute("aria-label")))"""
        )
        == []
    )
    assert page.locator("img:not([alt])").count() == 0


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_all_text_has_the_contrast_that_reading_needs(theme: str, page: Page) -> None:
    page.evaluate(f"() => {{ setTheme('{theme}'); return fitAll(); }}")
    assert page.evaluate(CONTRAST) == []


def test_the_theme_is_that_of_the_system_until_the_reader_chooses(browser: Browser, whole: Reported) -> None:
    watched = opened(browser, whole, color_scheme="dark")
    page = watched.page
    ground = "() => getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(ground)
    page.get_by_role("button", name="Light").click()
    until_drawn(page)
    assert dark == "rgb(16, 18, 20)" and page.evaluate(ground) == "rgb(246, 247, 248)"
    assert watched.complaints == []
    page.context.close()


@pytest.mark.parametrize("report", some_of(["whole", "hostile"], 2))
def test_a_window_of_400_pixels_is_never_scrolled_sideways(
    report: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    watched = opened(browser, request.getfixturevalue(report), width=400)
    assert watched.page.evaluate("() => document.documentElement.scrollWidth") == 400
    widths = watched.page.locator("svg.marks").evaluate_all(
        "all => all.map(each => each.getBoundingClientRect().width)"
    )
    assert 200 < max(widths) <= 400
    watched.page.context.close()


def test_without_javascript_there_are_texts_tables_and_pictures_of_the_main_figures(
    browser: Browser, whole: Reported
) -> None:
    page = opened(browser, whole, java_script_enabled=False).page
    assert page.locator("noscript .hint").is_visible()
    for key in ("layers-profile", "filters-representative", "tuning-representative", "complexity-depth"):
        picture = page.locator(f"#{key} svg")
        assert picture.is_visible() and len(str(picture.get_attribute("aria-label"))) > 40
        box = picture.bounding_box()
        assert box is not None and box["width"] > 150 and box["height"] > 60
    assert page.locator("#layers-profile .sentence").is_visible()
    assert page.locator("#sets-summary table").is_visible()
    assert (
        page.locator(".needs-script").evaluate_all("all => all.filter(each => each.getClientRects().length)")
        == []
    )
    page.locator("#layers summary").first.click()
    assert not page.locator("#layers-profile").is_visible()
    page.context.close()


def test_on_paper_all_sections_are_unfolded(page: Page) -> None:
    page.get_by_role("button", name="Fold all").click()
    printed = PdfReader(BytesIO(page.pdf(format="A4")))
    text = normalize("NFKC", "\n".join(each.extract_text() for each in printed.pages))  # without ligatures
    for heading in ("Read this first", "Representative filters", "Methods", "References"):
        assert heading in text
    assert "Benjamini" in text and "Mark in all figures" not in text
    assert not page.locator("#layers-profile").is_visible()  # folded again


def texts_of(printed: PdfReader) -> list[tuple[str, float]]:
    """Every piece of text that can be seen on the pages, and its size in points."""
    texts = []
    for page in printed.pages:
        across, down = float(page.mediabox.width), float(page.mediabox.height)

        def seen(text: str, outer: list[float], line: list[float], _: object, size: float) -> None:
            a, b, c, d, x, y = outer
            place = a * line[4] + c * line[5] + x, b * line[4] + d * line[5] + y
            if text.strip() and 0 <= place[0] <= across and 0 <= place[1] <= down:  # noqa: B023 used at once
                texts.append((text.strip(), size * hypot(line[0], line[1]) * hypot(a, b)))

        page.extract_text(visitor_text=seen)
    return texts


@pytest.mark.long
def test_on_paper_all_text_can_be_read(browser: Browser, whole: Reported) -> None:
    page = opened(browser, whole, color_scheme="dark").page
    texts = texts_of(PdfReader(BytesIO(page.pdf(format="A4"))))
    assert min(size for _, size in texts) >= 6.5
    assert len([text for text, _ in texts if text == "red"]) > 5  # above panels, beside axes
    assert page.locator(".paper").count() == 0  # the page on the screen is as it was
    page.context.close()


@pytest.mark.long
def test_without_javascript_the_pictures_can_be_read_on_paper(browser: Browser, whole: Reported) -> None:
    page = opened(browser, whole, java_script_enabled=False).page
    texts = texts_of(PdfReader(BytesIO(page.pdf(format="A4"))))
    assert min(size for _, size in texts) >= 6.5
    page.context.close()


@pytest.mark.long
def test_a_tall_figure_may_be_cut_between_its_rows_of_plots_and_nowhere_else(
    browser: Browser, hostile: Reported
) -> None:
    page = opened(browser, hostile).page
    page.locator("[data-chart=layers-profile]").evaluate("place => drawOnPaper(place)")
    strips = page.locator("#layers-profile .strip")
    shown = strips.evaluate_all("all => all.map(each => each.getAttribute('viewBox').split(' ').map(Number))")
    edges = [(top, top + height) for _, top, _, height in shown]
    assert len(edges) == 20  # one for each panel: their names are long
    assert edges[0][0] == 0 and all(one[1] == pytest.approx(two[0]) for one, two in pairwise(edges))
    texts = strips.evaluate_all(
        """all => all.map(strip => {
            const {top, bottom} = strip.getBoundingClientRect();
            const texts = [...strip.querySelectorAll("text")].map(each => each.getBoundingClientRect());
            return texts.filter(each => each.height).map(each => [each.top - top, bottom - each.bottom]);
        })"""
    )
    assert all(texts) and min(side for strip in texts for text in strip for side in text) >= 0
    panels = [name for name in strips.locator(".role-title text").all_text_contents() if "onerror" in name]
    assert len(panels) == len({*panels}) > 3
    page.context.close()


@HOSTILE
def test_no_name_is_run_and_each_is_shown_as_it_is(
    report: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    watched = opened(browser, request.getfixturevalue(report))
    page = watched.page
    page.locator("main button").evaluate_all("all => all.forEach(button => button.click())")
    if report == "hostile":  # so many that they are a list; a few are a button each
        page.get_by_role("combobox", name="Category").select_option(index=1)
    else:
        page.get_by_role("group", name="Category").get_by_role("button").first.click()
    page.get_by_role("combobox", name="Layer").select_option(index=1)
    for point in page.locator('svg.marks path[aria-roledescription="point"]').all()[::9]:
        point.dispatch_event("mousemove", {"bubbles": True})
    page.wait_for_timeout(200)
    assert page.evaluate("() => window.hits || []") == [] and watched.dialogs == []
    assert [each for each in watched.requests if not each.startswith(("file:", "blob:", "data:"))] == []
    assert page.locator("#sets-summary th", has_text="<img src=x onerror=").count() >= 1
    assert page.locator("main img, main iframe, main object, main link, main meta").count() == 0
    assert watched.complaints == []
    page.context.close()


@HOSTILE
def test_no_name_is_run_without_javascript_either(
    report: str, browser: Browser, request: pytest.FixtureRequest
) -> None:
    hostile = request.getfixturevalue(report)
    watched = opened(browser, hostile, java_script_enabled=False)
    assert (
        watched.page.locator("main img, main iframe, main object, main link, main meta, main script").count()
        == 0
    )
    assert watched.requests == [hostile.file.as_uri()]
    watched.page.context.close()


def test_the_policy_stops_a_program_that_was_written_into_the_page(
    browser: Browser, whole: Reported, tmp_path: Path
) -> None:
    changed = tmp_path / "report.html"
    program = "<script>window.hits = [1]</script><img src='http://attack.invalid/1'>"
    changed.write_text(whole.text.replace("<main", f"{program}<main", 1), encoding="utf-8")
    watched = opened(browser, Reported(whole.study, changed))
    assert watched.page.evaluate("() => window.hits || []") == []
    assert any("Content Security Policy" in complaint for complaint in watched.complaints)
    watched.page.context.close()
