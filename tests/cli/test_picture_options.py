"""Options of pictures through the real command line: pages and layers, framing and storage."""

import json
import shlex
from pathlib import Path

import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image
from typer.testing import CliRunner

from mattecli.cli.app import app
from mattecli.cli.verbs.image import image
from mattecli.io.images import read_photo
from mattecli.io.pictures.transfer import to_light
from tests.support import Run, read

CLOSED = ("--model", "closed-form", "--trimap", "trimap.png")


def _made(run: Run, *arguments: str) -> str:
    done = run(*arguments)
    assert done.exit_code == 0, done.output
    return done.stderr


@pytest.fixture
def plates(scene: Path) -> Path:
    """front.exr (half, with lights up to 8) and back.exr, of the scene's size, with alpha.exr between them."""
    random = np.random.default_rng(8)
    for name in ("front.exr", "back.exr"):
        light = (random.random((72, 96, 3)) ** 4 * 8).astype(np.float16)
        OpenEXR.File({}, {"RGB": light}).write(name)
    alpha = (np.hypot(*np.mgrid[-36:36, -48:48]) / -8 + 4).clip(0, 1).astype(np.float16)
    OpenEXR.File({}, {"Y": alpha}).write("alpha.exr")
    return scene


def _exr(name: str) -> dict[str, np.ndarray]:
    with OpenEXR.File(name) as file:
        return {channel: found.pixels.astype(np.float64) for channel, found in file.channels().items()}


def test_a_composite_of_two_exr_files_equals_the_formula_to_half_precision(run: Run, plates: Path) -> None:
    _made(run, "composite", "front.exr", "--alpha", "alpha.exr", "--decontaminate", "off", "--over", "back.exr", "-o", "out.exr")
    front, back, alpha, out = _exr("front.exr")["RGB"], _exr("back.exr")["RGB"], _exr("alpha.exr")["Y"][..., None], _exr("out.exr")
    wanted = alpha * front + (1 - alpha) * back
    assert out["RGB"].max() > 4
    assert (np.abs(out["RGB"] - wanted) <= 2.0**-11 * wanted + 2.0**-25 + 1e-6 * wanted).all(), "half an ulp of a half"


def test_an_exr_cutout_survives_writing_and_reading(run: Run, plates: Path) -> None:
    over = ("--over", "back.exr", "-o")
    _made(run, "composite", "front.exr", "--alpha", "alpha.exr", "--over", "transparent", "--depth", "float", "-o", "cut.exr")
    cut = _exr("cut.exr")["RGBA"]
    alpha = _exr("alpha.exr")["Y"]
    np.testing.assert_array_equal(cut[..., 3], alpha)
    np.testing.assert_array_equal(cut[alpha == 1][:, :3], _exr("front.exr")["RGB"][alpha == 1])
    assert (cut[alpha == 0] == 0).all() and cut.max() > 4
    _made(run, "composite", "cut.exr", *over, "again.exr")
    wanted = cut[..., :3] + (1 - cut[..., 3:]) * _exr("back.exr")["RGB"]
    np.testing.assert_allclose(_exr("again.exr")["RGB"], wanted, rtol=2**-10, atol=1e-6)
    _made(run, "composite", "cut.exr", "--over", "transparent", "--straight", "-o", "straight.exr")
    soft = (alpha > 0.1) & (alpha < 1)
    np.testing.assert_allclose(_exr("straight.exr")["RGBA"][soft][:, :3], (cut[..., :3] / alpha[..., None].clip(1e-9))[soft], rtol=2**-9)


def test_an_exr_is_matted_and_keeps_values_above_1(run: Run, scene: Path) -> None:
    chromaticities = (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329)
    light = np.ascontiguousarray(to_light(read(scene / "photo.png") / 255), np.float32)
    light[32:40, 44:52] = 6.5  # a lamp on the disc
    OpenEXR.File({"chromaticities": chromaticities}, {"RGB": light}).write("photo.exr")
    _made(run, "image", "photo.exr", *CLOSED, "-o", "cut.exr")
    cut = _exr("cut.exr")["RGBA"]
    np.testing.assert_array_equal(cut[32:40, 44:52, :3], 6.5)
    with OpenEXR.File("cut.exr") as file:
        assert file.channels()["RGBA"].pixels.dtype == np.float16
        np.testing.assert_allclose(file.header()["chromaticities"], chromaticities, atol=1e-6)
    _made(run, "image", "photo.exr", *CLOSED, "-o", "cut.tif")
    assert tifffile.imread("cut.tif").dtype == np.float32, "what was float stays float"
    _made(run, "image", "photo.exr", *CLOSED, "-o", "cut.png")
    seen = read(scene / "cut.png")
    assert seen.dtype == np.uint16 and (seen[34, 46, :3] == 65535).all()
    np.testing.assert_allclose(seen[..., 3] / 65535, cut[..., 3], atol=1e-3)


def test_an_exr_result_of_an_8_bit_photo_holds_linear_light(run: Run, scene: Path) -> None:
    _made(run, "image", "photo.png", *CLOSED, "-o", "cut.png", "--depth", "16")
    _made(run, "image", "photo.png", *CLOSED, "-o", "cut.exr")
    _made(run, "image", "photo.png", *CLOSED, "--as", "alpha", "-o", "alpha.exr")
    cut, exr = read(scene / "cut.png") / 65535, _exr("cut.exr")["RGBA"]
    np.testing.assert_allclose(exr[..., :3], to_light(cut[..., :3]) * cut[..., 3:], atol=1e-3)
    np.testing.assert_allclose(_exr("alpha.exr")["Y"], cut[..., 3], atol=1e-3)


def test_a_photo_keeps_camera_date_and_resolution_unless_they_are_stripped(run: Run, scene: Path) -> None:
    exif = Image.Exif()
    exif[0x010F], exif[0x0132], exif[0x0112], exif[0x8298] = "Acme", "2026:11:30 01:02:03", 3, "A. Person"
    Image.fromarray(read(scene / "photo.png")[::-1, ::-1]).save("photo.jpg", exif=exif.tobytes(), dpi=(300, 300), quality=98)
    for name in ("cut.png", "cut.webp", "cut.tif", "cut.avif", "over.jpg"):
        over = ("--over", "white") if name == "over.jpg" else ()
        _made(run, "image", "photo.jpg", *CLOSED, *over, "-o", name)
        with Image.open(name) as made:
            kept = made.getexif()
            assert [kept.get(tag) for tag in (0x010F, 0x0132, 0x8298)] == ["Acme", "2026:11:30 01:02:03", "A. Person"], name
            assert kept.get(0x0112, 1) == 1 and (name == "cut.tif" or len(kept) >= 3)
        assert read_photo(name).dpi == pytest.approx((300, 300), abs=0.1), name
    _made(run, "image", "photo.jpg", *CLOSED, "--strip", "-o", "bare.png")
    with Image.open("bare.png") as bare:
        assert not bare.getexif() and "dpi" not in bare.info


def test_a_lower_quality_makes_smaller_files_and_leaves_alpha_exact(run: Run, scene: Path) -> None:
    _made(run, "image", "photo.png", *CLOSED, "-o", "whole.webp")
    _made(run, "image", "photo.png", *CLOSED, "--file-quality", "40", "-o", "small.webp")
    assert Path("small.webp").stat().st_size < Path("whole.webp").stat().st_size / 2
    whole, small = (np.asarray(Image.open(name)) for name in ("whole.webp", "small.webp"))
    np.testing.assert_array_equal(whole[..., 3], small[..., 3])
    _made(run, "image", "photo.png", *CLOSED, "--depth", "10", "-o", "deep.avif")
    assert read_photo("deep.avif").pixels.dtype == np.uint16


def test_crop_size_and_max_side_frame_the_result(run: Run, scene: Path) -> None:
    _made(run, "image", "photo.png", *CLOSED, "-o", "whole.png")
    whole = read(scene / "whole.png")
    rows, columns = (np.flatnonzero((whole[..., 3] > 0).any(axis=axis)) for axis in (1, 0))
    _made(run, "image", "photo.png", *CLOSED, "--crop", "3px", "-o", "cut.png")
    np.testing.assert_array_equal(read(scene / "cut.png"), whole[rows[0] - 3 : rows[-1] + 4, columns[0] - 3 : columns[-1] + 4])
    _made(run, "image", "photo.png", *CLOSED, "--crop", "--size", "40x20", "--over", "lime", "-o", "framed.png")
    framed = read(scene / "framed.png")
    assert framed.shape == (20, 40, 3) and (framed[:, :9] == (0, 255, 0)).all(), "the subject in the middle of the backdrop"
    np.testing.assert_allclose(framed[10, 20], (230, 140, 40), atol=8)
    _made(run, "image", "photo.png", *CLOSED, "--max-side", "48", "--as", "alpha", "-o", "small.png")
    small = read(scene / "small.png")
    assert small.shape == (36, 48) and abs(small.mean() - whole[..., 3].mean()) < 1


def test_invert_keeps_the_background_alone(run: Run, scene: Path) -> None:
    _made(run, "image", "photo.png", *CLOSED, "--as", "alpha", "-o", "alpha.png")
    _made(run, "image", "photo.png", *CLOSED, "--invert", "-o", "rest.png")
    rest, alpha, plate = read(scene / "rest.png"), read(scene / "alpha.png"), read(scene / "plate.png")
    np.testing.assert_allclose(rest[..., 3], 255 - alpha.astype(int), atol=1)
    soft = (rest[..., 3] > 60) & (rest[..., 3] < 250)
    assert np.abs(rest[soft][:, :3].astype(int) - plate[soft]).mean() < 12, "nothing of the disc's orange"
    assert rest[36, 48, 3] == 0


def test_a_chosen_page_is_read_and_reported(run: Run, scene: Path) -> None:
    photo = read(scene / "photo.png")
    with tifffile.TiffWriter("pages.tif") as file:
        file.write(np.zeros_like(photo), photometric="rgb", metadata=None)
        file.write(photo, photometric="rgb", metadata=None)
    assert "of which number 2 is taken" in _made(
        run, "image", "pages.tif", "--page", "2", *CLOSED, "--decontaminate", "off", "-o", "cut.png"
    )
    assert (read(scene / "cut.png")[36, 48, :3] == photo[36, 48]).all()
    refused = run("image", "pages.tif", "--page", "3", *CLOSED, "-o", "cut.png")
    assert refused.exit_code == 1 and "holds 2 pictures, and there is no page 3" in refused.stderr


def test_manifest_rows_have_their_own_framing_and_file_options(run: Run, scene: Path) -> None:
    rows = [
        {"input": "photo.png", "output": "a.png", "crop": "2px", "depth": "16"},
        {"input": "photo.png", "output": "b.webp", "max_side": 24, "file_quality": 50, "invert": True},
    ]
    Path("rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    _made(run, "image", "--manifest", "rows.jsonl", *CLOSED)
    assert read(scene / "a.png").dtype == np.uint16 and read(scene / "a.png").shape[0] < 72
    with Image.open("b.webp") as small:
        assert small.size == (24, 18) and small.getpixel((12, 9))[3] == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--depth", "16", "-o", "a.webp"], "a.webp: .webp has no depth of 16; it holds 8"),
        (["--depth", "24", "-o", "a.png"], "choose 8, 10, 16, half, float"),
        (
            ["--file-quality", "80", "-o", "a.png"],
            "a.png: .png is written without loss, so it takes no quality; use .jpg, .jpeg, .webp, .avif",
        ),
        (["--straight", "-o", "a.png"], "straight is about .exr"),
        (["--size", "20x", "-o", "a.png"], "a size of 20x is not known; give WIDTHxHEIGHT"),
        (["--size", "20", "--max-side", "10", "-o", "a.png"], "do not go together"),
    ],
)
def test_contradicting_options_are_refused_before_any_work(run: Run, scene: Path, arguments: list[str], said: str) -> None:
    refused = run("image", "photo.png", *CLOSED, *arguments)
    assert refused.exit_code == 2 and said in " ".join(refused.stderr.split()), refused.output
    assert not list(scene.glob("a.*"))


def test_the_examples_of_the_help_run(run: Run, scene: Path) -> None:
    import pillow_heif

    photo = Image.open("photo.png")
    pillow_heif.from_pillow(photo).save("photo.heic")
    light = np.ascontiguousarray(to_light(np.asarray(photo) / 255), np.float32)
    OpenEXR.File({}, {f"beauty.{name}": np.ascontiguousarray(light[..., place]) for place, name in enumerate("RGB")}).write("render.exr")
    shown = [line.strip() for line in (image.__doc__ or "").splitlines() if "photo.heic" in line or "render.exr" in line]
    assert len(shown) == 2
    for line in shown:
        _made(run, *shlex.split(line)[1:], *CLOSED)
    assert read(scene / "product.jpg").shape == (1000, 1000, 3) and "RGBA" in _exr("cutout.exr")


def test_the_commands_of_docs_formats_run(run: Run, scene: Path) -> None:
    import pillow_heif

    photo = Image.open("photo.png")
    pillow_heif.from_pillow(photo).save("photo.heic")
    photo.save("photo.jpg")
    photo.save("product.jpg")
    light = np.ascontiguousarray(to_light(np.asarray(photo) / 255), np.float32)
    OpenEXR.File({}, {f"beauty.{name}": np.ascontiguousarray(light[..., place]) for place, name in enumerate("RGB")}).write("plate.exr")
    OpenEXR.File({}, {"RGB": light}).write("backplate.exr")
    with tifffile.TiffWriter("scan.tif") as file:
        for _ in range(3):
            file.write(np.asarray(photo), photometric="rgb", metadata=None)
    page = Path(__file__).resolve().parents[2] / "docs/formats.md"
    commands = [line[2:].split("#")[0] for line in page.read_text().splitlines() if line.startswith("$ matte")]
    assert len(commands) == 8
    for command in commands:
        words = shlex.split(command)[1:]
        _made(run, *words, *(CLOSED if words[0] == "image" else ()))


def test_each_option_of_pictures_is_in_the_help_with_its_choices() -> None:
    shown = " ".join(CliRunner().invoke(app, ["image", "--help"], env={"COLUMNS": "250", "TERM": "dumb"}).stdout.split())
    for option in ("--page", "--layer", "--crop", "--size", "--max-side", "--invert", "--file-quality", "--straight", "--strip"):
        assert option in shown, option
    assert "--depth 8|10|16|half|float" in shown
