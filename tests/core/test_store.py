"""The cache: nothing is believed before its sha256 was seen, nothing is lost when a download stops."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from mattecli.core import store
from mattecli.core.registry import ModelSpec, WeightFile
from mattecli.errors import ModelError

CONTENT = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class _Server(BaseHTTPRequestHandler):
    """Serves CONTENT; /ranged/ honours Range, /short/ hangs up half-way."""

    ranges: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.ranges.append(wanted)
        if "/missing/" in self.path:
            self.send_error(404)
            return
        begin = int(wanted.split("=")[1].rstrip("-")) if wanted and "/ranged/" in self.path else 0
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(CONTENT) - begin))
        self.end_headers()
        body = CONTENT[begin:]
        self.wfile.write(body[: len(body) // 2] if "/short/" in self.path else body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("MATTE_MIRROR", raising=False)
    _Server.ranges = []
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Server)
    thread = threading.Thread(target=http.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{http.server_port}"
    http.shutdown()
    http.server_close()
    thread.join()


def _spec(*urls: str, sha256: str | None = DIGEST) -> ModelSpec:
    return ModelSpec("toy", "", "toy", (), "", "", files=(WeightFile("toy.pth", urls, sha256),))


def test_a_pull_tries_every_place_and_checks_the_hash(server: str) -> None:
    (path,) = store.pull(_spec(f"{server}/missing/toy.pth", f"{server}/plain/toy.pth"))
    assert path.read_bytes() == CONTENT
    asked = len(_Server.ranges)
    store.pull(_spec(f"{server}/plain/toy.pth"))
    assert len(_Server.ranges) == asked, "a file that is there and right is not fetched again"


def test_a_download_that_was_cut_off_goes_on_where_it_stopped(server: str) -> None:
    with pytest.raises(ModelError, match="goes on from there"):
        store.pull(_spec(f"{server}/short/toy.pth"))
    (path,) = store.pull(_spec(f"{server}/ranged/toy.pth"))
    assert path.read_bytes() == CONTENT
    assert _Server.ranges[-1] == f"bytes={len(CONTENT) // 2}-"


def test_a_partial_file_with_a_foreign_beginning_starts_anew(server: str) -> None:
    spec = _spec(f"{server}/ranged/toy.pth")
    part = store.checkpoint_path(spec, spec.files[0]).with_name("toy.pth.part")
    part.parent.mkdir(parents=True)
    part.write_bytes(b"something else")
    (path,) = store.pull(spec)
    assert path.read_bytes() == CONTENT


def test_a_file_with_the_wrong_hash_is_never_installed(server: str) -> None:
    spec = _spec(f"{server}/plain/toy.pth", sha256="0" * 64)
    with pytest.raises(ModelError, match="wrong sha256"):
        store.pull(spec)
    assert not store.is_installed(spec)


def test_without_a_public_hash_the_first_download_sets_the_record(server: str) -> None:
    spec = _spec(f"{server}/plain/toy.pth", sha256=None)
    (path,) = store.pull(spec)
    assert store.expected_sha256(spec, spec.files[0]) == DIGEST
    path.write_bytes(b"altered")
    with pytest.raises(ModelError, match="sha256"):
        store.verified(spec, spec.files[0])


def test_a_mirror_folder_comes_first_and_works_offline(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mirror = tmp_path / "mirror"
    (mirror / "toy").mkdir(parents=True)
    (mirror / "toy" / "toy.pth").write_bytes(CONTENT)
    monkeypatch.setenv("MATTE_MIRROR", str(mirror))
    store.pull(_spec(f"{server}/plain/toy.pth"), offline=True)
    assert _Server.ranges == []


def test_offline_names_the_command_that_would_help(server: str) -> None:
    with pytest.raises(ModelError, match="matte models pull toy"):
        store.pull(_spec(f"{server}/plain/toy.pth"), offline=True)
    assert _Server.ranges == []


def test_several_processes_may_pull_at_once(server: str, tmp_path: Path) -> None:
    program = (
        "import sys; from mattecli.core import store; from mattecli.core.registry import ModelSpec, WeightFile;"
        "spec = ModelSpec('toy', '', 'toy', (), '', '', files=(WeightFile('toy.pth', (sys.argv[1],), sys.argv[2]),));"
        "print(store.pull(spec)[0])"
    )
    command = [sys.executable, "-c", program, f"{server}/plain/toy.pth", DIGEST]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    paths = {process.communicate()[0].strip() for process in processes}
    assert len(paths) == 1 and Path(paths.pop()).read_bytes() == CONTENT
    assert len(_Server.ranges) == 1, "the others waited and found it"


def test_a_file_fetched_by_hand_is_checked_too(server: str, tmp_path: Path) -> None:
    by_hand = tmp_path / "download.pth"
    by_hand.write_bytes(CONTENT)
    assert store.import_file(_spec(), by_hand).read_bytes() == CONTENT
    by_hand.write_bytes(CONTENT[:-1])
    with pytest.raises(ModelError, match="wrong sha256"):
        store.import_file(_spec(), by_hand)


def test_a_shipped_file_is_checked_where_it_lies_and_no_verb_touches_it(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "weights_folder", lambda: tmp_path)
    spec = ModelSpec("toy", "", "toy", (), "", "", files=(WeightFile("toy.pth", (f"{server}/plain/toy.pth",), DIGEST, shipped=True),))
    file = tmp_path / "toy.pth"
    assert spec.shipped and not store.is_installed(spec)
    file.write_bytes(CONTENT)
    assert store.is_installed(spec) and store.pull(spec) == [file]
    assert store.remove(spec) == [] and file.read_bytes() == CONTENT
    with pytest.raises(ModelError, match="comes with mattecli and is not replaced"):
        store.import_file(spec, file)
    file.write_bytes(CONTENT[1:])
    with pytest.raises(ModelError, match="install that again"):
        store.pull(spec)
    assert file.read_bytes() == CONTENT[1:] and _Server.ranges == [] and not store.home().exists()
