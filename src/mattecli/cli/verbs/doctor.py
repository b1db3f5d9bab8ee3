"""`matte doctor`: what this machine has, what is missing, and one line of advice for each."""

import platform
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mattecli import __version__
from mattecli.cli.console import say, say_json
from mattecli.cli.wording import in_flags
from mattecli.core import store
from mattecli.core.registry import registry
from mattecli.errors import MatteError

app = typer.Typer(rich_markup_mode=None)

Finding = dict[str, Any]

NOT_INSTALLED = "not installed"


@app.command()
def doctor(as_json: Annotated[bool, typer.Option("--json", help="One line of JSON for each finding.")] = False) -> None:
    """Check what this machine has: Python, torch, the device, ffmpeg, the cache, the mirror and each model; say what to mend."""
    findings = [_python(), _torch(), _opencv(), _device(), _video(), _cache(), _mirror(), *_defaults(), *_models()]
    if as_json:
        for finding in findings:
            say_json(finding)
        return
    for finding in findings:
        if finding["state"] != NOT_INSTALLED:
            _say_finding(finding)
    if absent := [finding["name"] for finding in findings if finding["state"] == NOT_INSTALLED]:
        say(f"-     {NOT_INSTALLED:<14} {', '.join(absent)}")
        say(f"      {'':<14} -> for one of them, `matte models info NAME` says where its weights come from")


def _say_finding(finding: Finding) -> None:
    say(f"{'ok  ' if finding['ok'] else 'look'}  {finding['name']:<14} {finding['state']}")
    if finding["advice"]:
        say(f"      {'':<14} -> {finding['advice']}")


def _finding(name: str, state: str, advice: str = "", *, optional: bool = False) -> Finding:
    """What was found; advice is about something wrong, or about something `optional` that is not here."""
    return {"name": name, "ok": optional or not advice, "state": state, "advice": in_flags(advice) or None}


def _python() -> Finding:
    return _finding("python", f"{platform.python_version()} on {platform.platform()}, mattecli {__version__} ({sys.executable})")


def _torch() -> Finding:
    import torch

    built = f"CUDA {torch.version.cuda}" if torch.version.cuda else "CPU only"
    return _finding("torch", f"{torch.__version__} ({built}), {torch.get_num_threads()} threads")


def _opencv() -> Finding:
    import cv2

    whole = hasattr(cv2, "imencodeWithMetadata") and hasattr(cv2, "HOGDescriptor")
    advice = (
        "" if whole else "install opencv-python-headless>=4.12,<5: this one cannot write ICC profiles, or cannot look for a second person"
    )
    return _finding("opencv", cv2.__version__, advice)


def _device() -> Finding:
    from mattecli.core.runtime import pick_device, why_no_cuda

    device = pick_device("auto")
    if device.torch.type == "cpu":
        return _finding("device", str(device), why_no_cuda() or "")
    return _finding("device", f"{device} ({device.reason})")


def _video() -> Finding:
    from mattecli.io.video.encoder import video_support

    versions, able, lacking = video_support()
    advice = f"no encoder {', '.join(lacking)} in this FFmpeg; pip install --force-reinstall av brings one" if lacking else ""
    return _finding("video", f"{versions}; writes {', '.join(able)}", advice)


def _cache() -> Finding:
    folder = store.home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        return _finding("cache", f"{folder} cannot be written ({error.strerror})", "point MATTE_HOME to a folder that can")
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    return _finding("cache", f"{folder} ({size / 1e6:.1f} MB)")


def _mirror() -> Finding:
    mirror = store.mirror()
    if mirror is None:
        return _finding("mirror", "none (MATTE_MIRROR is not set)")
    if "://" not in mirror and not Path(mirror).is_dir():
        return _finding("mirror", f"{mirror} is no folder", "set MATTE_MIRROR to a folder or URL that holds <model>/<file>")
    return _finding("mirror", mirror)


def _defaults() -> list[Finding]:
    """For each kind of guide the model that runs when none is named, and its weights."""
    from mattecli.guides.choose import choose  # which loads NumPy

    kinds: dict[str, dict[str, str]] = {"no guide": {}, "trimap": {"trimap": ""}, "plate": {"background": ""}}
    specs = {kind: choose(registry(), None, given).spec for kind, given in kinds.items()}
    return [
        _finding(kind, " ".join(filter(None, [f"{spec.name} runs", spec.weights and f"({spec.weights})"]))) for kind, spec in specs.items()
    ]


def _models() -> list[Finding]:
    return [_model(name) for name in registry().models]


def _model(name: str) -> Finding:
    spec = registry().models[name]
    running = store.runnable(spec)
    if not running.shipped and not store.is_installed(running):
        return _finding(name, NOT_INSTALLED, store.how_to_get(spec), optional=True)
    try:
        for file in running.files:
            store.verified(running, file)
    except MatteError as error:
        return _finding(name, "damaged", str(error))
    if altered := [path for path in store.exports_of(spec) if not store.export_is_sound(path)]:
        return _finding(
            name, f"its export {altered[0]} was altered", "it is made anew when it is next used; if that repeats, check the disk"
        )
    if running.shipped:
        instead = " in place of the authors' weights" if running is not spec else ""
        return _finding(name, f"{running.weights or 'it'} comes with mattecli{instead}, sha256 right")
    return _finding(name, "installed, sha256 right" if spec.files else "built in, needs no weights")
