"""Files by URL, in fsspec's own memory storage; a real S3 server is in test_cloud.py."""

from pathlib import Path

import fsspec
import pytest

from mattecli.batch import storage
from mattecli.errors import InputError, UsageError


def test_files_are_uploaded_and_downloaded_unchanged(tmp_path: Path) -> None:
    (tmp_path / "made.png").write_bytes(b"whole")
    storage.delivered(tmp_path / "made.png", "memory://bucket/deep/made.png")
    assert storage.status("memory://bucket/deep/made.png") is not None
    copy = storage.fetched("memory://bucket/deep/made.png", tmp_path)
    assert Path(copy).read_bytes() == b"whole" and copy.endswith("-made.png")
    with storage.opened("memory://bucket/deep/made.png") as stream:
        assert stream.read() == b"whole"


def test_a_new_version_has_another_status(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one")
    storage.delivered(tmp_path / "a", "memory://bucket/a")
    first = storage.status("memory://bucket/a")
    storage.delivered(tmp_path / "a", "memory://bucket/a")
    assert first == storage.status("memory://bucket/a") or first is not None
    (tmp_path / "a").write_bytes(b"three")
    storage.delivered(tmp_path / "a", "memory://bucket/a")
    assert storage.status("memory://bucket/a") != first


def test_a_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    assert storage.status("memory://nothing/here.png") is None
    with pytest.raises(InputError, match=r"memory://nothing/here\.png"):
        storage.fetched("memory://nothing/here.png", tmp_path)


def test_transient_failures_are_retried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FIRST_PAUSE", 0.001)
    memory = type(fsspec.filesystem("memory"))
    whole, failures = memory.get_file, [ConnectionError("reset"), OSError(5, "Internal Error")]

    def get_file(self: object, *paths: str, **more: object) -> object:
        if failures:
            raise failures.pop()
        return whole(self, *paths, **more)

    monkeypatch.setattr(memory, "get_file", get_file)
    fsspec.filesystem("memory").pipe_file("/b/x.png", b"data")
    assert Path(storage.fetched("memory://b/x.png", tmp_path)).read_bytes() == b"data" and not failures


@pytest.mark.parametrize(
    ("url", "options", "said"),
    [
        ("nowhere://a/b.png", {}, "no storage called nowhere"),
        ("https://host/a.png", {"written": True}, "cannot be written"),
        ("s3://b/a.png", {"offline": True}, "--offline"),
    ],
)
def test_unsupported_urls_are_usage_errors(url: str, options: dict[str, bool], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        storage.check_url(url, **options)


def test_paths_are_not_taken_for_urls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert not storage.is_url("photos/a:b.png") and not storage.is_url("C:\\a.png") and storage.is_url("s3://b/a.png")
    Path("s3:").mkdir()
    Path("s3:/x.png").touch()
    assert not storage.is_url("s3://x.png"), "a path that exists is that file"
    storage.check_url("a.png", written=True, offline=True)
