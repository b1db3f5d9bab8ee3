"""An authors' own TorchScript file, described by a table only, runs like any other model, though it names an operator of torchvision's."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import torch

from mattecli.core import export
from mattecli.core.registry import registry
from mattecli.core.runtime import load_model, pick_device

# What the release files look like from outside: two inputs, six outputs, and a branch with torchvision's roi_align that is not taken.
AUTHORS = """
import sys, warnings
import torch
warnings.simplefilter("ignore")
library = torch.library.Library("torchvision", "FRAGMENT")
library.define("roi_align(Tensor input, Tensor rois, float spatial_scale, SymInt pooled_height, SymInt pooled_width, int sampling_ratio, "
               "bool aligned) -> Tensor")

class Difference(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.crop = "unfold"

    def forward(self, src: torch.Tensor, bgr: torch.Tensor):
        assert src.shape[2] % 4 == 0 and src.shape[3] % 4 == 0
        alpha = (src - bgr).abs().amax(1, keepdim=True)
        if self.crop == "roi_align":
            alpha = torch.ops.torchvision.roi_align(alpha, src, 1.0, 8, 8, -1, True)
        return alpha, src, alpha, src, alpha, alpha

torch.jit.save(torch.jit.script(Difference()), sys.argv[1])
"""


def test_an_authors_file_runs_as_it_is(tmp_path: Path) -> None:
    published = tmp_path / "published.pth"
    (tmp_path / "authors.py").write_text(AUTHORS)
    subprocess.run([sys.executable, str(tmp_path / "authors.py"), str(published)], check=True)
    spec = replace(registry().models["bgmv2-mobilenetv2-script"], files=())
    export.export_model(spec, [published], tmp_path / "ours.pt")
    model = load_model(tmp_path / "ours.pt", device=pick_device("cpu"))
    image = torch.rand(2, 3, 37, 301)
    plate = image.clone()
    plate[:, :, 10:20, 50:90] += 0.5
    alpha, foreground = model(image, {"background": plate})
    torch.testing.assert_close(alpha, (image - plate).abs().amax(1, keepdim=True))
    torch.testing.assert_close(foreground, image)
    half = load_model(tmp_path / "ours.pt", device=pick_device("cpu"), precision="bf16")(image, {"background": plate})
    assert all(part is not None and part.dtype == torch.float32 and part.shape[2:] == (37, 301) for part in half)
    torch.testing.assert_close(half[0], alpha, rtol=0, atol=0.01)
