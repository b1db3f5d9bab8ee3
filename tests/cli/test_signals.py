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
    """A model without end but for the tiny square that it is settled with."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        while image.shape[2] != image.shape[3] and bool(image.max() < 2):
            image = image * 0.5
        return image[:, :1], None


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_a_command_whose_model_does_not_return(scene: Path, number: signal.Signals) -> None:
    export.export(Endless(), scene / "endless.pt", ExportInfo("endless", "toy", (), {}, False, None, "none", {}))
    before = sorted(path.name for path in scene.iterdir())
    words = ["image", "photo.png", "-m", "endless.pt", "--max-memory", "60G", "-o", "out.png"]
    process = subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=scene, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    assert any("expected peak memory" in line for line in process.stderr), "which is told before the model runs"
    time.sleep(2)  # until it runs
    process.send_signal(number)
    said = process.stderr.read()
    process.stderr.close()
    assert process.wait() == 128 + number
    assert "did not end" in said and "Traceback" not in said
    assert sorted(path.name for path in scene.iterdir()) == before
