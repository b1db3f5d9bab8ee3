"""Process-wide settings, made by the command line only; nothing that `import mattecli` offers makes any."""

import contextlib
import gc
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def set_up() -> None:
    """Settings that must be made before torch is loaded. Variables that are already set are kept."""
    # torch's threads spin while they wait for each other. On a machine that has other work to do, two spinning threads made closed-form
    # matting ten times slower; waiting passively costs nothing measurable on an idle one.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    # Large tensors in large pages, on Linux: a picture of 50 MB is 25 pages to fetch from the system instead of 12,000, which took a tenth
    # of a network's time.
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")
    # Messages of decoders are for programmers; what concerns the user is a note.
    os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
    os.environ.setdefault("SVT_LOG", "-1")  # the AV1 encoder


def set_up_pictures() -> None:
    """Lift Pillow's own limit of pixels, and keep libtiff from writing to stderr: Pillow's error has the same text."""
    import ctypes

    import PIL
    from PIL import Image

    # io/pictures/sizes.py limits the size of pictures instead.
    Image.MAX_IMAGE_PIXELS = None
    for library in Path(PIL.__file__).parents[1].glob("?illow.libs/libtiff*"):
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(str(library)).TIFFSetErrorHandler(None)


@contextmanager
def quiet_libraries() -> Iterator[None]:
    """In the block no Python warning reaches stderr, in any thread. `python -W` and PYTHONWARNINGS take precedence."""
    with warnings.catch_warnings():
        quiet_warnings()
        yield


def quiet_warnings() -> None:
    """Let no Python warning reach stderr from here on. `python -W` and PYTHONWARNINGS take precedence."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")


def set_up_torch() -> None:
    """Settings for computing: threads limited to the available cores, and freed memory kept for the next picture."""
    _import_torch()
    from mattecli.core.tuning import cpu_quota, malloc, onednn

    malloc.keep()
    onednn.keep_few_kernels()
    cpu_quota.keep_to_it()


def _import_torch() -> None:
    """Import torch without looking for garbage meanwhile, which takes an eighth of the import."""
    gc.disable()
    try:
        import torch  # noqa: F401
    finally:
        gc.enable()
