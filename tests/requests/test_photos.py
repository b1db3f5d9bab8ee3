"""Where results go: never under one name, never over an input, always as the folder was."""

from pathlib import Path

import pytest

from mattecli.errors import InputError, UsageError
from mattecli.requests.photos import plan_jobs


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


def test_results_of_files_and_globs_keep_distinguishing_folders(tree: Path) -> None:
    assert _planned(["photos/a/one.jpg", "photos/b/one.jpg"], "out/") == {
        "photos/a/one.jpg": "out/a/one.png",
        "photos/b/one.jpg": "out/b/one.png",
    }
    assert _planned(["photos/*/one.jpg"], "out/") == {"photos/a/one.jpg": "out/a/one.png", "photos/b/one.jpg": "out/b/one.png"}


def test_without_o_the_result_is_written_beside_its_input(tree: Path) -> None:
    assert _planned(["photos/one.jpg"], None) == {"photos/one.jpg": "photos/one_cutout.png"}
    assert _planned(["photos/a"], None)["photos/a/one.jpg"] == str(tree / "photos/a_cutout/one.png")


def test_a_pattern_names_the_results(tree: Path) -> None:
    assert _planned(["photos/b/one.jpg"], "x/{parent}/{stem}-cut.webp") == {"photos/b/one.jpg": "x/one-cut.webp"}


@pytest.mark.parametrize("path", ["{GUID}_x.png", "{}/{frame}.png", "{stem", "{stem:>9}.png", "{{x}}.png"])
def test_braces_around_other_words_are_part_of_the_path(tree: Path, path: str) -> None:
    assert _planned(["photos/one.jpg"], path) == {"photos/one.jpg": path}
    assert _planned(["photos/one.jpg"], f"{path}/{{name}}.png") == {"photos/one.jpg": f"{path}/one.jpg.png"}


def test_a_guide_path_of_an_existing_file_is_not_a_pattern(tree: Path) -> None:
    (tree / "{stem}.png").touch()
    (job,) = plan_jobs(["photos/one.jpg"], "out.png", kind="cutout", guides={"trimap": "{stem}.png"})
    assert job.guides == {"trimap": "{stem}.png"}


def test_one_missing_guide_fails_its_own_picture_only(tree: Path) -> None:
    (tree / "photos/two.jpg").touch()
    (tree / "tri").mkdir()
    (tree / "tri/one.png").touch()
    whole, lacking = plan_jobs(["photos/one.jpg", "photos/two.jpg"], "out/", kind="cutout", guides={"trimap": "tri"})
    assert not whole.lacks and "holds no guide for photos/two.jpg" in lacking.lacks


def test_an_earlier_result_as_an_input_is_explained(tree: Path) -> None:
    for place in ("out.png", "out/"):
        with pytest.raises(UsageError, match=f"photos/one.jpg -o {place}"):
            _planned(["photos/one.jpg", place], None)


def test_earlier_results_beside_their_photos_do_not_stop_a_batch(tree: Path) -> None:
    (tree / "photos/one_cutout.png").touch()
    (tree / "photos/other_cutout.png").touch()
    told: list[str] = []
    inputs = ["photos/one.jpg", "photos/one_cutout.png", "photos/other_cutout.png"]
    jobs = plan_jobs(inputs, None, kind="cutout", guides={}, tell=told.append)
    assert [job.source for job in jobs] == ["photos/one.jpg", "photos/other_cutout.png"]
    assert len(told) == 1 and told[0].startswith("photos/one_cutout.png is left out")


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


def test_guides_of_a_folder_are_found_whatever_the_case_of_their_suffix_and_strokes_may_be_polylines(tree: Path) -> None:
    (tree / "guides").mkdir()
    for name in ("one.PNG", "two.json", "one.json"):
        (tree / "guides" / name).touch()
    (job,) = plan_jobs(["photos/one.jpg"], "out.png", kind="cutout", guides={"trimap": "guides", "strokes": "guides"})
    assert job.guides == {"trimap": "guides/one.PNG", "strokes": "guides/one.PNG"}
    (job,) = plan_jobs(["photos/a/deep/two.png"], "out.png", kind="cutout", guides={"strokes": "guides"})
    assert job.guides == {"strokes": "guides/two.json"}
    with pytest.raises(InputError, match="holds no guide"):
        plan_jobs(["photos/a/deep/two.png"], "out.png", kind="cutout", guides={"trimap": "guides"})


def test_results_of_folders_outside_the_current_one_stay_below_o(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tree / "photos/b")
    assert _planned(["../a", "."], "out/") == {
        "../a/deep/two.png": "out/a/deep/two.png",
        "../a/one.jpg": "out/a/one.png",
        "one.jpg": "out/b/one.png",
    }


@pytest.mark.parametrize("output", ["photos/out", "photos/out/", "photos/out/{parent}/{stem}-{name}.png"])
def test_results_inside_the_input_folder_do_not_become_inputs(output: str, tree: Path) -> None:
    first = _planned(["photos"], output)
    for destination in first.values():
        (tree / destination).parent.mkdir(parents=True, exist_ok=True)
        (tree / destination).touch()
    assert _planned(["photos"], output) == first
    assert "photos/out/one.png" not in _planned(["photos/**/*.*g"], output)


def test_an_input_folder_that_is_also_the_output_is_searched(tree: Path) -> None:
    assert _planned(["photos/a"], "photos/a/{stem}.webp") == {
        "photos/a/deep/two.png": "photos/a/two.webp",
        "photos/a/one.jpg": "photos/a/one.webp",
    }
    assert _planned(["photos/a"], "photos/{parent}/{stem}.webp").keys() == {"photos/a/deep/two.png", "photos/a/one.jpg"}


def test_missing_inputs_are_reported(tree: Path) -> None:
    with pytest.raises(InputError, match="holds no pictures"):
        (tree / "empty").mkdir()
        _planned(["empty"], None)
    with pytest.raises(InputError, match="no file matches"):
        _planned(["photos/*.webp"], None)
