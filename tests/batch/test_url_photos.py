"""Photos at URLs are planned as files are: folders, patterns, guides by name, results that keep the tree."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mattecli.batch.url_photos import plan_url_jobs
from mattecli.errors import InputError, UsageError

fsspec = pytest.importorskip("fsspec")


@pytest.fixture
def store() -> Iterator[Any]:
    """Storage with two photos and a text in bucket/in, and trimaps of one of them."""
    memory = fsspec.filesystem("memory")
    for name in ("in/a.jpg", "in/deep/b.png", "in/notes.txt", "trimaps/a.png", "trimaps/a.tif"):
        memory.pipe_file(f"/bucket/{name}", b"-")
    yield memory
    memory.rm("/bucket", recursive=True)


def _planned(*inputs: str, output: str | None = None, **more: Any) -> dict[str, str]:
    return {job.source: job.destination for job in plan_url_jobs(inputs, output, kind="cutout", guides={}, **more)}


def test_a_remote_folder_keeps_its_tree_and_other_files_are_reported(store: Any) -> None:
    told: list[str] = []
    planned = _planned("memory://bucket/in/", output="memory://bucket/out", tell=told.append)
    assert planned == {
        "memory://bucket/in/a.jpg": "memory://bucket/out/a.png",
        "memory://bucket/in/deep/b.png": "memory://bucket/out/deep/b.png",
    }
    assert told == ["1 file in memory://bucket/in/ left out, being no pictures: 1 .txt"]


@pytest.mark.parametrize(
    ("source", "output", "destination"),
    [
        ("memory://bucket/in/*.jpg", "out/", "out/a.png"),
        ("memory://bucket/in/a.jpg", None, "memory://bucket/in/a_cutout.png"),
        ("memory://bucket/in/a.jpg", "memory://other/{parent}/{stem}.webp", "memory://other/a.webp"),
        ("https://host/p/cat.jpg?size=2", "cat.png", "cat.png"),
        ("https://host/p/cat.jpg?size=2", "memory://b/", "memory://b/cat.png"),
    ],
)
def test_one_remote_photo_is_written_to_the_output(store: Any, source: str, output: str | None, destination: str) -> None:
    assert list(_planned(source, output=output).values()) == [destination]


def test_local_files_are_written_to_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("photos/a.png", "photos/b/c.png"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_bytes(b"\x89PNG\r\n\x1a\n")
    planned = _planned("photos", output="memory://bucket/out/")
    assert planned == {"photos/a.png": "memory://bucket/out/a.png", "photos/b/c.png": "memory://bucket/out/b/c.png"}


def test_guides_are_found_by_name(store: Any) -> None:
    jobs = plan_url_jobs(["memory://bucket/in/"], "out", kind="cutout", guides={"trimap": "memory://bucket/trimaps/"})
    assert dict(jobs[0].guides) == {"trimap": "memory://bucket/trimaps/a.png"}
    assert "holds no guide for b.png" in jobs[1].lacks
    (job,) = plan_url_jobs(["memory://bucket/in/a.jpg"], "o.png", kind="cutout", guides={"mask": "memory://m/{stem}.png"})
    assert dict(job.guides) == {"mask": "memory://m/a.png"}


def test_contradicting_options_are_refused_with_a_reason(store: Any) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        _planned("memory://bucket/none/", output="out")
    with pytest.raises(UsageError, match="would overwrite the input memory://bucket/in/a"):
        plan_url_jobs(["memory://bucket/in/a.jpg"], "memory://bucket/in/a.jpg", kind="alpha", guides={})
    with pytest.raises(UsageError, match="would both become"):
        _planned("memory://bucket/in/a.jpg", "memory://bucket/trimaps/a.png", output="memory://bucket/out/{stem}.png")
