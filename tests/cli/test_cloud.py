"""Batches on S3: a real server of its protocol (moto) on this machine, and one that fails now and then before it."""

import http.client
import http.server
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.faults.batches import write_model
from tests.support import Run

boto3 = pytest.importorskip("boto3")
pytest.importorskip("s3fs")
pytest.importorskip("moto")


class Proxy(http.server.BaseHTTPRequestHandler):
    """Forwards requests to the server, except for simulated failures: `failures` maps (path, status) to their number."""

    failures: ClassVar[dict[tuple[str, int], int]] = {}
    behind = ""
    protocol_version = "HTTP/1.1"

    def _hand_on(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        for (path, status), left in self.failures.items():
            if path in self.path and left:
                self.failures[path, status] -= 1
                return self._answer(status, [], b"")
        connection = http.client.HTTPConnection(self.behind)
        connection.request(self.command, self.path, body, {name: value for name, value in self.headers.items()})
        answer = connection.getresponse()
        content = answer.read()
        self._answer(answer.status, answer.getheaders(), content)
        connection.close()

    def _answer(self, status: int, headers: list[tuple[str, str]], content: bytes) -> None:
        self.send_response(status)
        for name, value in headers:
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        length = dict(headers).get("Content-Length", "0") if self.command == "HEAD" else str(len(content))
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _hand_on  # noqa: N815

    def log_message(self, *words: Any) -> None:
        pass


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    """The address of an S3 server."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port, process)
        yield f"127.0.0.1:{port}"
    finally:
        process.kill()
        process.wait()


def _wait_for(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert process.poll() is None, "moto's server ended"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise TimeoutError("moto's server does not answer")


@pytest.fixture
def s3(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A client of the server; commands find it behind the proxy."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Proxy.behind, Proxy.failures = moto, {}
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_address[1]}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=f"http://{moto}")
    client.create_bucket(Bucket="photos")
    yield client
    for entry in client.list_objects_v2(Bucket="photos").get("Contents", []):
        client.delete_object(Bucket="photos", Key=entry["Key"])
    client.delete_bucket(Bucket="photos")
    client.close()
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def manifest(scene: Path, s3: Any) -> str:
    """Three photos on S3 and a manifest beside them."""
    rows = []
    for name in ("a", "b", "c"):
        s3.upload_file(str(scene / "photo.png"), "photos", f"in/{name}.png")
        rows.append({"input": f"s3://photos/in/{name}.png", "output": f"s3://photos/out/{name}.png"})
    s3.put_object(Bucket="photos", Key="rows.jsonl", Body="\n".join(map(json.dumps, rows)).encode())
    write_model(scene / "toy.pt")
    return "s3://photos/rows.jsonl"


def _keys(s3: Any) -> list[str]:
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket="photos").get("Contents", [])]


COMMAND = ("image", "--model", "toy.pt", "--as", "alpha", "--refine", "none", "--results", "r.jsonl")


def test_a_manifest_on_s3_writes_its_results_there_and_resumes(run: Run, scene: Path, s3: Any, manifest: str) -> None:
    done = run(*COMMAND, "--manifest", manifest)
    assert done.exit_code == 0, done.output
    assert [key for key in _keys(s3) if key.startswith("out/")] == ["out/a.png", "out/b.png", "out/c.png"]
    local = run("image", "photo.png", "--model", "toy.pt", "--as", "alpha", "--refine", "none", "-o", "local.png")
    assert local.exit_code == 0
    assert s3.get_object(Bucket="photos", Key="out/b.png")["Body"].read() == (scene / "local.png").read_bytes()
    again = run(*COMMAND, "--manifest", manifest, "--resume")
    assert "0 done, 0 failed, 3 skipped" in again.stderr, again.output
    s3.put_object(Bucket="photos", Key="out/a.png", Body=b"half")
    s3.upload_file(str(scene / "plate.png"), "photos", "in/c.png")
    changed = run(*COMMAND, "--manifest", manifest, "--resume")
    assert changed.stdout.split() == ["s3://photos/out/a.png", "s3://photos/out/c.png"], changed.output


def test_folders_on_s3_are_inputs_and_outputs(run: Run, scene: Path, s3: Any, manifest: str) -> None:
    s3.put_object(Bucket="photos", Key="in/notes.txt", Body=b"no picture")
    done = run(*COMMAND, "s3://photos/in/", "-o", "s3://photos/out/")
    assert done.exit_code == 0 and "1 .txt" in done.stderr, done.output
    assert done.stdout.split() == [f"s3://photos/out/{name}.png" for name in "abc"]
    assert [key for key in _keys(s3) if key.startswith("out/")] == ["out/a.png", "out/b.png", "out/c.png"]
    done = run(*COMMAND, "s3://photos/in/[ab].png", "-o", "made/", "--resume")
    assert (done.exit_code, sorted(file.name for file in (scene / "made").iterdir())) == (0, ["a.png", "b.png"]), done.output


def test_a_request_that_fails_twice_is_repeated(run: Run, s3: Any, manifest: str) -> None:
    Proxy.failures |= {("in/a.png", 500): 2, ("out/b.png", 503): 2}
    done = run(*COMMAND, "--manifest", manifest)
    assert done.exit_code == 0, done.output
    assert set(Proxy.failures.values()) == {0}


def test_wrong_buckets_and_missing_permissions_are_one_line_each(run: Run, scene: Path, s3: Any, manifest: str) -> None:
    Proxy.failures |= {("in/secret.png", 403): 99}
    rows = [
        {"input": "s3://no-such-bucket/a.png", "output": "s3://photos/out/1.png"},
        {"input": "s3://photos/in/secret.png", "output": "s3://photos/out/2.png"},
        {"input": "s3://photos/in/a.png", "output": "s3://no-such-bucket/3.png"},
        {"input": "s3://photos/in/a.png", "output": "s3://photos/out/4.png"},
    ]
    (scene / "rows.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = run(*COMMAND, "--manifest", "rows.jsonl")
    assert done.exit_code == 1 and done.stdout == "s3://photos/out/4.png\n", done.output
    errors = [line for line in done.stderr.splitlines() if line.startswith("matte: error:")]
    assert len(errors) == 3
    assert "no-such-bucket" in errors[0] and "is not allowed" in errors[1] and "no-such-bucket/3.png" in errors[2]
    missing = run(*COMMAND, "--manifest", "s3://photos/nothing.jsonl")
    assert missing.exit_code == 1 and missing.stderr.count("\n") == 1 and "s3://photos/nothing.jsonl" in missing.stderr


def test_without_s3fs_the_error_names_the_extra_to_install(scene: Path) -> None:
    program = "import sys; sys.modules['s3fs'] = None; from mattecli.cli.app import app; app()"
    (scene / "rows.jsonl").write_text('{"input": "s3://photos/a.png", "output": "a.png"}')
    command = [sys.executable, "-c", program, "image", "--manifest", "rows.jsonl"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 2 and "pip install 'mattecli[cloud]'" in done.stderr and done.stderr.count("\n") == 1, done.stderr
