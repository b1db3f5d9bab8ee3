"""Take the README's picture of the page: the drawn creature of draw_creature.py, strokes over it, before and after side by side.

Usage: python examples/page_picture.py FILE.jpg [--size 1280x800] [--dark]     needs chromium, chromedriver and selenium
"""

import argparse
import base64
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains

FLAGS = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --hide-scrollbars"
STROKES = {
    "foreground": [[(-0.08, 0.04), (0.1, 0.04)], [(-0.06, 0.2), (0.06, 0.28), (0.2, 0.2)], [(-0.08, -0.08), (0.05, -0.13), (0.2, -0.05)]],
    "background": [
        [(-0.4, -0.38), (-0.1, -0.42), (0.38, -0.38)],
        [(-0.42, -0.2), (-0.42, 0.3), (-0.36, 0.46)],
        [(0.43, -0.2), (0.43, 0.3), (0.38, 0.46)],
    ],
}


@contextmanager
def service() -> Iterator[str]:
    """The address of a service, which ends with the block."""
    command = [sys.executable, "-m", "mattecli", "serve", "--port", "0", "--timeout", "600"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def open_browser(width: int, height: int, dark: bool, profile: str) -> Any:
    options = webdriver.ChromeOptions()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in [*FLAGS.split(), f"--user-data-dir={profile}"]:
        options.add_argument(flag)
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(shutil.which("chromedriver")))
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
    return driver


def wait_for_matte(driver: Any, word: str) -> None:
    deadline = time.monotonic() + 600
    while word not in driver.find_element("id", "facts").text or driver.find_element("id", "progress").is_displayed():
        if time.monotonic() > deadline:
            sys.exit(f"no matte: {driver.find_element('id', 'alert').text}")
        time.sleep(0.2)


def draw(driver: Any) -> None:
    """Draw STROKES, whose points are shares of the picture's size from its middle."""
    canvas = driver.find_element("id", "canvas")
    scale = min((canvas.size["width"] - 48) / 720, (canvas.size["height"] - 144) / 540)
    for tool, lines in STROKES.items():
        driver.execute_script(f"document.querySelector('input[value={tool}]').click()")
        for line in lines:
            offsets = [(round(x * 720 * scale), round(y * 540 * scale)) for x, y in line]
            actions = ActionChains(driver, duration=30).move_to_element_with_offset(canvas, *offsets[0]).click_and_hold()
            for offset in offsets[1:]:
                actions.move_to_element_with_offset(canvas, *offset)
            actions.release().perform()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--size", default="1280x800")
    parser.add_argument("--dark", action="store_true")
    arguments = parser.parse_args()
    width, height = (int(side) for side in arguments.size.split("x"))
    with tempfile.TemporaryDirectory() as folder, service() as address:
        subprocess.run([sys.executable, str(Path(__file__).with_name("draw_creature.py")), folder], check=True)
        driver = open_browser(width, height, arguments.dark, f"{folder}/profile")
        try:
            driver.get(address)
            driver.find_element("id", "file").send_keys(f"{folder}/photo.png")
            wait_for_matte(driver, "720")
            draw(driver)
            wait_for_matte(driver, "from strokes")
            driver.execute_script(
                "document.querySelector('input[name=backdrop][value=checker]').click(); document.getElementById('compare').click();"
                "const divider = document.getElementById('divider-range'); divider.value = 40; divider.dispatchEvent(new Event('input'))"
            )
            time.sleep(0.5)
            shot = driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "jpeg", "quality": 82})
            arguments.file.write_bytes(base64.b64decode(shot["data"]))
        finally:
            driver.quit()


if __name__ == "__main__":
    main()
