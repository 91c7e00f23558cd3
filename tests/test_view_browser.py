"""The pages in a real browser: Debian's Chromium, without a screen."""

import os
import re
import shutil

import pytest
from playwright.sync_api import expect, sync_playwright

import report_examples
from report_examples import manifest
from shift_examples import ORDERS, make_plan, order_file, work
from shopfloor.record import RunFolder
from shopfloor.report.tell import tell
from view_examples import made_up, served, session

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
TICK_S = 0.02


def executable():
    """Return the system's Chromium; browsers are never fetched for a test."""
    found = next(filter(None, map(shutil.which, NAMES)), None)
    if found is not None:
        return found
    said = "no Chromium here; install it: .ci/system chromium (or apt-get install chromium)"
    if os.environ.get("CI"):
        pytest.fail(said)
    pytest.skip(said)
    return None


@pytest.mark.parametrize(
    ("env", "ends"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)]
)
def test_without_a_browser_these_tests_are_not_passed(monkeypatch, tmp_path, env, ends):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CI", env)
    with pytest.raises(ends, match="no Chromium here; install it"):
        executable()


@pytest.fixture(scope="module")
def browser():
    # As root, in a container, Chromium has no sandbox of its own to go into.
    flags = ["--no-sandbox", "--disable-dev-shm-usage"] if os.geteuid() == 0 else []
    path = executable()
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=flags)
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A run that was really worked, filmed and failed once, and two made-up ones."""
    root = tmp_path_factory.mktemp("runs")
    orders = [ORDERS[0] | {"time_limit_s": 1.2}, ORDERS[2]]
    plan = make_plan(order_file=order_file(root, orders), video=True)
    work(plan, root / "real")
    made_up(root / "monday", 8, failing=0.5, created="2026-11-20T08:00:00Z")
    made_up(root / "tuesday", 8, failing=0.1, created="2026-11-20T09:00:00Z", brain="other")
    return root


@pytest.fixture(scope="module")
def address(root):
    with served(root) as url:
        yield url


@pytest.fixture
def page(browser, address):
    """A page on which nothing may go wrong and which may ask nobody else."""
    context = browser.new_context(locale="en-GB", base_url=address)
    opened = context.new_page()
    opened.set_default_timeout(10_000)
    wrong = []
    opened.on("console", lambda said: said.type in ("error", "warning") and wrong.append(said.text))
    opened.on("pageerror", lambda error: wrong.append(str(error)))
    opened.on(
        "request", lambda asked: asked.url.startswith(address + "/") or wrong.append(asked.url)
    )
    yield opened
    context.close()
    assert not wrong


def ready(page, lot=0):
    page.goto(f"/run/real/episode/{lot}")
    page.wait_for_function(
        "() => [...document.querySelectorAll('video')].every((v) => v.readyState >= 2)"
    )


def moment(page):
    """Return the tick that the page shows, and where each video stands [s], once they stand."""
    page.wait_for_function("() => ![...document.querySelectorAll('video')].some((v) => v.seeking)")
    tick = int(page.locator("#track").get_attribute("aria-valuenow"))
    return tick, page.eval_on_selector_all("video", "videos => videos.map((v) => v.currentTime)")


def test_the_keyboard_alone_leads_from_the_list_to_an_episode(page):
    page.goto("/")
    expect(page.locator("tr[data-row]")).to_have_count(3)

    def go(pattern):
        for _ in range(40):
            page.keyboard.press("Tab")
            link = page.evaluate("document.activeElement.getAttribute('href') || ''")
            if re.fullmatch(pattern, link):
                outline = "getComputedStyle(document.activeElement).outlineStyle"
                assert page.evaluate(outline) != "none"
                page.keyboard.press("Enter")
                page.wait_for_url(f"**{link}")
                return
        pytest.fail(f"no way by Tab to {pattern}")

    go("/run/real")
    go("/run/real/episodes")
    page.keyboard.press("j")
    page.keyboard.press("j")
    assert page.evaluate("document.activeElement.textContent") == "1"
    page.keyboard.press("k")
    page.keyboard.press("Enter")
    page.wait_for_url("**/run/real/episode/0")
    page.keyboard.press("j")
    page.wait_for_url("**/run/real/episode/1")
    page.keyboard.press("k")
    page.wait_for_url("**/run/real/episode/0")


def test_a_click_on_the_timeline_takes_all_videos_there(page, root):
    story = tell(RunFolder.open(root / "real"), 0)
    ready(page)
    assert moment(page)[0] == 0
    track = page.locator("#track svg").bounding_box()
    for share in (0.5, 0.9, 0.25):
        page.mouse.click(track["x"] + share * track["width"], track["y"] + 5)
        tick, stands = moment(page)
        assert tick == pytest.approx(share * story.last_tick, abs=story.last_tick / 100)
        for ticks, at in zip(story.frames.values(), stands, strict=True):
            seen = max(taken for taken in ticks if taken <= tick)
            assert 0 <= at - seen * TICK_S < ticks[1] * TICK_S  # within that picture
        left = page.locator(".cursor").get_attribute("x1")
        assert float(left.rstrip("%")) == pytest.approx(100 * tick / story.last_tick)


def test_the_keys_move_by_picture_by_tick_and_by_event(page, root):
    story = tell(RunFolder.open(root / "real"), 0)
    frames = next(iter(story.frames.values()))
    ready(page)
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert moment(page)[0] == frames[2]
    page.keyboard.press("Shift+ArrowRight")
    tick, stands = moment(page)
    assert tick == frames[2] + 1
    assert int(stands[0] / (frames[1] * TICK_S) + 1e-3) == 2
    page.keyboard.press("ArrowLeft")
    assert moment(page)[0] == frames[2]
    page.keyboard.press("Home")
    before = moment(page)[1][0]
    seen = set()
    for _ in range(6):
        page.keyboard.press("n")
        line = page.locator("#events li.current")
        expect(line).to_have_count(1)
        assert int(line.get_attribute("data-tick")) == moment(page)[0]
        seen.add(line.get_attribute("id"))
    assert len(seen) == 6
    assert moment(page)[1][0] > before
    page.keyboard.press("End")
    assert moment(page)[0] == story.last_tick
    page.keyboard.press("?")
    expect(page.locator("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator("dialog")).to_be_hidden()


def test_a_video_plays_and_everything_follows_it(page):
    ready(page, 1)
    assert page.evaluate("document.querySelector('video').error") is None
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('video').currentTime > 0.4")
    page.keyboard.press("Space")
    page.wait_for_function("() => document.querySelector('video').paused")
    tick, stands = moment(page)
    assert 0.3 < tick * TICK_S <= stands[0] + 0.01
    expect(page.locator("#events li.current")).to_have_count(1)
    page.keyboard.press("Home")
    expect(page.locator("#asked img")).to_have_count(1)
    wide = page.wait_for_function("() => document.querySelector('#asked img').naturalWidth")
    assert wide.json_value() > 600


def test_where_the_brain_pointed_lies_on_what_it_saw(page, root):
    story = tell(RunFolder.open(root / "real"), 0)
    u, v = next(call for call in story.calls if "point" in call.arguments).arguments["point"]
    width, _ = story.questions[0].shown[0].size
    ready(page)
    for place in ("#asked", "#events"):
        shown = page.locator(f"{place} .shown").first
        image, drawn = (shown.locator(part).bounding_box() for part in ("img", "svg"))
        assert image == pytest.approx(drawn, abs=0.5)
        spot = shown.locator("circle").first.bounding_box()
        scale = image["width"] / width
        assert spot["x"] + spot["width"] / 2 - image["x"] == pytest.approx(scale * u, abs=1)
        assert spot["y"] + spot["height"] / 2 - image["y"] == pytest.approx(scale * v, abs=1)


def test_the_reason_of_a_failure_leads_to_its_moment(page, root):
    entry = RunFolder.open(root / "real").entries()[0]
    assert entry.code == "order.timeout"
    ready(page)
    page.locator(".lede a[data-tick]").click()
    assert moment(page)[0] == entry.code_tick
    expect(page.locator("aside .bad").first).to_contain_text("the time limit of the order was over")


def test_chinese_stays_chinese(page):
    page.goto("/")
    page.get_by_role("link", name="中文").click()
    expect(page.locator("h1")).to_have_text("运行")
    page.goto("/run/real/episode/0")
    expect(page.locator("#h-events")).to_have_text("经过")
    expect(page.locator("aside .bad").first).to_contain_text("超过工单时限")
    expect(page.locator("html")).to_have_attribute("lang", "zh")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#h-events")).to_have_text("What happened")


def test_a_page_changes_while_the_run_goes_on_and_says_when_it_is_over(page, root):
    path = root / "live"
    entries = report_examples.shift(3)
    run = RunFolder.create(path, manifest(orders=3, created="2026-11-25T08:00:00Z"))

    def commit(lot):
        (path / "episodes" / f"{lot:06d}").mkdir()
        run.index(entries[lot])

    try:
        commit(0)
        page.goto("/run/live")
        expect(page.locator(".doing")).to_have_text("running")
        expect(page.locator(".going strong")).to_have_text("1 of 3 orders")
        page.locator("#to-episodes").focus()
        commit(1)
        expect(page.locator(".going strong")).to_have_text("2 of 3 orders")
        assert page.evaluate("document.activeElement.id") == "to-episodes"
        commit(2)
        run.add_session(session(3))
    finally:
        run.close()
    expect(page.locator(".doing")).to_have_text("finished")
    expect(page.locator("#live")).not_to_have_attribute("data-live", re.compile("."))
    shutil.rmtree(path)


def test_picked_runs_are_compared(page):
    page.goto("/")
    for name in ("monday", "tuesday"):
        page.locator(f"#pick-{name}").check()
    page.get_by_role("button", name="Compare the picked runs").click()
    expect(page.locator(".verdict")).to_have_count(1)
    page.get_by_role("link", name="Full comparison").click()
    expect(page.locator("h1")).to_contain_text("esolved")


def test_pages_can_be_read_on_a_telephone_and_without_javascript(browser, address):
    context = browser.new_context(
        java_script_enabled=False, viewport={"width": 400, "height": 800}, base_url=address
    )
    page = context.new_page()
    for path in ("/", "/run/real", "/run/real/episodes", "/run/real/episode/0"):
        page.goto(path)
        wide = page.locator("html").evaluate("page => page.scrollWidth")
        assert wide <= 400, path
    expect(page.locator("video[controls]")).to_have_count(2)
    expect(page.locator("#events li").first).to_be_visible()
    expect(page.locator("#play")).to_be_hidden()
    expect(page.locator("#events details[open] pre").first).to_be_visible()  # where it went wrong
    context.close()


def test_a_page_says_when_nobody_answers_any_more(browser, tmp_path):
    with RunFolder.create(tmp_path / "run", manifest(orders=3)), served(tmp_path) as url:
        page = browser.new_page()
        page.goto(f"{url}/run/run")
        expect(page.locator(".doing")).to_have_text("running")
        page.route("**/*", lambda route: route.abort())
        expect(page.locator(".lost")).to_be_visible()
        page.unroute("**/*")
        expect(page.locator(".lost")).to_be_hidden()
        page.close()
