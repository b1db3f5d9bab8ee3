"""A real service at a port of 127.0.0.1, in a thread of this process."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from mattecli.serve.server import Server, address_of, listen
from mattecli.serve.settings import Settings
from tests.serve.client import Client


@contextlib.contextmanager
def running(settings: Settings) -> Iterator[Client]:
    """A client of a service with these settings, which has ended when the block is left."""
    listener = listen(settings.host, settings.port)
    server = Server(settings)
    server.service.warm()
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield Client(address_of(listener), server)
    finally:
        server.stop()
        thread.join(30)
        assert not thread.is_alive(), "the service did not end"
        listener.close()


Start = Callable[..., Client]


@pytest.fixture(scope="session")
def client() -> Iterator[Client]:
    """A service that refuses more than 1 MB and 0.25 megapixels."""
    with running(Settings(port=0, device="cpu", max_bytes=1_000_000, max_pixels=250_000, queue=4, timeout=600)) as client:
        yield client


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts services of other settings."""
    with contextlib.ExitStack() as stack:
        yield lambda **settings: stack.enter_context(running(Settings(port=0, device="cpu", **settings)))


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photo.png (an orange disc with a soft edge before blue), trimap.png, strokes.png and wrong_size.png."""
    folder = tmp_path_factory.mktemp("pictures")
    rows, columns = np.mgrid[0:72, 0:96].astype(np.float32)
    distance = np.hypot(rows - 36, columns - 48)
    alpha = np.clip((24 - distance) / 6 + 0.5, 0, 1)[..., None]
    photo = alpha * np.array([40, 140, 230]) + (1 - alpha) * np.array([170, 90, 50]) + np.random.default_rng(3).normal(0, 2, (72, 96, 3))
    strokes = np.full(distance.shape, 128)
    strokes[30:40, 44:52], strokes[2:6], strokes[-6:-2] = 255, 0, 0
    trimap = np.where(distance < 18, 255, np.where(distance > 30, 0, 128))
    for name, picture in (("photo", photo), ("trimap", trimap), ("strokes", strokes), ("wrong_size", trimap[:50])):
        cv2.imwrite(str(folder / f"{name}.png"), np.clip(picture, 0, 255).astype(np.uint8))
    return folder


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Wait for a condition, up to ten minutes: a busy machine takes its time."""
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline, f"it never happened: {what}"
        time.sleep(0.01)
