"""mattecli does not change the state of a program that imports it, measured in a fresh process before, during and after calls."""

import subprocess
import sys
from pathlib import Path

SNAPSHOT = """
import gc, locale, logging, os, signal, sys, threading, warnings
import cv2, numpy, torch
from PIL import Image, ImageFile

def snapshot():
    return {
        "environment": dict(os.environ),
        "folder": os.getcwd(),
        "umask": (lambda mask: (os.umask(mask), mask)[1])(os.umask(0)),
        "threads": (torch.get_num_threads(), torch.get_num_interop_threads(), cv2.getNumThreads()),
        "running": sorted(thread.name for thread in threading.enumerate()),
        "torch": (
            torch.get_default_dtype(), torch.is_grad_enabled(), torch.is_inference_mode_enabled(), torch.get_float32_matmul_precision(),
            torch.backends.cudnn.allow_tf32, torch.backends.cudnn.benchmark, torch.backends.cudnn.deterministic,
            torch.backends.mkldnn.enabled, torch.are_deterministic_algorithms_enabled(), torch._C._jit_texpr_fuser_enabled(),
            torch.initial_seed(), str(torch.get_rng_state().tolist()),
        ),
        "numpy": (str(numpy.geterr()), str(numpy.random.get_state())),
        "pillow": (Image.MAX_IMAGE_PIXELS, ImageFile.LOAD_TRUNCATED_IMAGES, ImageFile.MAXBLOCK),
        "opencv": (cv2.useOptimized(), cv2.ocl.useOpenCL()),
        "python": (
            list(warnings.filters), signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM), sys.getrecursionlimit(),
            sys.excepthook, sys.stdout, locale.setlocale(locale.LC_ALL), gc.isenabled(), logging.root.level, list(logging.root.handlers),
        ),
    }

def changed(before, after):
    return [(name, before[name], after[name]) for name in before if before[name] != after[name]]

def counts():
    # torch's threads for this thread, and for one that starts now
    found = [torch.get_num_threads()]
    thread = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    thread.start()
    thread.join()
    return found

torch.set_num_threads(4)  # the choice of the program, which stays
before, threads = snapshot(), counts()
"""

CALLS = """
import mattecli
assert changed(before, snapshot()) == [], ("import", changed(before, snapshot()))
model = mattecli.load("fusion")
assert changed(before, snapshot()) == [], ("load", changed(before, snapshot()))
matte = model("photo.png", trimap="trimap.png")
matte.over("orange"), matte.save("cutout.png")
assert changed(before, snapshot()) == [], ("call", changed(before, snapshot()))
during = []
mattecli.matte_video("frames", "frames_out/%03d.png", model=model, trimap="trimap.png", fps=25, on_frame=lambda *_: during.append(counts()))
assert [*during, counts()] == [threads] * 3, ("threads during a video", during)
assert changed(before, snapshot()) == [], ("video", changed(before, snapshot()))
"""


def _run(code: str, folder: Path) -> None:
    done = subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_importing_loading_and_calling_leave_the_process_unchanged(scene: Path) -> None:
    frames = scene / "frames"
    frames.mkdir()
    for number in (1, 2):
        (frames / f"{number}.png").write_bytes((scene / "photo.png").read_bytes())
    _run(SNAPSHOT + CALLS, scene)


def test_the_import_loads_no_torch(tmp_path: Path) -> None:
    heavy = "{'torch', 'numpy', 'cv2', 'PIL', 'av', 'typer', 'rich'}"
    _run(f"import sys, mattecli; assert not {heavy} & set(sys.modules); mattecli.models(); assert 'torch' not in sys.modules", tmp_path)
