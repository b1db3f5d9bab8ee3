"""A clip as numbered pictures: names, depth, going on after a stop."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from mattecli.errors import OutputError, UsageError
from mattecli.io.clip_types import Clip
from mattecli.io.sequence_write import frames_present
from mattecli.io.video.encoding import check_destination
from mattecli.io.video_write import open_writer
from tests.support import read

CUTOUT = np.random.default_rng(0).integers(0, 256, (5, 7, 4), dtype=np.uint8)
DEEP = np.random.default_rng(1).integers(0, 65536, (5, 7, 4), dtype=np.uint16)


def _clip(bits: int = 8, audio: int = 0) -> Clip:
    return Clip("clip.mp4", (5, 7), Fraction(1, 25), Fraction(25), bits=bits, audio=audio)


def _write(destination: str, frames: list[np.ndarray], *, kind: str = "cutout", done: int = 0, clip: Clip | None = None) -> tuple[str, ...]:
    with open_writer(destination, kind=kind, clip=clip or _clip(), sound="clip.mp4", done=done) as writer:
        for index, frame in enumerate(frames):
            writer.write(frame, pts=index, duration=1)
    assert writer.frames == len(frames)
    return writer.notes


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def test_a_folder_gets_numbered_pictures_with_straight_alpha(tmp_path: Path) -> None:
    notes = _write(f"{tmp_path}/new/", [CUTOUT, CUTOUT[::-1]], clip=_clip(audio=1))
    assert _names(tmp_path / "new") == ["00001.png", "00002.png"]
    np.testing.assert_array_equal(read(tmp_path / "new" / "00002.png"), CUTOUT[::-1])
    assert notes == ("pictures carry no sound, so the clip's sound is left out",)


@pytest.mark.parametrize("name", ["%03d.png", "a_%d.tif"])
def test_sixteen_bit_frames_stay_sixteen_bit(tmp_path: Path, name: str) -> None:
    assert _write(str(tmp_path / name), [DEEP], clip=_clip(bits=10)) == ()
    np.testing.assert_array_equal(read(tmp_path / (name % 1)), DEEP)


def test_formats_of_eight_bits_round_with_a_note(tmp_path: Path) -> None:
    notes = _write(str(tmp_path / "%02d.webp"), [DEEP], clip=_clip(bits=10))
    assert "keeps 8" in notes[0]
    np.testing.assert_array_equal(read(tmp_path / "01.webp"), np.rint(DEEP / 257.0).astype(np.uint8))


def test_a_sequence_resumes_where_it_stopped(tmp_path: Path) -> None:
    pattern = str(tmp_path / "%05d.png")
    with pytest.raises(KeyboardInterrupt), open_writer(pattern, kind="cutout", clip=_clip(), sound=None) as writer:
        for index in range(3):
            writer.write(CUTOUT, pts=index, duration=1)
        raise KeyboardInterrupt
    assert frames_present(pattern, _clip()) == 3
    _write(pattern, [CUTOUT[::-1]], done=frames_present(pattern, _clip()))
    assert _names(tmp_path) == [f"{number:05d}.png" for number in (1, 2, 3, 4)]
    np.testing.assert_array_equal(read(tmp_path / "00004.png"), CUTOUT[::-1])


def test_frames_after_a_gap_and_truncated_frames_do_not_count(tmp_path: Path) -> None:
    pattern = str(tmp_path / "%05d.png")
    assert frames_present(pattern, _clip()) == 0
    _write(pattern, [CUTOUT] * 6)
    (tmp_path / "00005.png").unlink()
    assert frames_present(pattern, _clip()) == 4
    whole = (tmp_path / "00004.png").read_bytes()
    (tmp_path / "00004.png").write_bytes(whole[: len(whole) // 2])
    assert frames_present(pattern, _clip()) == 3
    (tmp_path / "00002.png").write_bytes(b"")
    assert frames_present(pattern, _clip()) == 1


def test_results_keep_the_numbers_of_their_source_pictures(tmp_path: Path) -> None:
    numbered = replace(_clip(), numbers=[1001, 1002, 1006])
    _write(str(tmp_path / "%04d.png"), [CUTOUT] * 2, clip=numbered)
    assert frames_present(str(tmp_path / "%04d.png"), numbered) == 2
    _write(str(tmp_path / "%04d.png"), [CUTOUT], clip=numbered, done=2)
    assert _names(tmp_path) == ["1001.png", "1002.png", "1006.png"]


def test_pixel_aspect_and_uneven_times_that_pictures_cannot_hold_are_reported(tmp_path: Path) -> None:
    clip = replace(_clip(), aspect=Fraction(4, 3), time_base=Fraction(1, 1000))
    with open_writer(f"{tmp_path}/", kind="cutout", clip=clip, sound=None) as writer:
        for pts in (0, 40, 50, 130):
            writer.write(CUTOUT, pts=pts, duration=1)
    assert "4/3 times as wide" in writer.notes[0] and "do not follow each other evenly" in writer.notes[1]


def test_surplus_frames_of_an_earlier_result_are_reported(tmp_path: Path) -> None:
    pattern = str(tmp_path / "%05d.png")
    _write(pattern, [CUTOUT] * 3)
    (note,) = _write(pattern, [CUTOUT] * 2)
    assert note.startswith(str(tmp_path / "00003.png"))


@pytest.mark.parametrize(
    ("destination", "kind", "complaint"),
    [
        ("out.png", "alpha", "does not number"),
        ("%d_%d.png", "alpha", "does not number"),
        ("%5d.png", "alpha", "does not number"),
        ("100%_%03d.png", "alpha", "does not number"),
        ("%03d.jpg", "cutout", "cannot hold transparency"),
    ],
)
def test_wrong_patterns_are_refused_in_one_sentence(destination: str, kind: str, complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        check_destination(destination, kind=kind, codec=None)


def test_a_codec_for_numbered_pictures_is_refused() -> None:
    with pytest.raises(UsageError, match="have no codec"):
        check_destination("frames/%05d.png", kind="cutout", codec="ffv1")


def test_a_folder_that_cannot_be_created_is_reported(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="cannot be made"):
        _write(f"{tmp_path}/taken/deeper/", [CUTOUT])


def test_an_exr_sequence_holds_premultiplied_linear_light(tmp_path: Path) -> None:
    exr = pytest.importorskip("OpenEXR")
    notes = _write(str(tmp_path / "%02d.exr"), [CUTOUT.astype(np.uint16) * 257], clip=_clip(bits=16))
    assert not any("keeps 8" in note for note in notes)
    with exr.File(str(tmp_path / "01.exr")) as opened:
        (found,) = (channel.pixels for channel in opened.channels().values())
    encoded, alpha = CUTOUT[..., :3] / 255, CUTOUT[..., 3:] / 255
    light = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    assert np.abs(found - np.dstack([light * alpha, alpha])).max() < 1e-3
