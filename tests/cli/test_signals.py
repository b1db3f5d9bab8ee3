"""Ctrl-C and SIGTERM end a command during a model's call, without incomplete files."""

import contextlib
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
    """A model whose call never returns, except for the tiny picture used while it is exported."""

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        while image.shape[2] != image.shape[3] and bool(image.max() < 2):
            image = image * 0.5
        return image[:, :1], None


def _processor_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads in /proc how long a process has computed")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_command_whose_model_does_not_return(scene: Path, number: signal.Signals) -> None:
    export.export(Endless(), scene / "endless.pt", ExportInfo("endless", "toy", (), {}, False, None, "none", {}))
    before = sorted(path.name for path in scene.iterdir())
    words = ["image", "photo.png", "-m", "endless.pt", "--max-memory", "60G", "-o", "out.png"]
    with subprocess.Popen([sys.executable, "-c", RUN, *words], cwd=scene, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            assert any("expected peak memory" in line for line in process.stderr), "which is told before the model runs"
            begun = _processor_seconds(process.pid)
            while _processor_seconds(process.pid) < begun + 0.6:  # until it runs
                time.sleep(0.01)
            process.send_signal(number)
            said = process.stderr.read()
            assert process.wait() == 128 + number
        finally:
            process.kill()
    assert "did not end" in said and "Traceback" not in said
    assert sorted(path.name for path in scene.iterdir()) == before


GOES_ON = """
import os, signal, time
from mattecli.cli import signals
signals.GRACE_SECONDS = signals.REASON_SECONDS = 0.2
with signals.stopped_by_signals():
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(60)
    except signals.Stopped:
        time.sleep(60)
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
def test_a_signal_ends_a_command_whose_stderr_is_full() -> None:
    kept, full = os.pipe()
    os.set_blocking(full, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(full, b" " * 4096)
    os.set_blocking(full, True)
    assert subprocess.run([sys.executable, "-c", GOES_ON], stderr=full, timeout=50).returncode == 128 + signal.SIGTERM
    os.close(full)
    os.close(kept)


LEFT_INSIDE = """
import os, signal, sys, threading, time
import torch
from mattecli.cli.app import app

def compute():
    picture = torch.rand(100)
    while True:
        picture.sort()

@app.command("wait")
def wait():
    for _ in range(2):
        threading.Thread(target=compute, daemon=True).start()
    threading.Timer(0.3, os.kill, (os.getpid(), NUMBER)).start()
    time.sleep(60)

signal.signal(NUMBER, signal.default_int_handler if NUMBER == signal.SIGINT else signal.SIG_DFL)
torch.set_num_threads(1)
sys.argv = ["matte", "wait"]
app()
"""


@pytest.mark.skipif(os.name != "posix", reason="POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_a_thread_that_computes_does_not_abort_an_interrupted_process(number: signal.Signals) -> None:
    ended = subprocess.run([sys.executable, "-c", LEFT_INSIDE.replace("NUMBER", str(int(number)))], stderr=subprocess.PIPE, text=True)
    assert ended.returncode == 128 + number, ended.stderr
    assert ended.stderr == f"matte: error: {'interrupted' if number == signal.SIGINT else 'stopped'}\n"


LOADING = """
import signal, sys

class Interrupted:
    def find_spec(self, name, *_):
        if name == "mattecli.cli.app":
            signal.raise_signal(signal.SIGINT)

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.meta_path.insert(0, Interrupted())
from mattecli.__main__ import main
main()
"""


def test_ctrl_c_while_the_program_is_loaded_is_one_line() -> None:
    ended = subprocess.run([sys.executable, "-c", LOADING], capture_output=True, text=True)
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "matte: error: interrupted\n")


ENDING = """
from mattecli.cli.app import app

class Freed:
    def __del__(self):
        print("freed")

kept = Freed()
app()
"""


@pytest.mark.parametrize("words, code", [(["--version"], 0), (["image", "none.jpg", "-o", "out.png"], 1), (["image", "--none"], 2)])
def test_a_command_ends_with_its_code_and_without_freeing_what_is_loaded(words: list[str], code: int, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", ENDING, *words], cwd=tmp_path, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == code, done.stderr
    assert "freed" not in done.stdout and (done.stdout.startswith("matte ") or done.stderr)
