"""The page in a real browser: headless Chromium, driven through its driver."""

import base64
import importlib.resources
import io
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mattecli.cli.app import app
from tests.serve.client import Client
from tests.serve.conftest import Start, wait_until

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
MORE_FLAGS = "--disable-component-update --disable-sync --force-color-profile=srgb --window-size=1280,800"


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Chromium, with its downloads in the folder `driver.downloads`. Skips where there is none, but never in CI."""
    chromium, chromedriver = shutil.which("chromium"), shutil.which("chromedriver")
    if chromium is None or chromedriver is None:
        if os.environ.get("CI"):
            pytest.fail("chromium and chromedriver are missing; install them")
        pytest.skip("chromium and chromedriver are not installed")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for flag in [*FLAGS.split(), *MORE_FLAGS.split(), f"--user-data-dir={tmp_path_factory.mktemp('profile')}"]:
        options.add_argument(flag)
    downloads = tmp_path_factory.mktemp("downloads")
    options.add_experimental_option("prefs", {"download.default_directory": str(downloads)})
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(chromedriver))
    driver.downloads = downloads  # type: ignore[attr-defined]
    yield driver
    driver.quit()


class Page:
    """The page as a person uses it."""

    def __init__(self, driver: Any, address: str) -> None:
        self.driver = driver
        for file in driver.downloads.iterdir():
            file.unlink()
        driver.get(address)
        wait_until(lambda: "MB" in self.text("limits"), "the page shows the limits")

    def find(self, selector: str) -> Any:
        return self.driver.find_element("css selector", selector)

    def text(self, name: str) -> str:
        return str(self.driver.execute_script("return document.getElementById(arguments[0]).textContent", name))

    def choose(self, name: str, value: str) -> None:
        self.driver.execute_script(f'document.querySelector(\'input[name="{name}"][value="{value}"]\').click()')

    def drop(self, file: Path) -> None:
        """Drop a file on the window: the drop event, with the file in its DataTransfer."""
        self.driver.execute_script(
            """
            const bytes = Uint8Array.from(atob(arguments[0]), (letter) => letter.charCodeAt(0));
            const transfer = new DataTransfer();
            transfer.items.add(new File([bytes], arguments[1], { type: 'image/png' }));
            window.dispatchEvent(new DragEvent('drop', { dataTransfer: transfer, bubbles: true, cancelable: true }));
            """,
            base64.b64encode(file.read_bytes()).decode(),
            file.name,
        )

    def wait_for_matte(self, guide: str = "") -> None:
        """Wait for a matte made from strokes or a trimap, or for the first one."""
        wanted = f"from {guide}" if guide else "96 × 72"
        wait_until(lambda: self.alert() != "" or (wanted in self.text("facts") and not self.is_busy()), f"a matte {wanted}")
        assert self.alert() == ""

    def is_busy(self) -> bool:
        return bool(self.find("#progress").is_displayed())

    def alert(self) -> str:
        return str(self.find("#alert").text)

    def draw(self, *points: tuple[float, float]) -> None:
        """Draw with the mouse through points of the picture, given as shares of its width and height."""
        from selenium.webdriver.common.action_chains import ActionChains

        canvas = self.find("#canvas")
        width, height = canvas.size["width"], canvas.size["height"]
        scale = min((width - 48) / 96, (height - 144) / 72)
        offsets = [(round((x - 0.5) * 96 * scale), round((y - 0.5) * 72 * scale)) for x, y in points]
        actions = ActionChains(self.driver, duration=20).move_to_element_with_offset(canvas, *offsets[0]).click_and_hold()
        for offset in offsets[1:]:
            actions.move_to_element_with_offset(canvas, *offset)
        actions.release().perform()

    def shown(self, x: float, y: float) -> list[int]:
        """The colour on the screen at a point of the picture, without what is painted over it."""
        canvas = self.find("#canvas")
        stream = io.BytesIO(canvas.screenshot_as_png)
        picture = np.asarray(Image.open(stream).convert("RGB"))
        height, width = picture.shape[:2]
        scale = min((width - 48) / 96, (height - 144) / 72)
        return list(picture[round(height / 2 + (y - 0.5) * 72 * scale), round(width / 2 + (x - 0.5) * 96 * scale)])

    def download(self, kind: str) -> bytes:
        self.find(f'[data-download="{kind}"]').click()
        file = self.driver.downloads / f"photo_{kind}.png"
        wait_until(file.exists, f"{kind} is downloaded")
        return bytes(file.read_bytes())


@pytest.fixture
def page(driver: Any, client: Client) -> Page:
    return Page(driver, client.address)


def test_a_dropped_photo_with_strokes_and_undo_downloads_what_the_command_writes(page: Page, pictures: Path, tmp_path: Path) -> None:
    page.drop(pictures / "photo.png")
    page.wait_for_matte()
    page.choose("view", "alpha")
    page.find("#show-strokes").click()
    assert page.shown(0.5, 0.5) == [255, 255, 255] and page.shown(0.1, 0.1) == [0, 0, 0]

    page.draw((0.48, 0.45), (0.54, 0.55))
    assert "Background" in page.text("hint"), "one kind of stroke is not enough, and the page says what is missing"
    page.choose("tool", "background")
    page.draw((0.05, 0.05), (0.95, 0.06), (0.95, 0.94), (0.05, 0.94))
    page.draw((0.36, 0.35), (0.36, 0.65))  # the left of the disc is said to be background
    page.wait_for_matte("strokes")
    assert page.shown(0.36, 0.5) == [0, 0, 0], "the matte has changed under the stroke"
    strokes = tmp_path / "strokes.png"
    strokes.write_bytes(page.download("strokes"))
    downloaded = page.download("cutout")
    done = CliRunner().invoke(app, ["image", str(pictures / "photo.png"), "--strokes", str(strokes), "-o", str(tmp_path / "made.png")])
    assert done.exit_code == 0, done.output
    assert downloaded == (tmp_path / "made.png").read_bytes()

    page.find("#undo").click()
    wait_until(lambda: page.shown(0.36, 0.5) == [255, 255, 255], "the matte is as it was before the stroke")
    assert page.find("#redo").is_enabled()
    assert page.driver.get_log("browser") == [], "nothing failed, and the policy for content let everything through"


def test_a_trimap_can_be_painted(page: Page, pictures: Path) -> None:
    page.drop(pictures / "photo.png")
    page.wait_for_matte()
    page.choose("mode", "trimap")
    wait_until(lambda: "unknown" in page.text("hint"), "the trimap is shown")
    page.choose("tool", "background")
    page.draw((0.45, 0.5), (0.55, 0.5))
    page.wait_for_matte("trimap")
    trimap = np.asarray(Image.open(io.BytesIO(page.download("trimap"))))
    assert trimap[36, 48] == 0 and trimap[25, 48] == 255


def test_painting_works_with_the_keyboard_alone(page: Page, pictures: Path) -> None:
    from selenium.webdriver.common.keys import Keys

    page.drop(pictures / "photo.png")
    page.wait_for_matte()
    canvas = page.find("#canvas")
    canvas.send_keys(Keys.ENTER, *[Keys.ARROW_DOWN] * 5, Keys.ENTER)
    canvas.send_keys("b", *[Keys.SHIFT + Keys.ARROW_UP] * 20, Keys.NULL, Keys.ENTER, *[Keys.ARROW_LEFT] * 5, Keys.ENTER)
    page.wait_for_matte("strokes")
    canvas.send_keys(Keys.CONTROL + "z")
    wait_until(lambda: "Background" in page.text("hint"), "the background stroke is undone")


def test_refusals_of_the_server_are_shown_as_a_sentence(driver: Any, start: Start, pictures: Path) -> None:
    page = Page(driver, start(model="closed-form", max_pixels=1000).address)
    page.drop(pictures / "photo.png")
    wait_until(lambda: "scale it down" in page.alert(), "the page says what is wrong")


def test_a_token_is_asked_for_and_used(driver: Any, start: Start, pictures: Path) -> None:
    client = start(token="a-token-that-nobody-guesses")
    driver.get(client.address)
    form = driver.find_element("css selector", "#token-form")
    wait_until(form.is_displayed, "the page asks for the token")
    page = Page(driver, f"{client.address}?again#token=a-token-that-nobody-guesses")
    assert "token" not in driver.current_url
    page.drop(pictures / "photo.png")
    page.wait_for_matte()


@pytest.fixture(params=[(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")], ids=str)
def screen(request: pytest.FixtureRequest, driver: Any) -> Iterator[int]:
    """The width of a window, in CSS pixels, with a light or a dark colour scheme."""
    width, scheme = request.param
    metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    yield width
    driver.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_no_element_is_clipped_and_axe_reports_no_violation(driver: Any, client: Client, pictures: Path, screen: int) -> None:
    page = Page(driver, client.address)
    assert faults(driver) == []
    page.drop(pictures / "photo.png")
    page.wait_for_matte()
    page.draw((0.48, 0.45), (0.54, 0.55))
    assert faults(driver) == []
    page.choose("mode", "trimap")
    wait_until(lambda: "unknown" in page.text("hint"), "the trimap is shown")
    driver.execute_script("document.getElementById('show-keys').click()")
    assert faults(driver) == []
    assert driver.execute_script("return document.documentElement.scrollWidth") <= screen


def faults(driver: Any) -> list[str]:
    """What axe-core finds wrong with the page as it is."""
    driver.execute_script((importlib.resources.files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
    result = driver.execute_async_script("axe.run().then(arguments[arguments.length - 1])")
    return [f"{fault['impact']} {fault['id']}: {[node['target'] for node in fault['nodes']]}" for fault in result["violations"]]
