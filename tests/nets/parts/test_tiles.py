"""A network that looks a bounded way only computes in tiles what it computes on the whole picture, and nothing where all is known."""

import inspect
from itertools import pairwise

import pytest
import torch
from torch import nn

from mattecli.core import export, torchscript
from mattecli.core.registry import ModelSpec, registry
from mattecli.errors import UsageError
from mattecli.nets.parts.tiles import asked_for, spans, windows

TILED = [spec for spec in registry().models.values() if "tile" in spec.options]


def test_spans_keep_every_pixel_once_and_far_from_the_cuts() -> None:
    for length in range(1, 700, 7):
        pieces = spans(length, 160, 64)
        assert pieces[0][0] == pieces[0][2] == 0 and pieces[-1][1] == pieces[-1][3] == length
        assert all(begin % 32 == 0 and 0 < end - begin <= 160 for begin, end, _, _ in pieces)
        assert all(before[3] == after[2] for before, after in pairwise(pieces))
        assert all(first - begin >= 64 for begin, _, first, _ in pieces[1:])
        assert all(end - last >= 64 for _, end, _, last in pieces[:-1])


def network(spec: ModelSpec) -> nn.Module:
    """The wrapped network, a quarter as wide where it can be, with weights that keep signals alive through all of its layers. In float64,
    rounding does not choose other places in its pooling windows."""
    torch.manual_seed(0)
    module = export.network_module(spec)
    build = {**spec.build, "width": 0.25} if "width" in inspect.signature(module.build).parameters else spec.build
    bare = module.build(**build)
    for layer in bare.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight)
    wrapped: nn.Module = module.wrap(bare, **build)
    return wrapped.double().eval()


@pytest.mark.parametrize("spec", TILED, ids=lambda spec: spec.name)
def test_tiles_give_the_alpha_of_the_whole_picture(spec: ModelSpec) -> None:
    image = torch.rand(1, 3, 32, 640, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    trimap = torch.zeros_like(image[:, :1])
    trimap[..., 330:], trimap[..., 250:330] = 1.0, 0.5
    model = network(spec)
    with torch.inference_mode():
        whole, tiled = (model(image, trimap, tile=tile)[0] for tile in (0, 480))
    assert whole[..., 250:330].std() > 0.03, "the weights make a matte that could differ"
    torch.testing.assert_close(tiled, whole, atol=1e-6, rtol=0)  # alpha leaves the network in float32


def test_a_tile_narrower_than_its_overlaps_is_refused() -> None:
    with pytest.raises(UsageError, match="give tile 416 or more"), torchscript.running():
        torch.jit.script(windows)(torch.ones(1, 1, 64, 64, dtype=torch.bool), 384, 192)


def test_windows_without_wanted_pixels_are_left_out_and_others_shrink_to_theirs() -> None:
    wanted = torch.zeros(1, 1, 100, 900, dtype=torch.bool)
    wanted[..., 50:60, 700] = True
    assert windows(wanted, 256, 32) == [[[0, 96, 50, 60], [640, 736, 700, 701]]]


@pytest.mark.parametrize("overlap", [0, 32, 64])
def test_windows_keep_every_wanted_pixel_once_and_far_from_the_cuts(overlap: int) -> None:
    height, width = 333, 700
    wanted = torch.rand(1, 1, height, width, generator=torch.Generator().manual_seed(0)) > 0.9995
    kept = torch.zeros(height, width)
    for rows, columns in windows(wanted, 192, overlap):
        kept[rows[2] : rows[3], columns[2] : columns[3]] += 1
        for side, (begin, end, first, last) in ((height, rows), (width, columns)):
            assert begin % 32 == 0 and 32 <= end - begin <= 192 and ((end - begin) % 32 == 0 or end == side)
            assert (begin == 0 or first - begin >= overlap) and (end == side or end - last >= overlap)
    assert (kept[wanted[0, 0]] == 1).all() and kept.max() == 1 and (kept == 0).any()


def test_pixels_used_by_interpolation_are_included() -> None:
    unknown = torch.zeros(1, 1, 90, 90, dtype=torch.bool)
    unknown[..., 45, 45] = True
    assert asked_for(unknown, 30, 30)[0, 0].nonzero().tolist() == [[row, column] for row in (14, 15, 16) for column in (14, 15, 16)]
