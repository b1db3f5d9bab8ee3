"""The training task of each network: its inputs, its outputs and its paper's losses.

A task names the `fields` of an example that it needs in addition to those it prepares. `answer` runs the network on a batch (name -> float
[B, C, H, W] in 0..1) and returns a table with at least `alpha` [B, 1, H, W]; `terms` are its losses by name, which a run's [losses]
weights. `coarse`: whether an example has its closed-form matte too, with which a validation compares.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from importlib import import_module
from itertools import pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from mattecli.errors import InputError
from mattecli.matting.plate_trimap import trimap_from_plate
from mattecli.matting.registration.register import AT_REST
from mattecli.nets.parts.ops import levels_with_prior, standardise, with_known
from training import losses
from training.coarse import coarse_mattes
from training.engine import Example
from training.engine.settings import SHARES
from training.norms import NORM, with_norms

Batch = Mapping[str, Tensor]
Terms = dict[str, Tensor]

SCALES = (0.3, 0.4, 0.5)
"""Scales of the input of Background Matting V2's base network in training; few, because cuDNN selects its algorithms for each new size."""

IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])


class Task(ABC):
    """The base of all tasks; `architecture` is a file in src/mattecli/nets/."""

    architecture: str
    fields: tuple[str, ...] = ("image", "alpha", "foreground", "background", "trimap")
    coarse = False
    by_trimap = False  # whether the trimap is an input, so that only its unknown region is measured
    scenes = False  # whether its examples are scenes with subjects (scenes.py) instead of the engine's composites
    terms_known: tuple[str, ...] = ()

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """The bare network with random weights."""
        network: nn.Module = import_module(f"mattecli.nets.{self.architecture}").build(**options)
        return network

    def convert(self, state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """A state dict of this network with the names its code has now."""
        converted: dict[str, Tensor] = import_module(f"mattecli.nets.{self.architecture}").convert(state)
        return converted

    def prepare(self, example: Example) -> dict[str, NDArray[np.float32]]:
        """Further planes [H, W] in 0..1 by name, computed once for each example because they are slow."""
        return {}

    @abstractmethod
    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        """The network's outputs for a batch."""

    @abstractmethod
    def terms(self, answer: Terms, batch: Batch) -> Terms:
        """The losses, unweighted."""


def unknown_of(batch: Batch) -> Tensor:
    """1.0 where the trimap is unknown, [B, 1, H, W]."""
    return (batch["trimap"] == 0.5).float()


def trimap_terms(alpha: Tensor, batch: Batch) -> Terms:
    """The losses of trimap matting, over the unknown region; alpha is known elsewhere."""
    return matte_terms(alpha, batch, unknown_of(batch))


def matte_terms(alpha: Tensor, batch: Batch, where: Tensor) -> Terms:
    """The losses of a matte, weighted by `where` [B, 1, H, W]."""
    true = batch["alpha"]
    return {
        "alpha": losses.charbonnier(alpha, true, where),
        "composition": losses.composition(alpha, true, batch["foreground"], batch["background"], where),
        "laplacian": losses.laplacian(alpha, true, where),
        "gradient": losses.gradient(alpha, true, where),
    }


def leaky(raw: Tensor) -> Tensor:
    """Alpha with a slope of a tenth outside 0..1 instead of a clamp, so that such pixels keep a gradient."""
    inside = raw.clamp(0.0, 1.0)
    return inside + 0.1 * (raw - inside)


def leaky_inside(raw: Tensor, batch: Batch) -> Tensor:
    """`leaky` alpha in the trimap's unknown region, and what the trimap says elsewhere."""
    return torch.where(unknown_of(batch) == 0.0, batch["trimap"], leaky(raw))


class Fusion(Task):
    """The project's own network: the residual of the closed-form matte inside the unknown region."""

    architecture = "fusion"
    coarse = True
    by_trimap = True
    terms_known = ("alpha", "composition", "laplacian", "gradient")

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        fusion = import_module("mattecli.nets.fusion")
        raw = batch["coarse"] + network(fusion.features(batch["image"], batch["trimap"], batch["coarse"])).float()
        return {"alpha": with_known(raw.clamp(0.0, 1.0), batch["trimap"]), "raw": leaky_inside(raw, batch)}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        return trimap_terms(answer["raw"], batch)


class FusionPlate(Task):
    """The project's own network with a plate: its trimap is that of `trimap_from_plate`, including its errors."""

    architecture = "fusion_plate"
    fields = ("image", "alpha", "foreground", "background", "plate")
    coarse = True
    terms_known = ("alpha", "composition", "laplacian", "gradient")

    def prepare(self, example: Example) -> dict[str, NDArray[np.float32]]:
        """The trimap from the plate, or the example's own where that fails."""
        trimap = plate_trimap(example.image, example.plate)
        return {"trimap": example.trimap if trimap is None else trimap}

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        fusion_plate = import_module("mattecli.nets.fusion_plate")
        image, trimap, coarse, plate = (batch[name] for name in ("image", "trimap", "coarse", "plate"))
        usual, colours = fusion_plate.usual_difference(image, plate, trimap), fusion_plate.known_colours(image, trimap)
        seen = fusion_plate.plate_cues(image, trimap, coarse, colours, plate, usual)
        near = fusion_plate.within_reach(trimap).float()
        raw = coarse + near * fusion_plate.edit_weight(image, trimap, plate, usual) * network(seen).float()
        return {"alpha": raw.clamp(0.0, 1.0), "raw": leaky(raw), "near": near}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        return matte_terms(answer["raw"], batch, answer["near"] + 3.0 * unknown_of(batch))


LAST_OF_DIM = ("alpha", "refinement.6")
"""The convolutions of Deep Image Matting whose output is a matte."""

WAY_OF_PRIOR = ("encoder.0.0", "encoder.0.2", "decoder.4")
"""Its convolutions through which the prior comes to the last one, by the skip between the first and the last stage."""

LOGITS = ((0.0, -4.0), (0.1, -2.2), (0.9, 2.2), (1.0, 4.0))
"""Points (matte, logit), between which the network's first logit is linear in the prior."""


class DeepImageMatting(Task):
    """Xu et al., CVPR 2017: alpha-prediction and composition loss on the matte, and with a refinement stage on the refined one too.

    The trimap carries the closed-form matte (nets.dim.DimWithPrior)."""

    architecture = "dim"
    coarse = True
    by_trimap = True
    terms_known = tuple(before + name for before in ("", "refined_") for name in ("alpha", "composition", "laplacian", "gradient"))

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """With norms for training (norms.py), and initialised to answer the prior: see `carry_prior`."""
        network = with_norms(super().build(options), but=LAST_OF_DIM + WAY_OF_PRIOR)
        for name in LAST_OF_DIM:
            if (last := dict(network.named_parameters()).get(f"{name}.weight")) is not None:
                nn.init.normal_(last, std=1e-3)
        carry_prior(network)
        return network

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        levels = levels_with_prior(batch["trimap"], batch["coarse"])
        matte, refined = network(torch.cat((standardise(batch["image"], *IMAGENET), levels), 1))
        last = matte if refined is None else refined
        return {"alpha": with_known(last.float(), batch["trimap"]), "matte": matte.float()}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        """Those of trimap matting for the first matte; the refined one's are named refined_alpha and so on."""
        first, last = with_known(answer["matte"], batch["trimap"]), answer["alpha"]
        return {**trimap_terms(first, batch), **{f"refined_{name}": term for name, term in trimap_terms(last, batch).items()}}


@torch.no_grad()
def carry_prior(network: nn.Module) -> None:
    """Initialise Deep Image Matting so that its first answers are the matte that its trimap carries (levels_with_prior).

    The trimap's level is the first channel of the first stage, which the skip hands to the last one; there each of `LOGITS` but the last
    has a channel, the level above that point's, of which the last convolution makes the logit.
    """
    way = [(network.get_parameter(f"{name}.weight"), network.get_parameter(f"{name}.bias")) for name in WAY_OF_PRIOR]
    for weight, bias in way:
        nn.init.kaiming_normal_(weight, nonlinearity="relu")
        nn.init.zeros_(bias)
    for (weight, _), entering in zip(way[:2], (3, 0), strict=True):
        weight[0] = 0.0
        weight[0, entering, 1, 1] = 1.0
    for name in ("weight", "bias"):
        network.get_parameter(f"decoder.3.{NORM}.{name}")[0] = 0.0  # the skip alone fills this channel
    (weight, bias), last = way[2], network.get_parameter("alpha.weight")
    gain, slope = 4.0, 0.0
    for channel, ((matte, logit), (next_matte, next_logit)) in enumerate(pairwise(LOGITS)):
        steeper = (next_logit - logit) / (next_matte - matte) - slope
        slope += steeper
        weight[channel], last[0, channel] = 0.0, 0.0
        weight[channel, 0, 2, 2], last[0, channel, 2, 2] = gain, steeper / (0.5 * gain)
        bias[channel] = -gain * (0.25 + 0.5 * matte)
    nn.init.constant_(network.get_parameter("alpha.bias"), LOGITS[0][1])


class SemanticImageMatting(Task):
    """Sun et al., CVPR 2021: the losses of trimap matting, those of the colours, and the classifier's cross entropy.

    The trimap carries the closed-form matte (nets.sim.SimWithPrior). The authors train the two networks one after the other; here both
    are trained at once, and the matting network's losses have no gradient in the classifier. The first classes are the kinds of
    foreground that the engine draws, in the order of its SHARES; the others have no examples.
    """

    architecture = "sim"
    coarse = True
    by_trimap = True
    terms_known = ("alpha", "composition", "laplacian", "gradient", "foreground", "background", "kind")

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """Initialised to an alpha of 0.5 everywhere: the authors clamp alpha, and outputs outside 0..1 would have no gradient."""
        network = super().build(options)
        before_last, last = (network.get_submodule(f"matting.decoder.conv_up4_alpha.{place}") for place in (2, 4))
        nn.init.constant_(before_last.bias, 1.0)  # type: ignore[arg-type]
        nn.init.constant_(last.weight, 0.5 / last.weight.shape[1])  # type: ignore[arg-type, index]
        return network

    def prepare(self, example: Example) -> dict[str, NDArray[np.float32]]:
        """The index of the example's kind in SHARES, divided by 255, as a constant plane."""
        return {"kind": np.full(example.alpha.shape, list(SHARES).index(example.kind) / 255, np.float32)}

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        image, levels = batch["image"], levels_with_prior(batch["trimap"], batch["coarse"])
        known = torch.cat((levels <= 0.0, levels >= 1.0), 1)
        standardised = standardise(image, *IMAGENET)
        logits, activations, _ = network.get_submodule("classifier")(torch.cat((standardised, levels), 1))
        sim = import_module("mattecli.nets.sim")
        semantics = sim.rescaled(_resized(activations.detach().float(), image.shape[2:])) * unknown_of(batch)
        near = torch.cat([sim.nearness(regions) for regions in known.split(1)])
        raw: list[Tensor] = []
        head = network.get_submodule("matting.decoder.conv_up4_alpha")
        hook = head.register_forward_hook(lambda part, given, found: raw.append(found))
        regions = sim.regions_with_prior(levels, known)
        _, foreground, background = network.get_submodule("matting")(image, regions, standardised, near, semantics)[:3]
        hook.remove()
        matte = raw[0].float()
        found = {"matte": matte, "foreground": foreground.float(), "background": background.float(), "logits": logits.float()}
        return {"alpha": with_known(matte, batch["trimap"]), **found}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        kinds = (batch["kind"][:, 0, 0, 0] * 255).round().long()
        unknown = unknown_of(batch)
        return {
            **trimap_terms(leaky_inside(answer["matte"], batch), batch),
            "foreground": losses.absolute(answer["foreground"], batch["foreground"], unknown),
            "background": losses.absolute(answer["background"], batch["background"], unknown),
            "kind": F.cross_entropy(answer["logits"], kinds),
        }


class BackgroundMatting2(Task):
    """Lin et al., CVPR 2021, section 4, as in the authors' train_base.py and train_refine.py: the base network alone, or both.

    Alpha by L1 and by L1 of its Sobel magnitude, the foreground by L1 where alpha is not 0, the error map by its square; the small
    outputs of the whole network likewise. The foreground where alpha is 1 is the image, which is what the network adds to.
    """

    architecture = "bgmv2"
    fields = ("image", "alpha", "foreground", "background", "trimap", "plate")
    terms_known = ("alpha", "edges", "laplacian", "foreground", "error", "small_alpha", "small_edges", "small_foreground")

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """Half of the first filters begin as differences of the picture and the plate, the cue that matters most."""
        network = super().build(options)
        with torch.no_grad():
            if (first := dict(network.named_parameters()).get("backbone.features.0.0.weight")) is not None:
                first[::2, 3:] = -first[::2, :3]
        return network

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        """In training the scale of each call is drawn from SCALES by torch's global generator; in validation it is the advised one.

        The refiner runs on all patches: from the selected ones alone its norms would have the statistics of edges.
        """
        if not hasattr(network, "refiner"):
            found = [plane.float() for plane in network(batch["image"], batch["plate"])]
            return dict(zip(("alpha", "foreground", "error"), found, strict=False))
        scale = SCALES[int(torch.randint(len(SCALES), ()))] if network.training else _advised_scale(batch["image"])
        found = [plane.float() for plane in network(batch["image"], batch["plate"], scale=scale, mode="full")]
        names = ("alpha", "foreground", "small_alpha", "small_foreground", "error", "refined")
        return dict(zip(names, found, strict=True))

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        true, colours = batch["alpha"], batch["foreground"]
        terms = self._of_matte(answer["alpha"], answer["foreground"], true, colours, "")
        terms["laplacian"] = losses.laplacian(answer["alpha"], true)  # not the authors': thin things count more
        coarse = answer.get("small_alpha", answer["alpha"]).detach()
        size = true.shape[2:]
        wrong = (_resized(coarse, size) - true).abs()
        terms["error"] = losses.squared(_resized(answer["error"], size), wrong)
        if "small_alpha" in answer:
            small = answer["small_alpha"].shape[2:]
            terms |= self._of_matte(
                answer["small_alpha"], answer["small_foreground"], _resized(true, small), _resized(colours, small), "small_"
            )
        return terms

    def _of_matte(self, alpha: Tensor, foreground: Tensor, true: Tensor, colours: Tensor, prefix: str) -> Terms:
        subject = (true != 0.0).float()
        return {
            f"{prefix}alpha": losses.absolute(alpha, true),
            f"{prefix}edges": losses.edges(alpha, true),
            f"{prefix}foreground": losses.absolute(foreground * subject, colours * subject),
        }


def _advised_scale(image: Tensor) -> float:
    advised: float = import_module("mattecli.nets.bgmv2").advised_scale(image.shape[2], image.shape[3])
    return advised


class BackgroundMatting1(Task):
    """Sengupta et al., CVPR 2020, as in the authors' train_adobe.py: L1 of alpha, of its gradient, of the foreground (twice) and of the
    composition, all on their scale of -1 to 1 but for alpha in the composition.

    The segmentation is the closed-form matte (nets.bgm.BackgroundMattingWithPrior) of the trimap from the plate or, for one example in
    four and where that fails, of a trimap around a mask made of the true matte. Losses are those of what becomes of it.
    """

    architecture = "bgm"
    fields = ("image", "alpha", "foreground", "background", "trimap", "plate")
    terms_known = ("alpha", "gradient", "foreground", "composition", "laplacian")

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        gray = 0.114 * batch["image"][:, :1] + 0.587 * batch["image"][:, 1:2] + 0.299 * batch["image"][:, 2:]
        trimap = guide_trimap(batch)
        prior = coarse_mattes(batch["image"], trimap)
        guides = (batch["image"], batch["plate"], prior, gray.expand(-1, 4, -1, -1))
        alpha, foreground = network(*(guide * 2.0 - 1.0 for guide in guides))
        change = import_module("mattecli.nets.bgm").coarse_change(alpha.float() / 2.0 + 0.5, prior)
        mended = torch.where(trimap == 0.5, prior + _resized(change, prior.shape[2:]), trimap)
        return {"alpha": mended, "foreground": foreground.float() / 2.0 + 0.5}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        alpha, true, subject = answer["alpha"], batch["alpha"], (batch["alpha"] > 0.005).float()
        foreground = torch.where(alpha > 0.975, batch["image"], answer["foreground"])
        composed = batch["background"] + alpha * (foreground - batch["background"])
        return {
            "alpha": 2.0 * losses.absolute(alpha, true),
            "gradient": 2.0 * losses.gradient(alpha, true),
            "foreground": 2.0 * losses.absolute(answer["foreground"], batch["foreground"], subject),
            "composition": 2.0 * losses.absolute(composed, batch["image"]),
            "laplacian": losses.laplacian(alpha, true),  # not the authors': thin things count more
        }


def guide_trimap(batch: Batch) -> Tensor:
    """Trimaps [B, 1, H, W] as Background Matting gets them: from the plate, or around a rough mask."""
    around = trimap_around(rough_mask(batch["alpha"]))
    by_mask = torch.rand(len(around)) < 0.25
    pictures = (batch[name].permute(0, 2, 3, 1).cpu().numpy() for name in ("image", "plate"))
    found = [None if rough else plate_trimap(*pair) for rough, *pair in zip(by_mask, *pictures, strict=True)]
    return torch.stack(
        [rough if trimap is None else torch.from_numpy(trimap)[None].to(rough) for rough, trimap in zip(around, found, strict=True)]
    )


def plate_trimap(image: NDArray[np.float32], plate: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The trimap [H, W] in steps of a half from an image and its plate [H, W, 3], 0..1; None where `trimap_from_plate` makes none."""
    picture, behind = (np.rint(colours * 255).astype(np.uint8) for colours in (image, plate))
    try:
        trimap = trimap_from_plate(picture, behind, laid=AT_REST, moving=True)
    except InputError:
        return None
    return np.asarray(np.rint(trimap / 127.5) / 2, np.float32)


def rough_mask(alpha: Tensor) -> Tensor:
    """A mask as a segmentation finds it for mattes [B, 1, H, W]: binary, eroded or dilated by up to a thirtieth of the side, and blurred.

    The amounts are drawn from torch's global generator, which the loop seeds for every step.
    """
    solid = (alpha > 0.5).float()
    most = max(alpha.shape[2] // 30, 1)
    reach, blur = (int(torch.randint(1, most + 1, ())) for _ in range(2))
    thick, thin = extremes(solid, reach)
    thickens = torch.rand(len(alpha), 1, 1, 1).to(alpha.device) < 0.5
    return F.avg_pool2d(torch.where(thickens, thick, thin), 2 * blur + 1, 1, blur, count_include_pad=False)


def extremes(plane: Tensor, reach: int) -> tuple[Tensor, Tensor]:
    """The highest and the lowest value of a plane [B, 1, H, W] within a square of `reach` pixels around each of its pixels."""
    highest, lowest = (sign * F.max_pool2d(sign * plane, 2 * reach + 1, 1, reach) for sign in (1.0, -1.0))
    return highest, lowest


def trimap_around(mask: Tensor) -> Tensor:
    """A trimap [B, 1, H, W] that is unknown within a sixteenth of the side of the edges of a mask in 0..1."""
    reach = max(mask.shape[2] // 16, 1)
    highest, lowest = extremes(mask, reach)
    return torch.where(lowest > 0.99, 1.0, torch.where(highest < 0.01, 0.0, 0.5))


class ModNet(Task):
    """Ke et al., AAAI 2022, as in the authors' src/trainer.py: semantics at 1/16, detail at the boundary, and the matte; and the
    overlap of the matte with the true one. The boundary is where alpha changes within a sixteenth of the side.
    Its examples are scenes (scenes.py)."""

    architecture = "modnet"
    fields = ("image", "alpha", "weight", "present", "person")
    scenes = True
    terms_known = ("semantic", "detail", "matte", "overlap")

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        semantic, detail, matte = network(batch["image"] * 2.0 - 1.0, not network.training)
        found = {"semantic": semantic, "detail": detail, "alpha": matte}
        return {name: plane.float() for name, plane in found.items() if plane is not None}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        true, weight, image = batch["alpha"], batch["weight"], batch["image"] * 2.0 - 1.0
        boundary = boundary_of(true)
        coarse = _blurred(_resized(true, answer["semantic"].shape[2:]))
        trust = _resized(weight, coarse.shape[2:])
        wrong = (answer["alpha"] - true).abs() * weight * (1.0 + 4.0 * boundary)
        detail = (answer["detail"] - true).abs() * weight * boundary
        return {
            "semantic": (0.5 * (answer["semantic"] - coarse).square() * trust).mean(),
            "detail": detail.mean(),
            "matte": (wrong + wrong * image.abs()).mean(),
            "overlap": overlap_term(answer["alpha"], batch),
        }


def boundary_of(alpha: Tensor) -> Tensor:
    """1.0 where mattes [B, 1, H, W] change within a sixteenth of their side, else 0.0."""
    reach = alpha.shape[3] // 16
    highest, lowest = extremes(alpha, reach)
    return (highest - lowest > 0.1).float()


def _resized(picture: Tensor, size: torch.Size) -> Tensor:
    """Bilinear, without smoothing, as kornia 0.4 and torch do it."""
    return picture if picture.shape[2:] == size else F.interpolate(picture, size=size, mode="bilinear", align_corners=False)


def _blurred(plane: Tensor) -> Tensor:
    """By a Gaussian of 3 x 3 with sigma 0.8, edges mirrored."""
    taps = torch.exp(-torch.tensor([-1.0, 0.0, 1.0], device=plane.device).square() / (2.0 * 0.8**2))
    taps = taps / taps.sum()
    return F.conv2d(F.pad(plane, [1, 1, 1, 1], mode="reflect"), (taps[:, None] * taps)[None, None])


class Subject(Task):
    """Qin et al., 2020: binary cross entropy of the fused matte and of each level's, here with an overlap term, and with
    the verdict: whether the picture shows a subject, and a person. Its examples are scenes (scenes.py)."""

    architecture = "subject"
    fields = ("image", "alpha", "weight", "present", "person")
    scenes = True
    terms_known = ("fused", "levels", "overlap", "absolute", "verdict")

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        subject = import_module("mattecli.nets.subject")
        planes, verdict = network(subject.prepared(batch["image"], batch["image"].shape[3]))
        logits = planes.float()
        return {"alpha": torch.sigmoid(logits[:, :1]), "logits": logits, "verdict": verdict.float()}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        true, weight, logits, alpha = batch["alpha"], batch["weight"], answer["logits"], answer["alpha"]
        entropy = F.binary_cross_entropy_with_logits(logits, true.expand_as(logits), reduction="none") * weight
        facts = torch.cat((batch["present"], batch["person"]), 1).flatten(1)
        verdict = F.binary_cross_entropy_with_logits(answer["verdict"], facts, reduction="none").mean(1) * weight.mean((1, 2, 3))
        return {
            "fused": entropy[:, :1].mean(),
            "levels": entropy[:, 1:].mean(),
            "overlap": overlap_term(alpha, batch),
            "absolute": ((alpha - true).abs() * weight).mean(),
            "verdict": verdict.mean(),
        }


class Portrait(Task):
    """A network that mattes people at a fixed side, trained through its authors' own pre- and post-processing: entropy and L1 of the matte,
    its Laplacian pyramid, and its overlap with the true one. Its examples are scenes (scenes.py)."""

    fields = ("image", "alpha", "weight", "present", "person")
    scenes = True
    terms_known: tuple[str, ...] = ("entropy", "absolute", "laplacian", "overlap")

    def __init__(self, architecture: str) -> None:
        self.architecture = architecture

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        complete = import_module(f"mattecli.nets.{self.architecture}").wrap(network)
        return {"alpha": complete(batch["image"], side=batch["image"].shape[3])[0].float()}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        alpha, true, weight = answer["alpha"], batch["alpha"], batch["weight"]
        return {
            "entropy": entropy_term(alpha, batch),
            "absolute": ((alpha - true).abs() * weight).mean(),
            "laplacian": losses.laplacian(alpha, true),
            "overlap": overlap_term(alpha, batch),
        }


class MmNet(Portrait):
    """Seo et al., 2019: also the entropy of the matte of the auxiliary block in the middle of the network."""

    terms_known: tuple[str, ...] = (*Portrait.terms_known, "auxiliary")

    def __init__(self) -> None:
        super().__init__("mmnet")

    def build(self, options: Mapping[str, Any]) -> nn.Module:
        """With norms that average over about the last hundred steps; the authors', for 90,000 and more, average over thousands."""
        network = super().build(options)
        for part in network.modules():
            if isinstance(part, nn.BatchNorm2d):
                part.momentum = 0.02
        return network

    def answer(self, network: nn.Module, batch: Batch) -> Terms:
        logits, auxiliary = network(batch["image"])
        return {"alpha": torch.softmax(logits.float(), 1)[:, 1:2], "auxiliary": auxiliary.float()}

    def terms(self, answer: Terms, batch: Batch) -> Terms:
        found = torch.softmax(_resized(answer["auxiliary"], batch["alpha"].shape[2:]), 1)[:, 1:2]
        return {**super().terms(answer, batch), "auxiliary": entropy_term(found, batch)}


def entropy_term(alpha: Tensor, batch: Batch) -> Tensor:
    """The binary cross entropy of mattes in 0..1, weighted by the trust in each pixel of the true ones."""
    with torch.autocast(alpha.device.type, enabled=False):
        return F.binary_cross_entropy(alpha.clamp(1e-4, 1.0 - 1e-4), batch["alpha"], batch["weight"])


def overlap_term(alpha: Tensor, batch: Batch) -> Tensor:
    """1 less the soft intersection over union of mattes and true ones, for pictures that show a subject, weighted by their mean trust."""
    true = batch["alpha"]
    shared, either = (alpha * true).sum((1, 2, 3)), (alpha + true - alpha * true).sum((1, 2, 3))
    apart = (1.0 - (shared + 1.0) / (either + 1.0)) * (true.amax((1, 2, 3)) > 0.5) * batch["weight"].mean((1, 2, 3))
    return apart.mean()


TASKS: dict[str, Task] = {
    "fusion": Fusion(),
    "fusion-plate": FusionPlate(),
    "dim": DeepImageMatting(),
    "sim": SemanticImageMatting(),
    "bgmv2": BackgroundMatting2(),
    "bgm": BackgroundMatting1(),
    "modnet": ModNet(),
    "subject": Subject(),
    **{name.replace("_", "-"): Portrait(name) for name in ("fdm", "fdm_erd", "hattmatting", "shm", "shm_fast")},
    "mmnet": MmNet(),
}


def task_of(network: str) -> Task:
    """The task of a network. Raises InputError, with the known names, for another."""
    if network not in TASKS:
        raise InputError(f"there is no task for a network {network!r}; networks are {', '.join(TASKS)}")
    return TASKS[network]


def check_losses(network: str, weights: Mapping[str, float]) -> None:
    """Raise InputError when a run weights a term that its network's task does not have."""
    known = task_of(network).terms_known
    strange = [name for name in weights if name not in known]
    if strange or not weights:
        raise InputError(f"[losses] names {', '.join(strange) or 'no term'}; those of {network} are {', '.join(known)}")
