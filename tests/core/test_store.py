"""The cache: nothing is believed before its sha256 was seen, nothing is lost when a download stops."""

import hashlib
import io
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from mattecli.core import download, pulling, store
from mattecli.core.registry import ModelSpec, WeightFile
from mattecli.errors import ModelError
from mattecli.nets import shm_fast

CONTENT = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(CONTENT).hexdigest()
TRICKLED = ("headers", "chunks")


def _weights() -> bytes:
    """A checkpoint that fits shm-fast."""
    content = io.BytesIO()
    torch.save(shm_fast.build().state_dict(), content)
    return content.getvalue()


WEIGHTS = _weights()


class _Server(BaseHTTPRequestHandler):
    """Serves CONTENT, or what HEADERS and BODIES say of the first part of the path.

    /ranged/ honours Range, /short/ and /cut/ (in chunks) hang up half-way, /stalled/ and /silent/ stay open, /headers/ and /chunks/ never
    end the line that they send byte by byte.
    """

    ranges: ClassVar[list[str | None]] = []
    done: ClassVar[threading.Event] = threading.Event()
    HEADERS: ClassVar[dict[str, dict[str, str]]] = {
        "odd": {"Content-Length": "many"},
        "negative": {"Content-Length": "-5"},
        "huge": {"Content-Length": str(1 << 50)},
        "larger": {"Content-Length": str(len(CONTENT) + 1)},
        "elsewhere": {"Content-Range": f"bytes 5-{len(CONTENT) - 1}/{len(CONTENT)}"},
        "unsaid": {"Content-Range": "all of it"},
    }

    def do_GET(self) -> None:
        kind, wanted = self.path.split("/")[1], self.headers.get("Range")
        self.ranges.append(wanted)
        if kind == "missing":
            self.send_error(404)
            return
        begin = int(wanted.split("=")[1].rstrip("-")) if wanted and kind in ("ranged", "elsewhere", "unsaid") else 0
        body = {"login": b"<html>Please sign in</html>", "empty": b"", "weights": WEIGHTS}.get(kind, CONTENT)[begin:]
        self.send_response(206 if begin else 200)
        ranged = {"Content-Range": f"bytes {begin}-{len(CONTENT) - 1}/{len(CONTENT)}"} if begin else {}
        for name, value in ({"Content-Length": str(len(body))} | ranged | self.HEADERS.get(kind, {})).items():
            if not (kind in ("endless", "slow", "cut", "chunks") and name == "Content-Length"):
                self.send_header(name, value)
        if kind in ("cut", "chunks"):
            self.send_header("Transfer-Encoding", "chunked")
        if kind == "silent":
            self.done.wait(60)
        try:
            if kind == "headers":
                self.flush_headers()
            else:
                self.end_headers()
            self._send(kind, body)
        except OSError:  # whoever asked has had enough
            self.close_connection = True

    def _send(self, kind: str, body: bytes) -> None:
        body = b"%x\r\n" % len(body) + body if kind == "cut" else b"" if kind in TRICKLED else body
        self.wfile.write(body[: len(body) // 2] if kind in ("short", "cut", "stalled") else body)
        if kind == "stalled":
            self.done.wait(60)
        while kind in ("endless", "slow", *TRICKLED):
            self.wfile.write(bytes(1 << 16) if kind == "endless" else b"0")
            time.sleep(0 if kind == "endless" else 0.01)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MATTE_MIRROR", raising=False)
    _Server.ranges, _Server.done = [], threading.Event()
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    _Server.done.set()
    http.shutdown()
    http.server_close()
    thread.join()


def _spec(*urls: str, sha256: str | None = DIGEST) -> ModelSpec:
    return ModelSpec("toy", "", "toy", (), "", "", files=(WeightFile("toy.pth", urls, sha256),))


def test_a_pull_tries_every_source_and_checks_the_hash(server: str) -> None:
    (path,) = pulling.pull(_spec(f"{server}/missing/toy.pth", f"{server}/plain/toy.pth"))
    assert path.read_bytes() == CONTENT
    asked = len(_Server.ranges)
    pulling.pull(_spec(f"{server}/plain/toy.pth"))
    assert len(_Server.ranges) == asked, "a file that is there and right is not fetched again"


@pytest.mark.parametrize("kind", ["short", "stalled"])
def test_an_interrupted_download_resumes(server: str, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.5 if kind == "stalled" else 60)
    with pytest.raises(ModelError, match="goes on from there"):
        pulling.pull(_spec(f"{server}/{kind}/toy.pth"))
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 60)
    (path,) = pulling.pull(_spec(f"{server}/ranged/toy.pth"))
    assert path.read_bytes() == CONTENT
    assert _Server.ranges[-1] == f"bytes={len(CONTENT) // 2}-"


def test_a_partial_file_with_a_foreign_beginning_starts_anew(server: str) -> None:
    spec = _spec(f"{server}/ranged/toy.pth")
    part = store.checkpoint_path(spec, spec.files[0]).with_name("toy.pth.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    (path,) = pulling.pull(spec)
    assert path.read_bytes() == CONTENT


def test_a_file_with_the_wrong_hash_is_never_installed(server: str) -> None:
    spec = _spec(f"{server}/plain/toy.pth", sha256="0" * 64)
    with pytest.raises(ModelError, match="wrong sha256"):
        pulling.pull(spec)
    assert not store.is_installed(spec)


def _without_hash(*urls: str, name: str = "toy.pth", size: int | None = None) -> ModelSpec:
    return ModelSpec("toy", "", "shm_fast", (), "", "", files=(WeightFile(name, urls, None, size),))


def test_without_a_public_hash_the_first_download_sets_the_record(server: str) -> None:
    spec = _without_hash(f"{server}/weights/toy.pth")
    (path,) = pulling.pull(spec)
    assert store.expected_sha256(spec, spec.files[0]) == hashlib.sha256(WEIGHTS).hexdigest()
    path.write_bytes(b"altered")
    with pytest.raises(ModelError, match="sha256"):
        store.verified(spec, spec.files[0])
    assert pulling.pull(spec) == [path] and path.read_bytes() == WEIGHTS


def test_weights_that_do_not_fit_the_network_are_not_installed_and_the_next_source_is_tried(server: str) -> None:
    lost = [f"{server}/{kind}/toy.pth" for kind in ("login", "empty", "plain")]
    with pytest.raises(ModelError, match="so it is deleted") as failure:
        pulling.pull(_without_hash(*lost))
    assert all(url in str(failure.value) for url in lost) and not store.is_installed(_without_hash())
    (path,) = pulling.pull(_without_hash(*lost, f"{server}/weights/toy.pth"))
    assert path.read_bytes() == WEIGHTS


def test_a_login_page_in_place_of_a_download_does_not_corrupt_the_next(server: str) -> None:
    spec = _without_hash(f"{server}/weights/toy.pth")
    part = store.checkpoint_path(spec, spec.files[0]).with_name("toy.pth.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"<html>")
    assert pulling.pull(spec)[0].read_bytes() == WEIGHTS


def test_another_file_than_the_first_download_is_refused(server: str, tmp_path: Path) -> None:
    spec = _without_hash(f"{server}/weights/toy.pth")
    pulling.pull(spec)[0].unlink()
    other = tmp_path / "other.pth"
    torch.save({name: value + 1 for name, value in shm_fast.build().state_dict().items()}, other)
    with pytest.raises(ModelError, match="`matte models rm toy` removes that record"):
        pulling.import_file(spec, other)


def test_the_digits_in_a_name_are_checked(server: str) -> None:
    digest = hashlib.sha256(WEIGHTS).hexdigest()
    with pytest.raises(ModelError, match="its name says 00000000"):
        pulling.pull(_without_hash(f"{server}/weights/x", name="toy-00000000.pth"))
    assert pulling.pull(_without_hash(f"{server}/weights/x", name=f"toy-{digest[:8]}.pth"))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("odd", "the Content-Length 'many'"),
        ("negative", "the Content-Length '-5'"),
        ("huge", "more than the"),
        ("larger", "and toy.pth has"),
        ("endless", "sends more than the 1000000 bytes"),
        ("slow", "too slow to wait for"),
        ("headers", "too slow to wait for"),
        ("chunks", "too slow to wait for"),
        ("short", "the connection closed after"),
        ("cut", "the connection closed before the end"),
        ("stalled", "sent nothing for 0.5 s"),
        ("silent", "sent nothing for 0.5 s"),
        ("empty", "wrong sha256"),
    ],
)
def test_a_misbehaving_server_is_reported_and_the_next_source_tried(
    server: str, monkeypatch: pytest.MonkeyPatch, kind: str, said: str
) -> None:
    monkeypatch.setattr(download, "LARGEST", 1_000_000)
    monkeypatch.setattr(download, "PACE_SECONDS", 0.5 if kind in ("slow", *TRICKLED) else 60)
    monkeypatch.setattr(download, "SLOWEST", 10_000_000)
    monkeypatch.setattr(download, "TIMEOUT_SECONDS", 0.5 if kind in ("stalled", "silent") else 60)
    size = len(CONTENT) if kind == "larger" else None
    spec = ModelSpec("toy", "", "toy", (), "", "", files=(WeightFile("toy.pth", (f"{server}/{kind}/toy.pth",), DIGEST, size),))
    with pytest.raises(ModelError, match=said):
        pulling.pull(spec)
    (path,) = pulling.pull(_spec(f"{server}/{kind}/toy.pth", f"{server}/plain/toy.pth"))
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize("kind", ["elsewhere", "unsaid"])
def test_a_wrong_byte_range_is_not_appended(server: str, kind: str) -> None:
    spec = _spec(f"{server}/{kind}/toy.pth", f"{server}/ranged/toy.pth")
    part = store.checkpoint_path(spec, spec.files[0]).with_name("toy.pth.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(CONTENT[:1000])
    assert pulling.pull(spec)[0].read_bytes() == CONTENT


def test_a_link_in_the_place_of_a_part_is_not_followed(server: str, tmp_path: Path) -> None:
    spec = _spec(f"{server}/plain/toy.pth")
    precious = tmp_path / "precious"
    precious.write_text("kept")
    part = store.checkpoint_path(spec, spec.files[0]).with_name("toy.pth.part")
    part.parent.mkdir(parents=True)
    part.symlink_to(precious)
    assert pulling.pull(spec)[0].read_bytes() == CONTENT and precious.read_text() == "kept"


def test_a_mirror_folder_comes_first_and_works_offline(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "toy").mkdir(parents=True)
    (mirror / "toy" / "toy.pth").write_bytes(CONTENT)
    monkeypatch.setenv("MATTE_MIRROR", str(mirror))
    pulling.pull(_spec(f"{server}/plain/toy.pth"), offline=True)
    assert _Server.ranges == []


def test_offline_errors_name_the_command_to_run(server: str) -> None:
    with pytest.raises(ModelError, match="matte models pull toy"):
        pulling.pull(_spec(f"{server}/plain/toy.pth"), offline=True)
    assert _Server.ranges == []


def test_a_cache_in_the_home_of_nobody_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", "~no-such-user/matte")
    with pytest.raises(ModelError, match="there is no such user"):
        store.home()


def test_several_processes_may_pull_at_once(server: str, tmp_path: Path) -> None:
    program = (
        "import sys; from mattecli.core import pulling; from mattecli.core.registry import ModelSpec, WeightFile;"
        "spec = ModelSpec('toy', '', 'toy', (), '', '', files=(WeightFile('toy.pth', (sys.argv[1],), sys.argv[2]),));"
        "print(pulling.pull(spec)[0])"
    )
    command = [sys.executable, "-c", program, f"{server}/plain/toy.pth", DIGEST]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {process.communicate()[0].strip() for process in processes}
    assert len(paths) == 1 and Path(paths.pop()).read_bytes() == CONTENT
    assert len(_Server.ranges) == 1, "the others waited and found it"


def test_a_file_fetched_by_hand_is_checked_too(server: str, tmp_path: Path) -> None:
    by_hand = tmp_path / "download.pth"
    by_hand.write_bytes(CONTENT)
    assert pulling.import_file(_spec(), by_hand).read_bytes() == CONTENT
    by_hand.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match="wrong sha256"):
        pulling.import_file(_spec(), by_hand)


def test_a_shipped_file_is_verified_in_place_and_never_removed(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "weights_folder", lambda: tmp_path)
    spec = ModelSpec("toy", "", "toy", (), "", "", files=(WeightFile("toy.pth", (f"{server}/plain/toy.pth",), DIGEST, shipped=True),))
    file = tmp_path / "toy.pth"
    assert spec.shipped and not store.is_installed(spec)
    file.write_bytes(CONTENT)
    assert store.is_installed(spec) and pulling.pull(spec) == [file]
    assert store.remove(spec) == [] and file.read_bytes() == CONTENT
    with pytest.raises(ModelError, match="comes with mattecli and is not replaced"):
        pulling.import_file(spec, file)
    file.write_bytes(CONTENT[1:])
    with pytest.raises(ModelError, match="install that again"):
        pulling.pull(spec)
    assert file.read_bytes() == CONTENT[1:] and _Server.ranges == [] and not store.home().exists()
