"""Validation of the averaged weights on held-out examples, in numbers and as a picture."""

from pathlib import Path

import numpy as np
import torch

from mattecli.evaluation import metrics
from mattecli.io.images import write_image
from training.pool import Arrays, ExamplePool, opened, stacked, unpacked
from training.sheet import sheet
from training.state import State


@torch.no_grad()
def validate(state: State) -> dict[str, dict[str, float]]:
    """Mean SAD (in thousands, as papers give it) and MSE of the averaged weights over the held-out examples, and of the task's baseline;
    the first few mattes go into a picture in the run's folder."""
    pool = ExamplePool(state.run, held_out=True)
    torch.manual_seed(state.run.seed)
    measured: dict[str, list[tuple[float, float]]] = {}
    rows: list[Arrays] = []
    for index in range(state.run.data.validation):
        batch = unpacked(stacked([opened(pool, index)]), state.device)
        ours = state.task.answer(state.average, batch)["alpha"]
        planes = {"coarse": batch["coarse"]} if state.task.coarse else {}
        planes["ours"] = ours
        region = batch["trimap"] == 0.5 if state.task.by_trimap else torch.ones_like(ours, dtype=torch.bool)
        for name, plane in planes.items():
            error = (plane - batch["alpha"])[region].cpu().numpy()
            measured.setdefault(name, []).append((metrics.sad(error) / 1000.0, metrics.mse(error) or 0.0))
        if index < state.run.keep.sheet:
            shown = {name: batch[name] for name in ("image", "trimap") if name in batch} | {"truth": batch["alpha"]} | planes
            rows.append({name: plane[0].permute(1, 2, 0).squeeze(2).cpu().numpy() for name, plane in shown.items()})
    if rows:
        write_image(sheet(rows), Path(state.run.folder) / f"validation-{state.step:08d}.png")
    means = {name: np.mean(pairs, 0) for name, pairs in measured.items()}
    return {name: {"sad": float(mean[0]), "mse": float(mean[1])} for name, mean in means.items()}
