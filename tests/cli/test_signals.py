"""Ctrl-C and SIGTERM end a command whatever a model does, and leave nothing half written."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch import Tensor

from mattecli.core import export
from mattecli.core.contract import ExportInfo

RUN = """
import signal, sys
for number in (signal.SIGTERM, signal.SIGHUP):  # whoever runs the tests may ignore them (nohup)
    signal.signal(number, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)
from mattecli.cli import signals
signals.GRACE_SECONDS = 0.5
from mattecli.cli.app import app
app(sys.argv[1:])
"""


class Endless(torch.nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        while bool(image.max() < 2):
            image = image * 0.5
        return image[:, :1], None


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_model_without_end_is_interrupted(scene: Path, number: signal.Signals) -> None:
    export.export(Endless(), scene / "endless.pt", ExportInfo("endless", "toy", (), {}, False, None, "none", {}))
    before = sorted(path.name for path in scene.iterdir())
    words = ["image", "photo.png", "-m", "endless.pt", "-o", "out.png"]
    process = subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=scene, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any("device" in line for line in process.stderr), "which is told before the model loads"
    time.sleep(3)  # on a busy machine the signal may still come before the model begins; then it ends as any command does
    process.send_signal(number)
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 128 + number
    assert any(word in said for word in ("did not end", "interrupted", "stopped")) and "Traceback" not in said
    assert sorted(path.name for path in scene.iterdir()) == before
