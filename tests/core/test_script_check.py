"""A model computes: files that would do more are refused before any of their code runs, and answers that are no mattes are errors."""

import zipfile
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mattecli.core import export
from mattecli.core.contract import METADATA_FILE, ExportInfo
from mattecli.core.runtime import load_model, pick_device
from mattecli.core.tuning.memory_guard import run_within
from mattecli.errors import ModelError

INFO = ExportInfo("toy", "toy", (), {}, False, None, "none", {})


class Saves(nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        torch.save(image, "written-by-a-model")
        return image[:, :1], None


class Maps(nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        return torch.from_file("/etc/hostname", False, 4).view(1, 1, 2, 2).to(image.dtype), None


class Inner(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        if image.shape[0] > 100:
            print("seen")
        return image[:, :1]


class Prints(nn.Module):
    """Prints in a branch of a part."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = Inner()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        return self.inner(image), None


class SetsState(nn.Module):
    """Runs code while it is loaded."""

    @torch.jit.export
    def __getstate__(self) -> tuple[int, bool]:
        return 1, self.training

    @torch.jit.export
    def __setstate__(self, state: tuple[int, bool]) -> None:
        torch.save(torch.zeros(1), "written-by-a-model")
        self.training = state[1]

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        return image[:, :1], None


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("module", "operator"),
    [(Saves, "aten::save writes a file"), (Maps, "aten::from_file"), (Prints, "prim::Print"), (SetsState, "__setstate__ would run")],
)
def test_code_that_does_more_than_compute_is_refused_before_it_runs(there: Path, module: type[nn.Module], operator: str) -> None:
    export.export(module(), there / "toy.pt", INFO)
    with pytest.raises(ModelError, match=operator):
        load_model(there / "toy.pt", device=pick_device("cpu"))
    assert [path.name for path in there.iterdir()] == ["toy.pt"]


class Plain(nn.Module):
    def forward(self, image: Tensor, gain: float = 1.0) -> tuple[Tensor, Tensor | None]:
        return image[:, :1] * gain, None


def _rewritten(path: Path, members: dict[str, bytes], *, before: bytes = b"", after: bytes = b"") -> None:
    """The archive with some members replaced or added, deflated, and bytes around it."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()} | members
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    path.write_bytes(before + path.read_bytes() + after)


@pytest.mark.parametrize(
    ("members", "around", "said"),
    [
        ({"toy/data/bomb": bytes(300_000_000)}, {}, "unpacks to far more"),
        ({"toy/CODE/x.py": b"", "toy/code/x.py": b""}, {}, "irregular archive"),
        ({}, {"before": b"PK"}, "irregular archive"),
        ({}, {"after": b"PK"}, "irregular archive|not a TorchScript file"),
        ({"toy/code/x.py": b"__torch__.torch.classes.rpc.Agent"}, {}, "compiled extension"),
        ({"toy/data.pkl": b"\x80\x02c__torch__.torch\nclasses.rpc.Agent\n."}, {}, "compiled extension"),
    ],
)
def test_irregular_archives_are_refused(there: Path, members: dict[str, bytes], around: dict[str, bytes], said: str) -> None:
    export.export(Plain(), there / "toy.pt", ExportInfo("toy", "toy", (), {"gain": 1.0}, False, None, "none", {}))
    _rewritten(there / "toy.pt", members, **around)
    with pytest.raises(ModelError, match=said):
        load_model(there / "toy.pt", device=pick_device("cpu"))


def test_code_whose_arguments_differ_from_its_metadata_is_refused(there: Path) -> None:
    info = ExportInfo("toy", "toy", (), {"gain": 1.0}, False, None, "none", {})
    export.export(Plain(), there / "toy.pt", info)
    with zipfile.ZipFile(there / "toy.pt") as archive:
        name = next(name for name in archive.namelist() if name.endswith(METADATA_FILE))
        other = archive.read(name).replace(b'"gain": 1.0', b'"loss": 1.0')
    _rewritten(there / "toy.pt", {name: other})
    with pytest.raises(ModelError, match="and its code takes something else"):
        load_model(there / "toy.pt", device=pick_device("cpu"))


class Gives(nn.Module):
    """Gives an answer of one kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        alpha = image[:, :1]
        if self.kind == "small":
            return alpha[..., 1:], None
        if self.kind == "integers":
            return alpha.to(torch.int32), None
        if self.kind == "percent":
            return alpha + 99.0, None
        if self.kind == "grey foreground":
            return alpha, alpha
        if self.kind == "bright foreground":
            return alpha, image * 255.0 + 2.0
        return alpha, image


class GivesOne(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image[:, :1]


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (Gives("small"), r"float32 \[1, 1, 8, 7\] for its alpha"),
        (Gives("integers"), r"int32 \[1, 1, 8, 8\] for its alpha"),
        (Gives("percent"), "values from 99.* in 0..1"),
        (Gives("grey foreground"), r"\[1, 1, 8, 8\] for its foreground"),
        (Gives("bright foreground"), "in 0..1"),
        (GivesOne(), "1 results and not alpha and foreground"),
    ],
)
def test_outputs_that_are_no_mattes_are_errors(there: Path, module: nn.Module, said: str) -> None:
    export.export(module, there / "toy.pt", INFO)
    model = load_model(there / "toy.pt", device=pick_device("cpu"))
    with pytest.raises(ModelError, match=said):
        run_within(model, torch.rand(1, 3, 8, 8), {}, {})


class Raises(nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        if image.shape[2] > 4:
            raise ValueError("too large for me")
        return image[:, :1], None


class Mismatched(nn.Module):
    def forward(self, image: Tensor) -> tuple[Tensor, Tensor | None]:
        return image[:, :1] + image[:, :1, 1:], None


@pytest.mark.parametrize(("module", "said"), [(Raises(), "too large for me"), (Mismatched(), "must match")])
def test_exceptions_of_an_export_are_one_sentence(there: Path, module: nn.Module, said: str) -> None:
    export.export(module, there / "toy.pt", INFO)
    model = load_model(there / "toy.pt", device=pick_device("cpu"))
    with pytest.raises(ModelError, match=f"^the model's code stopped with an error \\(.*{said}[^\n]*$"):
        run_within(model, torch.rand(1, 3, 8, 8), {}, {})


def test_a_valid_output_passes(there: Path) -> None:
    export.export(Gives("sound"), there / "toy.pt", INFO)
    outcome = run_within(load_model(there / "toy.pt", device=pick_device("cpu")), torch.rand(1, 3, 8, 8), {}, {})
    assert outcome.foreground is not None and outcome.alpha.shape == (1, 1, 8, 8)
