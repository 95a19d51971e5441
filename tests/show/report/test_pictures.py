"""Pixels in a report: only those that were asked for, of the stimuli that drive the most selective filters."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from support.reported import Reported, opened, study_of
from support.tiny_network import CARD
from toolbox.show.report.run import BUDGET_WITH_IMAGES


@pytest.fixture(scope="module")
def pictured(cache_of_reports: None, tmp_path_factory: pytest.TempPathFactory) -> Reported:
    """A report with images; one picture was rendered, for the most selective filter of red."""
    folder = tmp_path_factory.mktemp("pictured")
    study = study_of(folder, ["red", "<b>green"])
    network = {"model": str(CARD), "weights": str(folder / "tiny.npz")}
    best = study.answer("filters/representative", {"category": "red", "count": 1}).rows.row(0, named=True)
    study.report(folder / "not-rendered.html", with_images=True, **network)
    study.render(layer=best["layer"], filter=best["filter"], seeds=1, steps=4, **network)
    study.report(folder / "report.html", with_images=True, **network)
    return Reported(study, folder / "report.html")


def figure_of(report: Reported, key: str) -> str:
    found = re.search(rf'<figure id="{key}".*?</figure>', report.text, re.DOTALL)
    assert found, key
    return found[0]


def test_every_category_has_its_filters_with_the_pieces_that_drive_them(pictured: Reported) -> None:
    for key, category in (("pictures-1", "&lt;b&gt;green"), ("pictures-2", "red")):
        figure = figure_of(pictured, key)
        assert f"What the filters most selective for {category} respond to" in figure
        images = re.findall(
            r'<img src="data:image/jpeg;base64,[^"]+" width="\d+" height="\d+" alt="([^"]+)">', figure
        )
        assert len(images) >= 3 and all(images)
        assert figure.count("<img") == len(images)
        assert f'data-category="{category}"' in figure


def test_a_rendered_picture_is_shown_with_its_multiple_of_the_best_stimulus(pictured: Reported) -> None:
    figure = figure_of(pictured, "pictures-2")
    assert figure.count('<li class="rendered">') == 1
    assert re.search(r"<span>rendered</span><span>\d\.\d\d × best</span>", figure)
    assert re.search(
        r"the rendered pictures of 1 of them drive the filter \d\.\d times as strongly", figure
    ) or ("the rendered pictures drive the filter" in figure)
    before = Reported(pictured.study, pictured.file.with_name("not-rendered.html"))
    sentence = html.unescape(figure_of(before, "pictures-2"))
    assert "No picture was rendered for them; to make some: toolbox render --category red" in sentence


def test_the_sql_of_pictures_gives_their_stimuli(pictured: Reported) -> None:
    figure = figure_of(pictured, "pictures-2")
    sql = html.unescape(re.findall(r"<pre tabindex=\"0\"><code>(.*?)</code>", figure, re.DOTALL)[1])
    rows = pictured.study.answer(sql).rows
    assert rows.columns == ["layer", "filter", "stimulus_id", "category", "response"]
    assert rows.height == figure.count("piece of a stimulus of")


def test_a_page_with_images_is_within_its_budget_and_tells_no_name_of_a_file(pictured: Reported) -> None:
    assert pictured.file.stat().st_size <= BUDGET_WITH_IMAGES
    assert ".png" not in re.sub(r"<script>.*?</script>", "", pictured.text, flags=re.DOTALL)
    assert str(pictured.file.parent) not in pictured.text


def test_images_that_are_gone_are_no_failure(pictured: Reported, tmp_path: Path) -> None:
    moved = pictured.study.folder.root.parent / "photographs"
    moved.rename(tmp_path / "elsewhere")
    try:
        network = {"model": str(CARD), "weights": str(pictured.file.parent / "tiny.npz")}
        pictured.study.report(tmp_path / "report.html", with_images=True, **network)
    finally:
        (tmp_path / "elsewhere").rename(moved)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Not shown: none of the" in text and "<img" not in re.sub(
        r"<script>.*?</script>", "", text, flags=re.DOTALL
    )


def test_pictures_are_drawn_marked_and_fit_into_a_narrow_window(browser: Browser, pictured: Reported) -> None:
    watched = opened(browser, pictured, width=400)
    page = watched.page
    assert page.evaluate("() => document.documentElement.scrollWidth") == 400
    broken = "all => all.filter(image => !image.complete || !image.naturalWidth).length"
    assert page.locator(".tiles img").count() >= 6
    assert page.locator(".tiles img").evaluate_all(broken) == 0
    page.get_by_role("button", name="red", exact=True).click()
    assert "faint" in str(page.locator("#pictures-1").get_attribute("class"))
    assert "faint" not in (page.locator("#pictures-2").get_attribute("class") or "")
    assert (watched.requests[0], watched.complaints) == (pictured.file.as_uri(), [])
    assert [each for each in watched.requests if not each.startswith(("file:", "data:"))] == []
    page.context.close()


def test_pictures_are_there_without_javascript(browser: Browser, pictured: Reported) -> None:
    page = opened(browser, pictured, java_script_enabled=False).page
    assert page.locator("#pictures-2 img").first.is_visible()
    page.context.close()
