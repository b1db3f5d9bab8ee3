"""The examples of docs/python.md run as they stand."""

import re
from pathlib import Path

from mattecli.door.video import ClipSettings

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "python.md"


def test_the_examples_run(scene: Path) -> None:
    (scene / "frames").mkdir()
    for number in range(3):
        (scene / "frames" / f"{number}.png").write_bytes((scene / "photo.png").read_bytes())
    examples = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(examples) >= 8
    exec(compile("\n".join(examples), str(DOCUMENT), "exec"), {})
    written = {file.name for file in scene.rglob("*") if file.is_file()}
    assert {"cutout.png", "orange.jpg", "over_photo.png", "001.png", "002.png"} <= written


def test_every_setting_of_a_clip_is_named() -> None:
    listed = DOCUMENT.read_text().rpartition("Its settings are")[2].partition(":")[2]
    assert re.findall(r"\w+", listed) == list(ClipSettings.__annotations__)
