"""Starting and ending `matte serve`."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from mattecli.serve.workspace import ServiceFolder
from tests.serve.client import FORM, Client, form, request_head, status_of
from tests.serve.conftest import Start, wait_until


@pytest.fixture
def process(tmp_path: Path) -> Iterator["subprocess.Popen[str]"]:
    """`matte serve` in a process of its own, whose temporary files lie in tmp_path/tmp."""
    (tmp_path / "tmp").mkdir()
    command = [sys.executable, "-m", "mattecli", "serve", "--port", "0", "--device", "cpu", "--model", "closed-form"]
    environment = {**os.environ, "TMPDIR": str(tmp_path / "tmp")}
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)
    yield started
    started.kill()
    started.communicate()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_prints_its_address_and_leaves_no_files_when_signalled(
    process: "subprocess.Popen[str]", tmp_path: Path, pictures: Path, number: int
) -> None:
    assert process.stdout is not None
    address = urlsplit(process.stdout.readline().strip())
    with contextlib.closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=300)) as connection:
        connection.request("POST", "/v1/matte", form({"image": pictures / "photo.png", "trimap": pictures / "trimap.png"}), FORM)
        answer = connection.getresponse()
        assert answer.status == 200 and answer.read()
    process.send_signal(number)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert "Traceback" not in errors and list((tmp_path / "tmp").iterdir()) == []


def test_files_of_a_killed_service_are_removed_by_the_next_start(
    process: "subprocess.Popen[str]", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "tmp"
    assert process.stdout is not None and process.stdout.readline()
    (living,) = folder.iterdir()
    precious = tmp_path / "precious"
    precious.mkdir()
    (folder / f"matte-serve-{2**22 + 1}-abc").symlink_to(precious)  # larger than any number of a process
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    ServiceFolder().remove()
    assert living.is_dir(), "its service runs"
    (living / "upload").write_bytes(b"half a photo")
    (living / "link").symlink_to(precious)
    process.kill()
    process.wait()
    ServiceFolder().remove()
    assert not living.exists() and precious.is_dir()


def test_a_stopping_service_finishes_running_requests_and_refuses_new_ones(start: Start, pictures: Path) -> None:
    client = start(model="closed-form")
    release = threading.Event()
    client.server.service.queue._pool.submit(release.wait, 20)  # the thread of all computations is busy
    statuses: list[int] = []
    fields = {"image": pictures / "photo.png", "trimap": pictures / "trimap.png", "model": "closed-form"}
    begun = threading.Thread(target=lambda: statuses.append(client.post("/v1/matte", fields).status))
    begun.start()
    wait_until(lambda: not client.server.service.is_idle and client.server.service.uploads == 0, "the request is queued")
    client.server.stop()
    refused = client.post("/v1/matte", fields)
    assert refused.status == 503 and "retry-after" in refused.headers
    assert client.get("/readyz").status == 503 and client.get("/healthz").status == 200
    release.set()
    begun.join(300)
    assert statuses == [200]


def test_a_port_in_use_is_reported(client: Client) -> None:
    command = [sys.executable, "-m", "mattecli", "serve", "--port", str(client.place[1])]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 2 and "choose another --host or --port" in done.stderr


def test_the_request_of_a_client_that_disconnects_while_queued_is_not_computed(start: Start, pictures: Path) -> None:
    client = start(model="closed-form")
    service = client.server.service
    release = threading.Event()
    service.queue._pool.submit(release.wait, 20)
    body = form({"image": pictures / "photo.png", "trimap": pictures / "trimap.png", "model": "closed-form"})
    first, second = client.socket(), client.socket()
    for connection in (first, second):
        connection.sendall(request_head("/v1/matte", len(body)) + body)
    wait_until(lambda: service.queue.waiting == 1 and service.queue.running == 1, "one runs and one waits")
    second.close()
    wait_until(lambda: service.queue.waiting == 0, "the one that left no longer waits")
    release.set()
    assert status_of(first) == 200
    first.close()
    assert service.metrics.registry.get_sample_value("matte_abandoned_total") == 1.0
