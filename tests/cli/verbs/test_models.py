"""`matte models` and `matte doctor`, and the published shm-fast weights end to end."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from mattecli.io.images import write_image
from tests.support import Run, read


@pytest.fixture
def mirrored(shared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_MIRROR", str(shared / "weights"))


@pytest.mark.usefixtures("mirrored")
def test_a_pulled_model_gives_the_authors_matte(run: Run, shared: Path, tmp_path: Path) -> None:
    pulled = run("models", "pull", "shm-fast", "--offline")
    assert pulled.exit_code == 0 and Path(pulled.stdout.strip()).is_file(), pulled.output
    assert "ok" in run("models", "verify", "shm-fast").stdout
    golden = np.load(shared / "golden" / "shm-fast" / "real-street.npz")
    write_image(golden["image"][..., ::-1], tmp_path / "photo.png")
    done = run("image", tmp_path / "photo.png", "--model", "shm-fast", "--refine", "none", "--as", "alpha", "-o", tmp_path / "alpha.png")
    assert done.exit_code == 0, done.output
    wanted = np.clip(golden["alpha"].squeeze(), 0, 1)
    assert np.abs(read(tmp_path / "alpha.png") / 255.0 - wanted).max() <= 2 / 255
    assert run("models", "rm", "shm-fast").exit_code == 0
    assert not Path(pulled.stdout.strip()).exists()


@pytest.mark.usefixtures("mirrored")
def test_an_export_runs_by_its_path(run: Run, shared: Path, tmp_path: Path) -> None:
    checkpoint = shared / "weights" / "shm-fast" / "ckpt_lastest.pth"
    exported = run("models", "export", "shm-fast", "--checkpoint", checkpoint, "-o", tmp_path / "mine.pt")
    assert exported.exit_code == 0, exported.output
    photo = shared / "data" / "portraits" / "selfie_1.jpg"
    done = run("image", photo, "--model", tmp_path / "mine.pt", "--refine", "-o", tmp_path / "cut.png", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["refine"] == "fusion"


@pytest.mark.parametrize(("name", "weights"), [("modnet", "ours-2026-12"), ("fusion", "ours-2026-11"), ("modnet-webcam", None)])
def test_info_says_where_the_card_of_this_projects_weights_is(run: Run, name: str, weights: str | None) -> None:
    lines = run("models", "info", name).stdout.splitlines()
    cards = [line.strip().removeprefix("card").strip() for line in lines if line.startswith("  card ")]
    assert [text.startswith(f"data, training and failures of {weights}: ") for text in cards] == ([] if weights is None else [True])
    assert all(Path(text.rpartition(": ")[2]).is_file() for text in cards)
    assert (json.loads(run("models", "info", name, "--json").stdout)["card"] is None) == (weights is None)


def test_list_and_doctor_include_every_model(run: Run) -> None:
    listed = [json.loads(line) for line in run("models", "list", "--json").stdout.splitlines()]
    assert {record["name"] for record in listed} >= {"closed-form", "shm-fast", "modnet"}
    doctor = [json.loads(line) for line in run("doctor", "--json").stdout.splitlines()]
    names = {finding["name"] for finding in doctor}
    assert names >= {"python", "torch", "device", "video", "cache", "mirror", *(record["name"] for record in listed)}
    assert all(finding["ok"] or finding["advice"] for finding in doctor)


def _pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps({"state_dict": Path("x")}))


def _junk(path: Path) -> None:
    path.write_bytes(b"abc" * 100)


def _wrong_layout(path: Path) -> None:
    torch.save({"state_dict": {"conv.weight": torch.zeros(1)}}, path)


def _no_tensors(path: Path) -> None:
    torch.save({"epoch": 3}, path)


@pytest.mark.parametrize(
    ("make", "said"),
    [(_pickle, "not a checkpoint"), (_junk, "not a checkpoint"), (_wrong_layout, "does not fit"), (_no_tensors, "no state dict")],
)
def test_files_that_are_no_checkpoints_are_refused(run: Run, tmp_path: Path, make: object, said: str) -> None:
    make(tmp_path / "bad.pth")
    done = run("models", "export", "shm-fast", "--checkpoint", tmp_path / "bad.pth", "-o", tmp_path / "out.pt")
    assert done.exit_code == 1 and said in done.stderr and done.stderr.count("\n") == 1, done.output
    assert not (tmp_path / "out.pt").exists()


@pytest.mark.usefixtures("mirrored")
def test_verify_checks_every_file_although_one_is_bad(run: Run) -> None:
    names = ("shm-fast", "fdm-erd", "fusion")
    bad, *good = (Path(run("models", "path", name).stdout.strip()) for name in names)
    assert run("models", "pull", *names, "--offline").exit_code == 0
    bad.write_bytes(b"altered")
    done = run("models", "verify", *names)
    assert done.exit_code == 1 and f"{bad} does not have the sha256" in done.stderr
    assert done.stdout.startswith("".join(f"{file}: ok\n" for file in good))
    run("models", "rm", *names)


def test_a_wrong_file_is_not_imported(run: Run, tmp_path: Path) -> None:
    _wrong_layout(tmp_path / "ckpt_lastest.pth")
    done = run("models", "import", "shm-fast", tmp_path / "ckpt_lastest.pth")
    assert done.exit_code == 1 and "wrong sha256" in done.stderr


@pytest.mark.filterwarnings("ignore:.*torch.jit.*:DeprecationWarning")
def test_torchscript_without_metadata_is_refused(run: Run, tmp_path: Path) -> None:
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), str(tmp_path / "foreign.pt"))
    done = run("image", "photo.jpg", "--model", tmp_path / "foreign.pt")
    assert done.exit_code == 1 and "carries no matte.json" in done.stderr, done.output


def test_verify_and_doctor_check_exports(run: Run, scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MATTE_HOME", str(scene / "home"))
    assert run("image", "photo.png", "--trimap", "trimap.png", "-m", "closed-form", "-o", "before.png").exit_code == 0
    (exported,) = (scene / "home" / "exports").glob("*.pt")
    assert f"{exported}: ok" in run("models", "verify", "closed-form").stdout
    content = bytearray(exported.read_bytes())
    content[1000:1512] = b"\xff" * 512
    exported.write_bytes(content)
    done = run("models", "verify", "closed-form")
    assert done.exit_code == 1 and "does not have the sha256 it was made with" in done.stderr
    assert f"its export {exported} was altered" in run("doctor").stdout
    assert run("image", "photo.png", "--trimap", "trimap.png", "-m", "closed-form", "-o", "after.png").exit_code == 0
    assert (scene / "after.png").read_bytes() == (scene / "before.png").read_bytes()
    assert run("models", "verify").exit_code == 0


def test_help_says_what_each_verb_does_in_a_whole_sentence(run: Run) -> None:
    for words in ((), ("models",)):
        listed = run(*words, "--help").stdout
        assert "..." not in listed.split("Commands:")[1], listed
