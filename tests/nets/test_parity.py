"""Every network computes what its authors' code computes: compared with the outputs recorded in shared/golden (see its README.md).

The module finds the cases by itself. A folder of golden outputs needs one entry in ADAPTERS; one whose network is not built yet
stands in NOT_BUILT; any other folder fails a test.
"""

import importlib.util
import inspect
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mattecli.core import export
from mattecli.core.contract import ExportInfo
from mattecli.nets import modnet, shm_fast

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MATTE_SHARED", REPOSITORY.parent / "shared"))
GOLDEN = Path(os.environ.get("MATTE_GOLDEN", SHARED / "golden"))

Arrays = Mapping[str, NDArray[Any]]
Meta = Mapping[str, Any]
State = dict[str, Tensor]


def tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array))


def picture(array: NDArray[np.uint8]) -> Tensor:
    """uint8 [H, W] or [H, W, 3] -> float32 [1, C, H, W] in 0..1, as the contract wants it."""
    return tensor(np.atleast_3d(array)).permute(2, 0, 1)[None].float() / 255.0


@dataclass(frozen=True)
class Adapter:
    """How the golden cases of one folder address our network. Tolerances are absolute, with their reason beside them."""

    nets: Any
    inputs: Callable[[Arrays, Meta], tuple[Any, ...]]  # of a case -> arguments of the bare network
    outputs: tuple[str, ...]  # what the bare network returns, in order
    tolerance: float
    alpha_tolerance: float  # of the whole path, picture to alpha
    pictures: Callable[[Arrays], tuple[Tensor, ...]]  # of an e2e or real case -> image and guides
    tunables: Callable[[Meta], dict[str, Any]] = lambda meta: {}
    build: Callable[[Meta], dict[str, Any]] = lambda meta: {}
    prefix: str = ""  # what the published file puts before every key
    aliases: tuple[tuple[str, str], ...] = field(default=())  # prefixes under which the published file holds one tensor twice


ADAPTERS = {
    "shm-fast": Adapter(
        nets=shm_fast,
        inputs=lambda arrays, meta: (tensor(arrays["input.image"]),),
        outputs=("trimap", "alpha"),
        tolerance=1e-4,  # ten times what other float32 kernels change
        # The recorded alpha is float16 (0.06/255). A tie of the 8-bit resize that falls the other way moves alpha by 0.1/255.
        alpha_tolerance=0.3 / 255,
        pictures=lambda arrays: (picture(arrays["image"][..., ::-1]),),
        tunables=lambda meta: {"side": meta["side"]},
    ),
    "modnet": Adapter(
        nets=modnet,
        inputs=lambda arrays, meta: (tensor(arrays["input.img"]), meta["options"]["inference"]),
        outputs=("pred_semantic", "pred_detail", "pred_matte"),
        tolerance=1e-4,  # other float32 kernels change up to 2e-5
        alpha_tolerance=5e-4,  # a network of 512 x 544 adds up ten times more rounding than the small cases
        pictures=lambda arrays: (picture(arrays["image"]),),
        tunables=lambda meta: {"side": meta["options"]["ref_size"]},
        prefix="module.",
        aliases=(("backbone.", "lr_branch.backbone."),),
    ),
}
NOT_BUILT = {"dim", "dim-foamliu", "sim", "bgm", "bgmv2-mobilenetv2", "bgmv2-resnet50", "bgmv2-resnet101", "shm", "fdm", "fdm-erd", "mmnet"}
NOT_NETWORKS = {"metrics", "hattmatting"}


@dataclass(frozen=True)
class Case:
    """One recorded file."""

    model: str
    path: Path

    def __str__(self) -> str:
        return f"{self.model}-{self.path.stem}"

    @property
    def adapter(self) -> Adapter:
        return ADAPTERS[self.model]

    def read(self) -> tuple[Arrays, Meta]:
        with np.load(self.path) as archive:
            arrays = dict(archive)
        return arrays, json.loads(str(arrays.pop("meta")))


def cases(*kinds: str) -> list[Case]:
    return [Case(model, path) for model in ADAPTERS for kind in kinds for path in sorted((GOLDEN / model).glob(f"{kind}-*.npz"))]


@cache
def fill() -> Any:
    """The module that makes the stand-in weights; it lies beside the cases."""
    spec = importlib.util.spec_from_file_location("golden_fill", GOLDEN / "fill.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@cache
def official_state(model: str, network: str, seed: int) -> State:
    """Stand-in weights, laid out as the published checkpoint."""
    recorded = json.loads((GOLDEN / model / "spec.json").read_text())["networks"][network]
    values = fill().from_spec(recorded, seed)
    return {ADAPTERS[model].prefix + key: torch.from_numpy(value) for key, value in values.items()}


def checkpoint(model: str, network: str, weights: int | str) -> State:
    """Stand-in weights by their seed, or the published ones by their path in the shared folder."""
    return official_state(model, network, weights) if isinstance(weights, int) else export.read_checkpoint(SHARED / weights)


def weights_of(case: Case, meta: Meta) -> tuple[str, str, int | str]:
    """What `checkpoint` needs to know."""
    weights = [meta[key] for key in ("seed", "checkpoint", "weights") if key in meta]
    return case.model, meta.get("network", "main"), weights[0]


def loaded(adapter: Adapter, state: State, build: Mapping[str, Any]) -> nn.Module:
    network: nn.Module = adapter.nets.build(**build)
    network.load_state_dict(adapter.nets.convert(state))
    return network.eval()


def through_a_file(module: nn.Module) -> nn.Module:
    """The module after scripting, saving, loading and freezing: what runs when a person uses the model."""
    arguments = list(inspect.signature(module.forward).parameters.values())
    defaults = {argument.name: None if argument.default is argument.empty else argument.default for argument in arguments[1:]}
    info = ExportInfo("parity", "parity", (), defaults, False, None, "", {})  # type: ignore[arg-type]
    with TemporaryDirectory() as folder:
        export.export(module, Path(folder) / "parity.pt", info)
        return export.load(Path(folder) / "parity.pt", device=torch.device("cpu"), dtype=torch.float32)[0]


@cache
def ready(weights: tuple[str, str, int | str], build: tuple[tuple[str, Any], ...], wrapped: bool, from_file: bool) -> nn.Module:
    """A network with its weights; bare or as the contract wants it; as it is or as an export."""
    adapter = ADAPTERS[weights[0]]
    network = loaded(adapter, checkpoint(*weights), dict(build))
    module = adapter.nets.wrap(network, **dict(build)) if wrapped else network
    return through_a_file(module) if from_file else module.eval()


def assert_close(found: Tensor, expected: NDArray[Any], tolerance: float, what: str) -> None:
    assert tuple(found.shape) == expected.shape, what
    deviation = np.abs(found.numpy() - expected.astype(np.float32)).max()
    assert deviation <= tolerance, f"{what} deviates by {deviation:.2e}, more than {tolerance:.2e}"


def run(case: Case, meta: Meta, arguments: tuple[Any, ...], tunables: Mapping[str, Any], **form: bool) -> Any:
    module = ready(weights_of(case, meta), tuple(case.adapter.build(meta).items()), **form)
    with torch.inference_mode():
        return module(*arguments, **tunables)


@pytest.mark.parametrize("from_file", [False, True], ids=["in memory", "from file"])
@pytest.mark.parametrize("case", cases("case"), ids=str)
def test_the_network_returns_what_its_authors_return(case: Case, from_file: bool) -> None:
    arrays, meta = case.read()
    results = run(case, meta, case.adapter.inputs(arrays, meta), {}, wrapped=False, from_file=from_file)
    for name, result in zip(case.adapter.outputs, results if isinstance(results, tuple) else (results,), strict=True):
        assert_close(result, arrays[f"output.{name}"], case.adapter.tolerance, name)


@pytest.mark.parametrize("from_file", [False, True], ids=["in memory", "from file"])
@pytest.mark.parametrize("case", cases("e2e", "real"), ids=str)
def test_a_picture_gets_the_alpha_its_authors_give_it(case: Case, from_file: bool, shared: Path) -> None:
    arrays, meta = case.read()
    alpha = run(case, meta, case.adapter.pictures(arrays), case.adapter.tunables(meta), wrapped=True, from_file=from_file)[0]
    assert_close(alpha[0, 0], arrays["alpha"].clip(0, 1), case.adapter.alpha_tolerance, "alpha")


def without_last(state: State, keys: list[str]) -> str:
    del state[keys[-1]]
    return "Missing key"


def with_another(state: State, keys: list[str]) -> str:
    state[keys[-1] + "_of_another_network"] = torch.zeros(1)
    return "Unexpected key"


def with_last_reshaped(state: State, keys: list[str]) -> str:
    state[keys[-1]] = torch.zeros(7, 7)
    return "size mismatch"


@pytest.mark.parametrize("damage", [without_last, with_another, with_last_reshaped])
@pytest.mark.parametrize("case", {case.model: case for case in cases("case")}.values(), ids=str)
def test_a_checkpoint_that_does_not_fit_is_reported(case: Case, damage: Callable[[State, list[str]], str]) -> None:
    _, meta = case.read()
    state = dict(checkpoint(*weights_of(case, meta)))
    complaint = damage(state, list(state))
    with pytest.raises(RuntimeError, match=complaint):
        loaded(case.adapter, state, case.adapter.build(meta))


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("case", {case.model: case for case in cases("case") if case.adapter.aliases}.values(), ids=str)
def test_either_name_of_a_doubled_tensor_is_enough(case: Case, kept: int) -> None:
    _, meta = case.read()
    dropped = tuple(case.adapter.prefix + names[1 - kept] for names in case.adapter.aliases)
    state = {key: value for key, value in checkpoint(*weights_of(case, meta)).items() if not key.startswith(dropped)}
    loaded(case.adapter, state, case.adapter.build(meta))


def test_every_folder_of_golden_outputs_is_known(request: pytest.FixtureRequest) -> None:
    folder = GOLDEN if "MATTE_GOLDEN" in os.environ else request.getfixturevalue("shared") / "golden"
    found = {path.name for path in folder.iterdir() if path.is_dir()}
    assert found - ADAPTERS.keys() - NOT_BUILT - NOT_NETWORKS == set()
    assert ADAPTERS.keys() <= found
    assert not ADAPTERS.keys() & NOT_BUILT
