"""S14: the page in Chromium: arithmetic against the library, every slider, card and answer, print, accessibility."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labelsmooth.lesson import _facts, cards, page, practice
from labelsmooth.lesson.recording import recordings

pytestmark = pytest.mark.browser
NAMES = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    binary = next((path for path in map(shutil.which, NAMES) if path), None)
    if binary is None:
        if os.environ.get("CI") == "true":
            pytest.fail(f"no browser found; install one of {', '.join(NAMES)}", pytrace=False)
        pytest.skip(f"no browser found (looked for {', '.join(NAMES)})")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=binary, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return page.write(tmp_path_factory.mktemp("lesson") / "learn.html")


@pytest.fixture(scope="module")
def visit(browser: Any, file: Path) -> Iterator[Any]:
    """One page for all tests, with what it said and asked for."""
    opened = browser.new_page(viewport={"width": 1280, "height": 900}, color_scheme="light")
    opened.heard = []
    opened.on("console", lambda message: opened.heard.append(message.text))
    opened.on("pageerror", lambda error: opened.heard.append(str(error)))
    opened.on("request", lambda request: opened.heard.append(request.url))
    opened.goto(file.as_uri())
    yield opened
    assert [words for words in opened.heard if words != file.as_uri() and not words.startswith("data:")] == []


def settings() -> list[dict[str, Any]]:
    draw = random.Random(20)
    found = []
    for _ in range(200):
        k = draw.randint(2, 10)
        logits = [round(draw.uniform(-10, 10), draw.choice([0, 1, 15])) for _ in range(k)]
        amount = draw.choice([0.0, 1.0, round(draw.random(), 2), draw.random()])
        found.append(
            {
                "z": logits,
                "label": draw.randrange(k),
                "amount": amount,
                "convention": draw.choice(["uniform", "others"]),
            }
        )
    return found


def test_the_arithmetic_in_the_browser_is_that_of_the_library(visit: Any) -> None:
    program = "all => all.map(s => Arithmetic.split(s.z, s.label, s.amount, s.convention))"
    drawn = settings()
    for given, shown in zip(drawn, visit.evaluate(program, drawn), strict=True):
        row = (given["z"], given["amount"], given["label"], given["convention"])
        seen = _facts.see(*row)
        expected = {
            "hard": seen.nll,
            "loss": seen.loss,
            "floor": seen.floor,
            "excess": seen.excess,
            "pull": seen.loss - seen.nll,
        }
        for name, value in expected.items():
            assert shown[name] == pytest.approx(value, abs=1e-9), (given, name)
        assert shown["gradient"] == pytest.approx(_facts.gradient(*row), abs=1e-9)
        target = _facts.target(len(given["z"]), given["amount"], given["convention"], given["label"])
        assert shown["q"] == pytest.approx(target, abs=1e-12)


def test_conversions_and_the_best_gap_in_the_browser(visit: Any) -> None:
    for k in range(2, 11):
        for amount in (0.01, 0.05, 0.1, 0.3):
            pair = visit.evaluate(
                "([k, e]) => [Arithmetic.toUniform(e, k), Arithmetic.bestGap(k, e, 'uniform')]", [k, amount]
            )
            assert pair == pytest.approx([_facts.to_uniform(amount, k), _facts.best_gap(k, amount)], abs=1e-12)


def test_a_wrong_arithmetic_would_be_found(visit: Any) -> None:
    """Negative control: the same comparison sees a loss whose pull has the wrong sign."""
    given = settings()[3]
    shown = visit.evaluate(
        "s => { const r = Arithmetic.split(s.z, s.label, s.amount, s.convention); return r.hard - r.pull; }", given
    )
    assert shown != pytest.approx(
        _facts.see(given["z"], given["amount"], given["label"], given["convention"]).loss, abs=1e-9
    )


def wait_for(visit: Any, condition: str) -> None:
    """Ask until it holds; Playwright's own waiting needs eval in the page, which the page's policy forbids."""
    for _ in range(200):
        if visit.evaluate(condition):
            return
        visit.wait_for_timeout(25)
    pytest.fail(f"never true: {condition}")


def slide(visit: Any, selector: str, value: float) -> None:
    visit.locator(selector).evaluate(
        "(e, v) => { e.value = v; e.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def shown(visit: Any, name: str) -> str:
    return str(visit.locator(f"#machine [data-show={name}]").inner_text()).replace("−", "-")


def test_every_slider_of_the_machine_moves_what_it_should(visit: Any) -> None:
    slide(visit, "#ls-classes", 10)
    assert visit.locator(".ls-row:not(.ls-row-head):visible").count() == 10
    visit.get_by_role("button", name="sure and right").click()
    for amount, best in ((0.0, "∞"), (0.05, "5.25"), (0.1, "4.51"), (0.9, "0.75")):
        slide(visit, "#ls-amount", amount)
        assert shown(visit, "best-gap") == best
        loss, floor, excess = (float(shown(visit, name)) for name in ("loss", "floor", "excess"))
        assert excess == pytest.approx(loss - floor, abs=0.0011)
    slide(visit, "#ls-amount", 0.1)
    assert "lowers the true logit" in visit.locator(".ls-said").inner_text()
    for k in range(10):
        slide(visit, f".ls-row:nth-of-type({k + 2}) input[type=range]", -3 + k)
    assert float(shown(visit, "gap")) == pytest.approx(-3 - 2)
    visit.locator("#ls-label-9").check()
    assert float(shown(visit, "gap")) == pytest.approx(6 - 1)
    visit.get_by_role("radio", name="others fairseq").check()
    assert shown(visit, "others-true") == "0.9000"
    assert "0.1111" in shown(visit, "to-uniform")
    visit.get_by_role("button", name="at its best").click()
    assert float(shown(visit, "excess")) == pytest.approx(0, abs=0.001)
    slide(visit, "#ls-classes", 2)
    assert visit.locator(".ls-row:not(.ls-row-head):visible").count() == 2


def test_sliders_answer_to_the_keyboard(visit: Any) -> None:
    slide(visit, "#ls-amount", 0.1)
    visit.locator("#ls-amount").focus()
    visit.keyboard.press("ArrowRight")
    assert shown(visit, "amount") == "0.11"


def test_the_replay_shows_the_recording(visit: Any) -> None:
    for name, run in recordings()["runs"].items():
        visit.locator(f"[data-run={name}]").click()
        for at in (0, len(run["epoch"]) // 2, len(run["epoch"]) - 1):
            slide(visit, "#ls-epoch", at)
            assert visit.locator("#replay [data-show=epoch]").inner_text() == str(run["epoch"][at])
            for method, track in run["methods"].items():
                part = visit.locator(f"[data-method={method}]")
                assert part.locator("[data-value=accuracy]").inner_text() == f"{track['accuracy'][at]:.3f}"
                assert part.locator("[data-value=ece]").inner_text() == f"{track['ece'][at]:.3f}"
                filled = sum(count > 0 for count in track["count"][at])
                assert part.locator(f"rect.ls-fill-{method}").count() == filled
        assert visit.locator(f"[data-note={name}]").is_visible()
        assert visit.locator("[data-note]:visible").count() == 1


def test_the_replay_plays_and_stops(visit: Any) -> None:
    visit.locator("[data-run=pydoc]").click()
    visit.locator("#ls-play").click()
    wait_for(visit, "document.querySelector('#replay [data-show=epoch]').textContent != '1'")
    visit.locator("#ls-play").click()
    assert visit.locator("#ls-play").inner_text() == "Play"


def test_steps_open_when_one_commits(visit: Any) -> None:
    for number in range(1, 8):
        step = visit.locator(f"#step-{number}")
        assert not step.locator(".ls-after").is_visible()
        step.locator(".ls-check").click()
        assert step.locator(".ls-judged").inner_text() == "Pick an answer first."
        step.locator("input").nth(int(step.get_attribute("data-answer"))).check()
        step.locator(".ls-check").click()
        assert step.locator(".ls-judged").inner_text() == "Right."
        assert step.locator(".ls-example").is_visible()


def answer(visit: Any, right: bool) -> int:
    """Answer every question, all right or all wrong, in one go; return how many said what they should."""
    program = """
    right => [...document.querySelectorAll('#practice .ls-question')].filter(q => {
      const answer = Number(q.dataset.answer), inputs = [...q.querySelectorAll('input')];
      inputs[right ? answer : (answer + 1) % inputs.length].click();
      q.querySelector('.ls-check').click();
      const said = q.querySelector('.ls-judged').textContent, open = q.querySelector('.ls-after').checkVisibility();
      const marked = q.querySelectorAll('.ls-is-wrong').length;
      return open && said === (right ? 'Right.' : 'Not so.') && marked === (right ? 0 : 1);
    }).length
    """
    return int(visit.evaluate(program, right))


def test_all_answers_wrong_then_right(visit: Any) -> None:
    count = len(practice.questions())
    assert answer(visit, right=False) == count
    assert visit.locator("#ls-score").inner_text().startswith(f"0 right of {count}")
    assert answer(visit, right=True) == count
    assert visit.locator("#ls-score").inner_text().startswith(f"{count} right of {count}")
    assert visit.locator("[data-progress=practice]").inner_text() == f"{count}/{count}"
    visit.locator("#practice [data-level-choice=hard]").click()
    hard = sum(question.level == "hard" for question in practice.questions())
    assert visit.locator("#practice .ls-question:visible").count() == hard
    visit.locator("#practice [data-level-choice=all]").click()
    visit.locator("#ls-practice-again").click()
    assert visit.locator("#ls-score").inner_text().startswith("0 right of 0")


def test_cards_flip_and_come_again(visit: Any) -> None:
    easy = [card for card in cards.cards() if card.level == "easy"]
    visit.locator("#cards [data-level-choice=easy]").click()
    now = visit.locator(".ls-card.ls-now")
    first = now.get_attribute("id")
    assert not now.locator(".ls-back").is_visible()
    visit.locator("#ls-flip").click()
    assert now.locator(".ls-back").is_visible()
    visit.locator("#ls-again").click()
    assert now.get_attribute("id") != first
    order = []
    for _ in easy:
        order.append(now.get_attribute("id"))
        visit.locator("#ls-know").click()
    assert sorted(order) == sorted(f"card-{i + 1}" for i in range(len(easy)))
    assert order.index(first) == 3
    assert visit.locator("#ls-cards-said").inner_text().startswith(f"All {len(easy)} known")
    assert visit.locator("#ls-flip").is_disabled()
    visit.locator("#ls-cards-anew").click()
    assert visit.locator("#ls-cards-said").inner_text().startswith("0 of")


def test_open_recall_counts_what_was_ticked(visit: Any) -> None:
    prompt = visit.locator(".ls-prompt").first
    assert not prompt.locator("fieldset").is_visible()
    prompt.locator("textarea").fill("a share moves")
    prompt.get_by_role("button").click()
    prompt.locator("input").nth(1).check()
    assert prompt.locator(".ls-ticked").inner_text() == "1 of 5"


def test_progress_is_kept(visit: Any) -> None:
    visit.evaluate("Page.remember('cards', {'card-1': true})")
    visit.reload()
    assert visit.locator("#ls-cards-said").inner_text().startswith("1 of")
    visit.evaluate("localStorage.clear()")
    visit.reload()
    visit.heard.clear()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1024, 1600])
def test_nothing_is_cut_off(visit: Any, width: int, scheme: str) -> None:
    visit.emulate_media(color_scheme=scheme)
    visit.set_viewport_size({"width": width, "height": 900})
    visit.wait_for_timeout(60)
    assert visit.evaluate("document.documentElement.scrollWidth") <= width
    outside = """
    w => [...document.querySelectorAll('main *')].filter(e => e.checkVisibility() && !e.closest('pre, svg'))
      .filter(e => e.getBoundingClientRect().right > w + 1).map(e => e.tagName + '.' + e.className)
    """
    assert visit.evaluate(outside, width) == []
    small = "() => Math.min(...[...document.querySelectorAll('svg text')].map(e => e.getBoundingClientRect().height))"
    assert visit.evaluate(small) >= 10
    ground = visit.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (ground == "rgb(255, 255, 255)") == (scheme == "light")


def test_the_map_shows_where_one_is(visit: Any) -> None:
    visit.set_viewport_size({"width": 1280, "height": 900})
    for id in ("myths", "practice", "sheet"):
        visit.evaluate("id => document.getElementById(id).scrollIntoView({behavior: 'instant'})", id)
        wait_for(visit, f"document.querySelector('.ls-map a[aria-current]').hash === '#{id}'")


def test_it_prints_with_everything_open(visit: Any) -> None:
    visit.emulate_media(media="print", color_scheme="dark")
    assert visit.evaluate("getComputedStyle(document.querySelector('main')).backgroundColor") == "rgb(255, 255, 255)"
    hidden = "[...document.querySelectorAll('.ls-solution, .ls-back')].filter(e => !e.checkVisibility()).length"
    assert visit.evaluate(hidden) == 0
    assert visit.pdf()[:5] == b"%PDF-"
    visit.emulate_media(media="screen", color_scheme="light")


def test_the_sheet_is_one_page(browser: Any, tmp_path: Path) -> None:
    sheet = page.write(tmp_path / "sheet.html", only_sheet=True)
    opened = browser.new_page()
    opened.goto(sheet.as_uri())
    assert opened.pdf(format="A4").count(b"/Type /Page\n") == 1
    opened.close()


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    command = [
        npm,
        "install",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--prefix",
        str(folder),
        "axe-core@4.10.3",
    ]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except subprocess.TimeoutExpired:
        pytest.skip("the npm registry did not answer in two minutes")
    if done.returncode:
        pytest.skip(f"the npm registry cannot be reached: {done.stderr.strip()[-200:]}")
    return (folder / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_serious_accessibility_finding(visit: Any, axe: str, scheme: str) -> None:
    visit.emulate_media(media="screen", color_scheme=scheme)
    visit.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    visit.evaluate("document.querySelectorAll('.ls-closed').forEach(e => e.classList.remove('ls-closed'))")
    visit.evaluate(axe + "; 0")
    found = visit.evaluate("axe.run().then(r => r.violations)")
    serious = [each for each in found if each["impact"] in ("serious", "critical")]
    assert serious == [], json.dumps([(s["id"], [n["html"][:150] for n in s["nodes"][:4]]) for s in serious], indent=1)
