"""Where results go: never under one name, never over an input, always as the folder was."""

from pathlib import Path

import pytest

from mattecli.errors import InputError, UsageError
from mattecli.pipelines.plan import plan_jobs


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("one.jpg", "a/one.jpg", "a/deep/two.png", "b/one.jpg", "b/.hidden.jpg", "b/notes.txt"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _planned(inputs: list[str], output: str | None, **guides: str) -> dict[str, str]:
    return {job.source: job.destination for job in plan_jobs(inputs, output, kind="cutout", guides=guides)}


def test_a_folder_keeps_its_tree(tree: Path) -> None:
    assert _planned(["photos"], "out") == {
        "photos/a/deep/two.png": "out/a/deep/two.png",
        "photos/a/one.jpg": "out/a/one.png",
        "photos/b/one.jpg": "out/b/one.png",
        "photos/one.jpg": "out/one.png",
    }


def test_files_and_globs_keep_what_tells_them_apart(tree: Path) -> None:
    assert _planned(["photos/a/one.jpg", "photos/b/one.jpg"], "out/") == {
        "photos/a/one.jpg": "out/a/one.png",
        "photos/b/one.jpg": "out/b/one.png",
    }
    assert _planned(["photos/*/one.jpg"], "out/") == {"photos/a/one.jpg": "out/a/one.png", "photos/b/one.jpg": "out/b/one.png"}


def test_without_o_the_result_lies_beside_its_input(tree: Path) -> None:
    assert _planned(["photos/one.jpg"], None) == {"photos/one.jpg": "photos/one_cutout.png"}
    assert _planned(["photos/a"], None)["photos/a/one.jpg"] == str(tree / "photos/a_cutout/one.png")


def test_a_pattern_names_the_results(tree: Path) -> None:
    assert _planned(["photos/b/one.jpg"], "x/{parent}/{stem}-cut.webp") == {"photos/b/one.jpg": "x/one-cut.webp"}
    with pytest.raises(UsageError, match="unknown field 'frame'"):
        _planned(["photos/one.jpg"], "{frame}.png")


def test_two_results_under_one_name_are_refused_before_any_work(tree: Path) -> None:
    (tree / "photos/one.png").touch()
    with pytest.raises(UsageError, match=r"photos/one.jpg and photos/one.png would both become out/one.png"):
        _planned(["photos"], "out")
    with pytest.raises(UsageError, match="cannot all go to"):
        _planned(["photos/one.jpg", "photos/a/one.jpg"], "one.png")


def test_an_input_is_never_overwritten_unless_asked(tree: Path) -> None:
    (tree / "photos/t.png").touch()
    with pytest.raises(UsageError, match="would overwrite the input"):
        _planned(["photos/one.jpg"], "photos/../photos/one.jpg")
    with pytest.raises(UsageError, match="would overwrite the input"):
        _planned(["photos/one.jpg"], "photos/t.png", trimap="photos/t.png")
    assert plan_jobs(["photos/one.jpg"], "photos/one.jpg", kind="cutout", guides={}, overwrite=True)


def test_guides_are_found_for_each_picture(tree: Path) -> None:
    (tree / "trimaps/a").mkdir(parents=True)
    (tree / "trimaps/a/one.png").touch()
    (job,) = plan_jobs(["photos/a/one.jpg"], "out.png", kind="cutout", guides={"trimap": "trimaps/a"})
    assert job.guides == {"trimap": "trimaps/a/one.png"}
    (job,) = plan_jobs(["photos/a/one.jpg"], "out.png", kind="cutout", guides={"trimap": "trimaps/a/{stem}.png"})
    assert job.guides == {"trimap": "trimaps/a/one.png"}
    with pytest.raises(InputError, match="holds no guide"):
        plan_jobs(["photos/a/deep/two.png"], "out.png", kind="cutout", guides={"trimap": "trimaps/a"})


def test_what_is_not_there_is_said_so(tree: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        (tree / "empty").mkdir()
        _planned(["empty"], None)
    with pytest.raises(InputError, match="no file matches"):
        _planned(["photos/*.webp"], None)
