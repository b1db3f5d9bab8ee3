"""models.toml is read whole, and a wrong name meets the right ones."""

import re
from pathlib import Path

import pytest

from mattecli.core import store
from mattecli.core.registry import Registry, models_file, read_registry, registry
from mattecli.errors import ModelError


def test_every_default_is_a_model_that_fits() -> None:
    known = registry()
    assert all(known.find(name).guides == () for name in known.defaults["none"])
    assert all(set(known.find(name).guides) - {"trimap"} == {"background"} for name in known.defaults["background"])
    assert all(known.find(name).guides == ("trimap",) for name in (*known.defaults["trimap"], *known.defaults["refine"]))
    assert all(spec.refine in ("", *known.models) for spec in known.models.values())


def test_every_file_has_a_source_or_says_how_to_get_it() -> None:
    for spec in registry().models.values():
        for file in spec.files:
            assert file.urls or file.by_hand or file.shipped, f"{spec.name}: {file.name} cannot be had"
            assert all(url.startswith("https://") for url in file.urls)
            assert file.sha256 is None or len(file.sha256) == 64


def test_every_shipped_file_exists_with_the_hash_of_the_table() -> None:
    for spec in registry().models.values():
        for file in spec.files:
            if file.shipped:
                assert store.verified(spec, file).stat().st_size == file.bytes, f"{spec.name}: {file.name}"


def test_models_for_trimaps_and_plates_are_installed_before_any_pull() -> None:
    known = registry()
    for kind in ("trimap", "background", "refine"):
        specs = [known.find(name) for name in known.defaults[kind]]
        assert any(spec.shipped or not spec.files for spec in specs), f"nothing works from a {kind} without a download"


@pytest.mark.parametrize("lacking", ["sha256", "bytes"])
def test_a_shipped_file_of_unknown_content_is_refused(tmp_path: Path, lacking: str) -> None:
    facts = {"sha256": f'sha256 = "{"0" * 64}", ', "bytes": "bytes = 10, "}
    kept = "".join(text for name, text in facts.items() if name != lacking)
    table = f'[models.closed-form]\nfiles = [{{ {kept}name = "own.pt", shipped = true }}]'
    (tmp_path / "models.toml").write_text(models_file().read_text().replace("[models.closed-form]", table, 1))
    with pytest.raises(ModelError, match=r"own\.pt is shipped, so its sha256 and bytes"):
        read_registry(tmp_path / "models.toml")


def test_an_unknown_model_is_answered_with_the_closest_name() -> None:
    with pytest.raises(ModelError, match=r"did you mean modnet\?"):
        registry().find("mod-net")


def test_a_variant_has_the_paper_and_licence_of_its_network_and_its_own_weights() -> None:
    models = registry().models
    original, variant = models["modnet"], models["modnet-webcam"]
    assert variant.paper == original.paper != "" and variant.licence == original.licence
    assert (variant.architecture, variant.options, variant.memory) == (original.architecture, original.options, original.memory)
    assert variant.files and variant.files != original.files and variant.summary != original.summary


def test_a_variant_of_another_architecture_does_not_inherit_options() -> None:
    original, script = registry().models["bgmv2"], registry().models["bgmv2-resnet50-script"]
    assert script.foreground and script.guides == original.guides
    assert original.options and not script.options and "backbone" not in script.build


def test_no_paper_is_written_twice() -> None:
    papers = [line for line in models_file().read_text().splitlines() if line.startswith("paper = ") and "none of its own" not in line]
    assert len(papers) == len(set(papers)) > 10


@pytest.mark.parametrize("parent", ["nothing", "modnet-webcam"])
def test_a_variant_of_no_model_or_of_a_variant_is_refused(tmp_path: Path, parent: str) -> None:
    table = f'[models.mine]\nvariant_of = "{parent}"\nsummary = "mine"\n\n[models.modnet]'
    (tmp_path / "models.toml").write_text(models_file().read_text().replace("[models.modnet]", table, 1))
    with pytest.raises(ModelError, match=f"mine is a variant of '{parent}'"):
        read_registry(tmp_path / "models.toml")


def test_a_table_with_an_unknown_guide_is_refused(tmp_path: Path) -> None:
    text = models_file().read_text().replace('guides = ["trimap"]', 'guides = ["sketch"]')
    (tmp_path / "models.toml").write_text(text)
    with pytest.raises(ModelError, match="unknown guides"):
        read_registry(tmp_path / "models.toml")


@pytest.fixture
def two_sets(tmp_path: Path) -> Registry:
    """The registry, in which the weights of `fdm` are there twice: its authors' and this project's."""
    file = f'{{ name = "own.pt", shipped = true, sha256 = "{"0" * 64}", bytes = 1 }}'
    own = f'[models.fdm.ours]\nweights = "ours-2000-01"\nlicence = "MIT"\nfiles = [{file}]\n'
    text = re.sub(r"\[models\.fdm\.ours\].*?(?=\n\[models\.\w)", "", models_file().read_text(), flags=re.DOTALL)
    (tmp_path / "models.toml").write_text(f"{text}\n{own}")
    return read_registry(tmp_path / "models.toml")


def test_a_weight_set_of_this_project_differs_from_the_authors_where_its_table_says_so(two_sets: Registry) -> None:
    authors, ours = two_sets.find("fdm@authors"), two_sets.find("fdm@ours")
    assert (authors.weights, ours.weights, ours.licence) == ("authors", "ours-2000-01", "MIT")
    assert (ours.name, ours.architecture, ours.options) == ("fdm", "fdm", authors.options)
    assert [file.name for file in ours.files] == ["own.pt"]


@pytest.mark.parametrize(
    ("line", "wrong"),
    [('finder = "fusion"', "'fusion' finds no subjects for fdm"), ('finder = "subject"\nguides = ["mask"]', "takes no guides")],
)
def test_a_finder_is_a_model_that_finds_subjects_by_itself(tmp_path: Path, line: str, wrong: str) -> None:
    begin = "[models.fdm.ours]\n"
    text = models_file().read_text().replace('finder = "subject"\n', "").replace(begin, f"{begin}{line}\n")
    (tmp_path / "models.toml").write_text(text)
    with pytest.raises(ModelError, match=wrong):
        read_registry(tmp_path / "models.toml")


def test_weights_of_this_project_are_used_until_the_authors_are_installed(
    two_sets: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MATTE_HOME", str(tmp_path))
    spec = two_sets.find("fdm")
    assert store.runnable(spec) is spec.ours
    checkpoint = store.checkpoint_path(spec, spec.files[0])
    checkpoint.parent.mkdir(parents=True)
    checkpoint.touch()
    assert store.runnable(spec) is spec
    assert store.runnable(two_sets.find("fdm@ours")) is spec.ours


@pytest.mark.parametrize(("name", "there_are"), [("fdm@theirs", "fdm@authors and fdm@ours"), ("fdm-erd@ours", "fdm-erd@authors")])
def test_weights_that_a_model_does_not_have_are_refused(two_sets: Registry, name: str, there_are: str) -> None:
    with pytest.raises(ModelError, match=f"give {there_are}$"):
        two_sets.find(name)
