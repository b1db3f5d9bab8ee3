"""HDR clips, drawn in linear light: levels and tags stay, mattes equal those of the SDR twin, and SDR backdrops are at SDR white."""

from pathlib import Path

import numpy as np
import pytest

from mattecli.io.clip_types import Colour
from mattecli.io.codecs import Coding
from mattecli.io.images import write_image
from mattecli.io.video.hdr import Hdr
from mattecli.io.video_read import open_clip, probe
from mattecli.io.video_write import open_writer
from tests.cli.verbs.test_video import true_alpha
from tests.clips import ffmpeg, header_of
from tests.support import Run

SIZE = (64, 96)
FRAMES = 3
SYSTEMS = {"PQ": (16, "smpte2084"), "HLG": (18, "arib-std-b67")}
TO_2020 = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])


def _light(index: int, *, present: bool = True) -> np.ndarray:
    """Light of Rec. 709: a disc, a fifth of it three times as bright as SDR white, over a scene with structure; 1 is SDR white."""
    rows, columns = np.mgrid[0 : SIZE[0], 0 : SIZE[1]].astype(np.float32)
    scene = np.stack([0.05 + 0.002 * columns, 0.15 + 0.1 * np.sin(columns / 5), 0.3 + 0.002 * rows], axis=2)
    disc = np.where((rows + columns) % 40 < 8, 3.0, 0.5)[..., None] * np.array([1.0, 0.7, 0.3])
    alpha = true_alpha(index, SIZE)[..., None] * present
    return alpha * disc + (1 - alpha) * scene


def _draw(path: Path, pictures: list[np.ndarray], transfer: str, primaries: str, matrix: str) -> None:
    """10 bits a component, without loss."""
    raw = ("-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", f"{SIZE[1]}x{SIZE[0]}", "-r", "25", "-i", "-")
    space = "bt2020" if matrix == "bt2020nc" else matrix
    scale = f"scale=out_color_matrix={space}:out_range=limited:flags=accurate_rnd+full_chroma_int"
    tags = f"setparams=color_primaries={primaries}:color_trc={transfer}:colorspace={matrix}:range=limited"
    levels = (np.rint(picture.clip(0, 1) * 65535).astype("<u2").tobytes() for picture in pictures)
    ffmpeg(*raw, "-vf", f"{scale},format=yuv444p10le,{tags}", "-c:v", "ffv1", path, stdin=levels)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with PQ.mkv, HLG.mkv, their twin sdr.mkv and plate.png, an SDR photo of the empty scene."""
    monkeypatch.chdir(tmp_path)
    lights = [_light(index) for index in range(FRAMES)]
    for name, (code, transfer) in SYSTEMS.items():
        hdr = Hdr(Colour(9, 9, code, False))
        _draw(tmp_path / f"{name}.mkv", [hdr.from_light(light @ TO_2020.T) for light in lights], transfer, "bt2020", "bt2020nc")
    _draw(tmp_path / "sdr.mkv", [light.clip(0, 1) ** (1 / 2.4) for light in lights], "bt709", "bt709", "bt709")
    write_image(np.rint(_light(0, present=False) ** (1 / 2.4) * 255).astype(np.uint8), tmp_path / "plate.png")
    return tmp_path


def _levels(path: Path) -> tuple[np.ndarray, np.ndarray | None]:
    with open_clip(str(path)) as reader:
        frames = list(reader)
    alpha = None if frames[0].alpha is None else np.stack([frame.alpha for frame in frames])
    return np.stack([frame.pixels for frame in frames]).astype(int), alpha


@pytest.mark.parametrize("name", SYSTEMS)
def test_hdr_levels_and_tags_stay_and_the_matte_equals_the_sdr_twin_s(name: str, stage: Path, run: Run) -> None:
    given = ("--bg", "plate.png")
    for clip in (name, "sdr"):
        result = run("video", f"{clip}.mkv", *given, "-o", f"cut_{clip}.mkv")
        assert result.exit_code == 0, result.stderr
    colours, alpha = _levels(stage / f"cut_{name}.mkv")
    _, twin = _levels(stage / "cut_sdr.mkv")
    assert alpha is not None and twin is not None
    assert np.abs(alpha / 65535 - twin / 65535).mean() < 0.01
    assert np.abs(alpha / 65535 - np.stack([true_alpha(index) for index in range(FRAMES)])).mean() < 0.02
    solid = alpha == 65535
    assert solid.mean() > 0.1 and (colours == _levels(stage / f"{name}.mkv")[0])[solid].all()
    assert run("video", f"{name}.mkv", *given, "-o", "cut.mov", "--end", "0.04").exit_code == 0
    assert f"bt2020nc/bt2020/{SYSTEMS[name][1]}" in header_of(stage / "cut.mov") + header_of(stage / f"{name}.mkv")
    assert f"bt2020/{SYSTEMS[name][1]}" in header_of(stage / f"cut_{name}.mkv")


@pytest.mark.parametrize("name", SYSTEMS)
def test_an_sdr_backdrop_is_placed_at_sdr_white_in_an_hdr_result(name: str, stage: Path, run: Run) -> None:
    result = run("video", f"{name}.mkv", "--bg", "plate.png", "--over", "white", "-o", "over.mkv", "--end", "0.04")
    assert result.exit_code == 0, result.stderr
    colours, _ = _levels(stage / "over.mkv")
    hdr = Hdr(Colour(9, 9, SYSTEMS[name][0], False))
    corner = hdr.to_light(colours[0, -2:, -2:] / 65535)
    assert corner == pytest.approx(np.ones((2, 2, 3)), abs=0.01)
    behind = run("video", f"{name}.mkv", "--bg", "plate.png", "--over", f"{name}.mkv", "-o", "same.mkv", "--end", "0.04")
    assert behind.exit_code == 0, behind.stderr
    same = _levels(stage / "same.mkv")[0][0]
    assert np.abs(same - _levels(stage / f"{name}.mkv")[0][0])[:, 72:].max() <= 2, "an HDR clip of the same system is not tone-mapped"


@pytest.mark.parametrize("name", SYSTEMS)
def test_tone_map_sdr_makes_an_sdr_result(name: str, stage: Path, run: Run) -> None:
    result = run("video", f"{name}.mkv", "--bg", "plate.png", "--tone-map", "sdr", "-o", "sdr.mov", "--end", "0.04")
    assert result.exit_code == 0 and "HDR" not in result.stderr, result.stderr
    assert "bt709" in header_of(stage / "sdr.mov") and "bt2020" not in header_of(stage / "sdr.mov")
    colours, alpha = _levels(stage / "sdr.mov")
    dim = (alpha[0] == 65535) & (_light(0).max(axis=2) < 0.7)
    assert np.abs(colours[0] / 65535 - _light(0) ** (1 / 2.4))[dim].max() < 0.02
    assert run("video", f"{name}.mkv", "--tone-map", "hdr").exit_code == 2


@pytest.mark.parametrize("codec", ["hevc", "av1"])
def test_mastering_display_and_content_light_metadata_are_kept(codec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    _draw(tmp_path / "drawn.mkv", [np.full((*SIZE, 3), 0.4, np.float32)] * 2, "smpte2084", "bt2020", "bt2020nc")
    display = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
    stated = f"log-level=none:colorprim=bt2020:transfer=smpte2084:colormatrix=bt2020nc:master-display={display}:max-cll=1000,400"
    ffmpeg("-i", "drawn.mkv", "-pix_fmt", "yuv420p10le", "-c:v", "libx265", "-x265-params", stated, "source.mp4")
    for path, given in (("out.mp4", codec), ("out.mkv", "ffv1")):
        with (
            open_clip("source.mp4") as reader,
            open_writer(path, kind="composite", clip=reader.clip, sound=None, coding=Coding(given)) as writer,
        ):
            for frame in reader:
                writer.write(frame.pixels, pts=frame.pts, duration=frame.duration)
        assert any("mastering display" in note for note in writer.notes) == (given == "ffv1")
    source, result = probe("source.mp4").mastering, probe("out.mp4").mastering
    assert source is not None and result is not None and source.content == result.content == (1000, 400)
    assert source.luminance == (0.005, 1000) and result.luminance == pytest.approx((0.005, 1000), abs=1e-4)
    np.testing.assert_allclose(result.primaries, source.primaries, atol=2e-5)
    with open_clip("source.mp4", tone_map="sdr") as reader:
        assert reader.clip.mastering is None
