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
from functools import cache, lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mattecli.core import export, torchscript
from mattecli.core.contract import ExportInfo
from mattecli.nets import bgm, bgmv2, dim, dim_foamliu, fdm, fdm_erd, mmnet, modnet, shm, shm_fast, sim

REPOSITORY = Path(__file__).resolve().parents[2]
SHARED = Path(os.environ.get("MATTE_SHARED", REPOSITORY.parent / "shared"))
GOLDEN = Path(os.environ.get("MATTE_GOLDEN", SHARED / "golden"))

Arrays = Mapping[str, NDArray[Any]]
Meta = Mapping[str, Any]
State = dict[str, Tensor]


def tensor(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array))


def picture(array: NDArray[np.uint8]) -> Tensor:
    """uint8 [H, W] or [H, W, 3] -> float32 [1, C, H, W] in 0..1, as the contract states."""
    return tensor(np.atleast_3d(array)).permute(2, 0, 1)[None].float() / 255.0


def channels_first(array: NDArray[Any]) -> Tensor:
    """TensorFlow's [B, H, W, C] -> float32 [B, C, H, W]."""
    return tensor(array).permute(0, 3, 1, 2).float()


def given_weights(meta: Meta) -> int | str:
    """Random weights by their seed, or the published ones by their path in the shared folder."""
    weights: int | str = next(meta[key] for key in ("seed", "checkpoint", "weights") if key in meta)
    return weights


def sim_networks(meta: Meta) -> dict[str, int]:
    """Seeds of both networks of SIM; a case of one of them leaves the other's open."""
    return {"matting": 14, "classifier": 10} | meta.get("seeds", {meta["network"]: meta["seed"]})


def edges_repeated(array: NDArray[Any]) -> NDArray[Any]:
    """uint8 [H, W, ...] -> 0..1, its last row and column replaced by those before them."""
    inner = array[:-1, :-1] / 255.0
    return np.pad(inner, [(0, 1), (0, 1), *[(0, 0)] * (array.ndim - 2)], mode="edge")


def bgmv2_settings(options: Meta) -> dict[str, Any]:
    """How the refiner works in a case of the whole network."""
    names = {"mode": "refine_mode", "scale": "backbone_scale", "sample_pixels": "refine_sample_pixels", "threshold": "refine_threshold"}
    return {ours: options[theirs] for ours, theirs in names.items() if theirs in options}


@dataclass(frozen=True)
class Adapter:
    """How the golden cases of one folder address our network. Tolerances are absolute, with their reason beside them."""

    nets: Any
    inputs: Callable[[Arrays, Meta], tuple[Any, ...]]  # of a case -> arguments of the bare network
    outputs: tuple[str, ...]  # what the bare network returns, in order; empty: all that was recorded, in that order
    tolerance: float
    alpha_tolerance: float  # of the whole path, picture to alpha
    pictures: Callable[[Arrays], tuple[Tensor, ...]]  # of an e2e or real case -> image and guides
    tunables: Callable[[Meta], dict[str, Any]] = lambda meta: {}
    build: Callable[[Meta], dict[str, Any]] = lambda meta: {}
    file_tolerance: float = 0.0  # of the whole path from a file, where that is larger
    prefix: str = ""  # what the published file puts before every key
    prefixes: Mapping[str, str] = field(default_factory=dict)  # the same for single ones of several networks
    networks: Callable[[Meta], Mapping[str, int | str]] = lambda meta: {meta.get("network", "main"): given_weights(meta)}
    part: Callable[[Meta], str] = lambda meta: ""  # which of our sub-modules a case of the bare network is about
    recorded: Callable[[Arrays, str], NDArray[Any]] = lambda arrays, name: arrays[f"output.{name}"]
    alpha: Callable[[Arrays], NDArray[Any]] = lambda arrays: arrays["alpha"].clip(0, 1)  # of an e2e or real case -> 0..1, [H, W]
    foreground: Callable[[Arrays], NDArray[Any]] | None = None  # the same for the foreground [H, W, 3], where one was recorded
    foreground_tolerance: float = 0.0  # of the foreground times alpha
    corner: bool = False  # only the lower right part of each output was recorded
    tensorflow: bool = False  # the published file holds TensorFlow's variables
    aliases: tuple[tuple[str, str], ...] = field(default=())  # prefixes under which the published file holds one tensor twice


def bgmv2_adapter(backbone: str) -> Adapter:
    return Adapter(
        nets=bgmv2,
        inputs=lambda arrays, meta: (
            *(tensor(value) for name, value in arrays.items() if name.startswith("input.")),
            *bgmv2_settings(meta["options"]).values(),
        ),
        outputs=(),
        tolerance=5e-5,  # other float32 kernels change up to 8e-6; a wrong choice of what to refine is 1 in ref_sm
        alpha_tolerance=2e-5,  # other float32 kernels change up to 2e-6
        pictures=lambda arrays: (picture(arrays["image"]), picture(arrays["background"])),
        tunables=lambda meta: bgmv2_settings(meta["options"]),
        build=lambda meta: {"backbone": backbone, **({"refine": False} if meta["network"] == "base" else {})},
        foreground=lambda arrays: arrays["foreground_uint8"] / 255.0,
        foreground_tolerance=1.1 / 255,  # truncated to 8 bits
    )


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
    "shm": Adapter(
        nets=shm,
        inputs=lambda arrays, meta: (tensor(arrays["input.input"]),),
        outputs=("trimap", "alpha"),
        tolerance=1e-4,  # of logits up to 5 in size; other float32 kernels change up to 3e-5
        alpha_tolerance=1e-3,  # one tie of the 8-bit resize that falls the other way moves alpha around it by 6e-4
        pictures=lambda arrays: (picture(arrays["image"]),),
        tunables=lambda meta: {"side": meta["options"]["size"]},
    ),
    "fdm": Adapter(
        nets=fdm,
        inputs=lambda arrays, meta: (tensor(arrays["input.x"]),),
        outputs=("seg", "alpha", "a", "b", "c"),
        tolerance=1e-5,  # other float32 kernels change less than 1e-6
        alpha_tolerance=1e-5,
        pictures=lambda arrays: (picture(arrays["image"]),),
        tunables=lambda meta: {"side": meta["options"]["size"]},
    ),
    "fdm-erd": Adapter(
        nets=fdm_erd,
        inputs=lambda arrays, meta: (tensor(arrays["input.image"]),),
        outputs=("seg", "alpha"),
        tolerance=2e-5,  # other float32 kernels change up to 3e-6
        alpha_tolerance=5e-5,  # trained weights have sharper edges than random ones: 1e-5
        pictures=lambda arrays: (picture(arrays["image" if "image" in arrays else "resized"]),),
    ),
    "mmnet": Adapter(
        nets=mmnet,
        inputs=lambda arrays, meta: (channels_first(arrays["image_u8"]) / 255,),
        outputs=("logits", "aux_logits"),
        tolerance=5e-4,  # of logits up to 7 in size; other float32 kernels change up to 7e-5
        alpha_tolerance=1e-4,  # other float32 kernels change up to 2.4e-5
        pictures=lambda arrays: (channels_first(arrays["image_u8"]) / 255,),
        build=lambda meta: {"width": meta["width_multiplier"]},
        recorded=lambda arrays, name: channels_first(arrays[name if name == "aux_logits" else f"{name}_br"]).numpy(),
        corner=True,
        tensorflow=True,
    ),
    "dim": Adapter(
        nets=dim,
        inputs=lambda arrays, meta: (tensor(arrays["input.x"]),),
        outputs=(),
        tolerance=2e-5,  # other float32 kernels change up to 4e-6
        alpha_tolerance=2e-5,  # other float32 kernels change up to 2e-6; the 8-bit resize is exact
        pictures=lambda arrays: (picture(arrays["image"]), picture(arrays["trimap"])),
        tunables=lambda meta: {"tile": meta["options"].get("size_h", 0), "overlap": 0},
        build=lambda meta: {"refines": meta["options"]["stage"] > 1},
    ),
    "dim-foamliu": Adapter(
        nets=dim_foamliu,
        inputs=lambda arrays, meta: (tensor(arrays["input.inputs"]),),
        outputs=(),
        tolerance=2e-5,  # other float32 kernels change up to 2e-6
        alpha_tolerance=2e-5,
        # Batch norms folded into the convolutions round otherwise: two values of a pooling window change places, and so does their pixel.
        file_tolerance=1e-2,
        pictures=lambda arrays: (picture(arrays["image"]), picture(arrays["trimap"])),
        prefix="module.",
    ),
    "sim": Adapter(
        nets=sim,
        inputs=lambda arrays, meta: (
            *(tensor(value) for name, value in arrays.items() if name.startswith("input.")),
            *([True] if meta["network"] == "matting" else []),  # the training's weight maps too
        ),
        outputs=(),
        tolerance=5e-5,  # other float32 kernels change up to 5e-6, of pooled features up to 11 in size
        alpha_tolerance=2e-5,  # other float32 kernels change up to 2e-6
        pictures=lambda arrays: (picture(arrays["image"]), picture(arrays["trimap"])),
        prefixes={"classifier": "module."},
        networks=sim_networks,
        part=lambda meta: meta["network"],
    ),
    "bgmv2-mobilenetv2": bgmv2_adapter("mobilenetv2"),
    "bgmv2-resnet50": bgmv2_adapter("resnet50"),
    "bgmv2-resnet101": bgmv2_adapter("resnet101"),
    "bgm": Adapter(
        nets=bgm,
        inputs=lambda arrays, meta: tuple(tensor(value) for name, value in arrays.items() if name.startswith("input.")),
        outputs=(),
        tolerance=1e-4,  # other float32 kernels change up to 1e-5
        # Recorded in 8 bits, truncated, resized and rounded: 1.7/255. At the blob's rim, where alpha is 0.05, a pixel may be in or out.
        alpha_tolerance=13 / 255,
        pictures=lambda arrays: tuple(picture(arrays[name]) for name in ("image", "background", "segmentation")),
        prefix="module.",
        alpha=lambda arrays: edges_repeated(arrays["alpha_uint8"]),  # its authors never fill the last row and column, ours are filled
        foreground=lambda arrays: edges_repeated(arrays["foreground_uint8"]),
        foreground_tolerance=16 / 255,  # theirs is black beyond the blob before it is resized, so darker along the rim
    ),
}
NOT_BUILT: set[str] = set()
NOT_NETWORKS = {"metrics", "hattmatting"}
DEEPER = {"bgmv2-resnet50", "bgmv2-resnet101"}
"""Of these the backbone and the whole way are tried. Their refiner is that of bgmv2-mobilenetv2, whose cases try each of its modes."""


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


def cases(*kinds: str, batch_statistics: bool = False) -> list[Case]:
    """The recorded files of these kinds; with `batch_statistics` only those of networks in training mode, else none of them."""
    found = [Case(model, path) for model in ADAPTERS for kind in kinds for path in sorted((GOLDEN / model).glob(f"{kind}-*.npz"))]
    found = [case for case in found if case.model not in DEEPER or case.path.stem.startswith(("case-base", "e2e"))]
    return [case for case in found if case.path.stem.endswith("-batchstats") == batch_statistics]


@cache
def fill(name: str) -> Any:
    """The module that makes the random weights; it lies beside the cases."""
    spec = importlib.util.spec_from_file_location(f"golden_{name}", GOLDEN / f"{name}.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=4)
def official_state(model: str, network: str, seed: int) -> State:
    """Random weights, laid out as the published checkpoint."""
    recorded = json.loads((GOLDEN / model / "spec.json").read_text())["networks"][network]
    values = fill("fill").from_spec(recorded, seed)
    prefix = ADAPTERS[model].prefixes.get(network, ADAPTERS[model].prefix)
    return {prefix + key: torch.from_numpy(value) for key, value in values.items()}


@cache
def tensorflow_state(model: str, seed: int) -> State:
    """Random weights, named and laid out as the variables of the published TensorFlow graph."""
    spec = json.loads((GOLDEN / model / "spec.json").read_text())
    case = next(case for case in spec["cases"] if case["seed"] == seed)
    variables = spec["variables"][str(case["width_multiplier"])]
    return {name: torch.from_numpy(fill("fill_tf").fill(name, shape, seed, case["gains"])) for name, shape, _ in variables}


def checkpoint(model: str, network: str, weights: int | str) -> State:
    """Random weights by their seed, or the published ones by their path in the shared folder."""
    if isinstance(weights, str):
        return export.read_checkpoint(SHARED / weights)
    return tensorflow_state(model, weights) if ADAPTERS[model].tensorflow else official_state(model, network, weights)


Weights = tuple[tuple[str, str, int | str], ...]  # what `checkpoint` needs to know of each network the model is made of


def weights_of(case: Case, meta: Meta) -> Weights:
    return tuple((case.model, network, weights) for network, weights in case.adapter.networks(meta).items())


def loaded(adapter: Adapter, states: list[State], build: Mapping[str, Any]) -> nn.Module:
    network: nn.Module = adapter.nets.build(**build)
    network.load_state_dict({key: value for state in states for key, value in adapter.nets.convert(state).items()})
    return network.eval()


def through_a_file(module: nn.Module) -> nn.Module:
    """The module after scripting, saving, loading and freezing: what runs when a person uses the model."""
    arguments = list(inspect.signature(module.forward).parameters.values())
    defaults = {argument.name: None if argument.default is argument.empty else argument.default for argument in arguments[1:]}
    info = ExportInfo("parity", "parity", (), defaults, False, None, "", {})  # type: ignore[arg-type]
    with TemporaryDirectory() as folder:
        export.export(module, Path(folder) / "parity.pt", info)
        file, device = Path(folder) / "parity.pt", torch.device("cpu")  # a part of a network takes what no contract allows
        return torchscript.made_quick(torchscript.load_script(file, device, {}), device=device, dtype=torch.float32)


@lru_cache(maxsize=2)  # both forms of one network: some are large
def ready(weights: Weights, build: tuple[tuple[str, Any], ...], part: str, wrapped: bool, from_file: bool) -> nn.Module:
    """A network with its weights; bare or wrapped to the contract; as it is or as an export."""
    adapter = ADAPTERS[weights[0][0]]
    network = loaded(adapter, [checkpoint(*each) for each in weights], dict(build))
    module = adapter.nets.wrap(network, **dict(build)) if wrapped else network.get_submodule(part)
    return through_a_file(module) if from_file else module.eval()


def assert_close(found: Tensor, expected: NDArray[Any], tolerance: float, what: str) -> None:
    assert tuple(found.shape) == expected.shape, what
    deviation = np.abs(found.numpy() - expected.astype(np.float32)).max()
    assert deviation <= tolerance, f"{what} deviates by {deviation:.2e}, more than {tolerance:.2e}"


def assert_outputs(adapter: Adapter, results: Any, arrays: Arrays) -> None:
    names = adapter.outputs or [key.removeprefix("output.") for key in arrays if key.startswith("output.")]
    found = [result for result in (results if isinstance(results, (tuple, list)) else [results]) if result is not None]
    for name, result in zip(names, found, strict=True):
        expected = adapter.recorded(arrays, name)
        result = result[:, ::8] if name.endswith("_every_8th_channel") else result
        seen = result[:, :, -expected.shape[2] :, -expected.shape[3] :] if adapter.corner else result
        assert_close(seen, expected, adapter.tolerance, name)


def run(case: Case, meta: Meta, arguments: tuple[Any, ...], tunables: Mapping[str, Any], **form: bool) -> Any:
    part = "" if form["wrapped"] else case.adapter.part(meta)
    module = ready(weights_of(case, meta), tuple(case.adapter.build(meta).items()), part, **form)
    with torch.inference_mode():
        return module(*arguments, **tunables)


WHOLE = {case.model for case in cases("e2e", "real")}
"""The models whose way from a picture to its alpha was recorded: their code is tried from a file there, that of others in one case here."""
FROM_FILE = {case.model: case for case in cases("case") if case.model not in WHOLE}.values()


def form(value: Case | bool) -> str:
    """A case, or whether it runs from a file, in the name of a test."""
    return ("from file" if value else "in memory") if isinstance(value, bool) else str(value)


@pytest.mark.parametrize(
    ("case", "from_file"),
    [(case, False) for case in cases("case")] + [(case, True) for case in FROM_FILE],
    ids=form,
)
def test_the_network_returns_what_its_authors_return(case: Case, from_file: bool) -> None:
    arrays, meta = case.read()
    results = run(case, meta, case.adapter.inputs(arrays, meta), {}, wrapped=False, from_file=from_file)
    assert_outputs(case.adapter, results, arrays)


@pytest.mark.parametrize("case", cases("case", batch_statistics=True), ids=str)
def test_in_training_the_network_returns_what_its_authors_return(case: Case) -> None:
    arrays, meta = case.read()
    network = loaded(case.adapter, [checkpoint(*each) for each in weights_of(case, meta)], case.adapter.build(meta)).train()
    with torch.no_grad():
        assert_outputs(case.adapter, network(*case.adapter.inputs(arrays, meta)), arrays)


@pytest.mark.parametrize(
    ("case", "from_file"),
    # A file runs the code that memory runs, so memory is tried only where a file's rounding is allowed more.
    [(case, from_file) for case in cases("e2e", "real") for from_file in ([False, True] if case.adapter.file_tolerance else [True])],
    ids=form,
)
def test_a_picture_gets_the_alpha_its_authors_give_it(case: Case, from_file: bool, shared: Path) -> None:
    arrays, meta = case.read()
    adapter = case.adapter
    alpha, foreground = run(case, meta, adapter.pictures(arrays), adapter.tunables(meta), wrapped=True, from_file=from_file)
    tolerance = max(adapter.alpha_tolerance, adapter.file_tolerance if from_file else 0.0)
    assert_close(alpha[0, 0], adapter.alpha(arrays), tolerance, "alpha")
    if adapter.foreground is not None:
        expected = adapter.foreground(arrays) * adapter.alpha(arrays)[..., None]
        assert_close((foreground * alpha)[0].permute(1, 2, 0), expected, adapter.foreground_tolerance, "foreground times alpha")


@pytest.mark.parametrize("case", {case.model: case for case in cases("case")}.values(), ids=str)
def test_a_checkpoint_that_does_not_fit_is_reported(case: Case) -> None:
    _, meta = case.read()
    states = [dict(checkpoint(*each)) for each in weights_of(case, meta)]
    *_, missing, last = (key for key in states[0] if not key.endswith("num_batches_tracked"))  # PyTorch makes those up itself
    del states[0][missing]
    states[0][f"{last}_of_another_network"] = torch.zeros(1)
    states[0][last] = torch.zeros(7, 7)
    with pytest.raises(RuntimeError, match=r"(?s)Missing key.*Unexpected key.*size mismatch"):
        loaded(case.adapter, states, case.adapter.build(meta))


@pytest.mark.parametrize("kept", [0, 1])
@pytest.mark.parametrize("case", {case.model: case for case in cases("case") if case.adapter.aliases}.values(), ids=str)
def test_either_name_of_a_doubled_tensor_is_enough(case: Case, kept: int) -> None:
    _, meta = case.read()
    dropped = tuple(case.adapter.prefix + names[1 - kept] for names in case.adapter.aliases)
    states = [checkpoint(*each) for each in weights_of(case, meta)]
    loaded(case.adapter, [{key: state[key] for key in state if not key.startswith(dropped)} for state in states], case.adapter.build(meta))


def test_every_folder_of_golden_outputs_is_known(request: pytest.FixtureRequest) -> None:
    folder = GOLDEN if "MATTE_GOLDEN" in os.environ else request.getfixturevalue("shared") / "golden"
    found = {path.name for path in folder.iterdir() if path.is_dir()}
    assert found - ADAPTERS.keys() - NOT_BUILT - NOT_NETWORKS == set()
    assert ADAPTERS.keys() <= found
    assert not ADAPTERS.keys() & NOT_BUILT
