"""`python -m training people`: people rendered by Blender, in a process of an environment of its own; those that are there stay.

Blender as a Python module (bpy) is GPL-3 and needs Python 3.11 and numpy 1, so nothing here imports what uses it (training/people).
"""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mattecli.errors import InputError

ROOT = Path(__file__).resolve().parents[1]
AT_ONCE = 50
"""People of one process, which keeps some memory of each."""


def render_people(
    folder: Path, count: int, *, python: str, size: int, samples: int, report: Callable[[int, int], None] = lambda done, count: None
) -> int:
    """Render the people of seeds 0 to `count` - 1 that are not in a folder yet; returns how many that were.

    python: the interpreter of the environment with bpy and anny. size: pixels a side. samples: of light a pixel. report: called with the
    people that are there and `count`. Raises InputError where the environment is missing or a person fails; those before it stay.
    """
    missing = [seed for seed in range(count) if not (folder / f"person_{seed:06d}.json").exists()]
    done = count - len(missing)
    options = ["--size", str(size), "--samples", str(samples)]
    for start in range(0, len(missing), AT_ONCE):
        seeds = [str(seed) for seed in missing[start : start + AT_ONCE]]
        for _ in _lines_of([python, "-m", "training.people", str(folder.resolve()), *seeds, *options]):
            done += 1
            report(done, count)
    return len(missing)


def _lines_of(command: Sequence[str]) -> Iterator[str]:
    """The lines that a process prints, as they come. InputError, with the last line of its messages, where it fails."""
    with tempfile.TemporaryFile("w+") as messages:
        try:
            process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=messages, text=True)
        except OSError as error:
            raise InputError(f"{command[0]} cannot be run ({error.strerror}); make that environment as training/README.md says") from error
        with process:  # which closes its output before it waits
            assert process.stdout is not None
            yield from process.stdout
        if process.returncode:
            messages.seek(0)
            said = (messages.read().strip().splitlines() or ["nothing was said"])[-1]
            raise InputError(f"rendering people failed ({said}); make the environment of {command[0]} as training/README.md says")
