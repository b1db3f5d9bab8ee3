"""`matte eval`: the authors' numbers through the command line, pairs by name, sequences, and the report."""

import base64
import csv
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mattecli.cli.verbs.evaluate import evaluate
from mattecli.io.images import read_values, write_image
from mattecli.io.pictures.file_options import FileOptions
from tests.clips import make_clip
from tests.support import Run

VOID = {"meta", "img", "br", "link", "input"}


@pytest.fixture
def golden(shared: Path) -> Path:
    """<case>-pred.png, <case>-alpha.png, <case>-trimap.png and values.json; another folder of that form runs as well."""
    return Path(os.environ.get("MATTE_GOLDEN", shared / "golden")) / "metrics"


def _records(stdout: str) -> list[dict]:
    return [json.loads(line) for line in stdout.splitlines()]


def test_the_command_line_reproduces_the_authors_matlab_values(run: Run, golden: Path) -> None:
    recorded = json.loads((golden / "values.json").read_text())
    tolerances = {name: float(re.fullmatch(r"relative (\S+)", text)[1]) for name, text in recorded["tolerance"].items()}
    predictions = sorted(golden.glob("*-pred.png"))
    assert {file.name.removesuffix("-pred.png") for file in predictions} == set(recorded["cases"])
    for file in predictions:
        case = file.name.removesuffix("-pred.png")
        files = [golden / f"{case}-{kind}.png" for kind in ("alpha", "trimap")]
        done = run("eval", file, files[0], "--trimap", files[1], "--convention", "bgmv2", "--json")
        assert done.exit_code == 0, done.output
        record, mean = _records(done.stdout)
        assert record["pred"] == str(file)
        for name, value in recorded["cases"][case].items():
            assert record[name] == pytest.approx(value, rel=tolerances[name]), f"{name} of case {case}"
            assert mean["mean"][name] == record[name]


def _disc(shift: float = 0.0, size: tuple[int, int] = (40, 52)) -> NDArray[np.uint8]:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return np.clip((12 - np.hypot(rows - 20, columns - 24 - shift)) * 40 + 128, 0, 255).astype(np.uint8)


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """pred/ and true/ with a.png (right), b.png (shifted by 1), c.png (shifted by 3); trimap/ with b's unknown band."""
    monkeypatch.chdir(tmp_path)
    for name, shift in (("a", 0), ("b", 1), ("c", 3)):
        write_image(_disc(shift), tmp_path / "pred" / f"{name}.png")
        write_image(_disc(), tmp_path / "true" / f"{name}.png")
        soft = cv2.dilate(((_disc() > 0) & (_disc() < 255)).astype(np.uint8), np.ones((9, 9)))
        write_image(np.where(soft > 0, 128, _disc()).astype(np.uint8), tmp_path / "trimap" / f"{name}.png")
    return tmp_path


def test_folders_are_matched_by_stem_and_the_mean_is_over_pictures(run: Run, folders: Path) -> None:
    (folders / "pred" / "b.png").unlink()
    write_image(_disc(1), folders / "pred" / "b.tif")
    done = run("eval", "pred", "true", "--trimap", "trimap", "--json")
    assert done.exit_code == 0, done.output
    *records, mean = _records(done.stdout)
    assert [record["pred"] for record in records] == ["pred/a.png", "pred/b.tif", "pred/c.png"]
    assert records[0]["sad"] == 0 < records[1]["sad"] < records[2]["sad"]
    assert mean == {"mean": pytest.approx({name: np.mean([record[name] for record in records]) for name in records[0] if name != "pred"})}
    assert "unknown pixels (level 128) of the trimap trimap" in done.stderr


def test_missing_predictions_are_errors_and_surplus_predictions_notes(run: Run, folders: Path) -> None:
    (folders / "pred" / "a.png").rename(folders / "pred" / "z.png")
    done = run("eval", "pred", "true", "--json")
    assert done.exit_code == 1
    assert "matte: error: true/a.png has no prediction" in done.stderr
    assert "without a true matte, so left out: pred/z.png" in done.stderr
    assert [record.get("error", "")[:10] for record in _records(done.stdout)] == ["true/a.png", "", "", ""]


def test_one_bad_pair_is_named_and_the_others_are_measured(run: Run, folders: Path) -> None:
    write_image(_disc(size=(40, 50)), folders / "pred" / "b.png")
    done = run("eval", "pred", "true")
    assert done.exit_code == 1
    assert "matte: error: pred/b.png: the prediction is 50x40 pixels but the true matte 52x40" in done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["SAD", "a", "c", "mean"]


def test_the_table_and_csv_hold_the_same_values(run: Run, folders: Path) -> None:
    table = run("eval", "pred", "true", "--convention", "modnet").stdout.splitlines()
    assert table[0].split() == ["MAD", "MSE"] and len({len(line) for line in table}) == 1
    header, *rows = csv.reader(run("eval", "pred", "true", "--convention", "modnet", "--csv").stdout.splitlines())
    assert header == ["pred", "mad", "mse"]
    assert [row[0] for row in rows] == ["pred/a.png", "pred/b.png", "pred/c.png", "mean"]
    for line, row in zip(table[1:], rows, strict=True):
        assert [float(cell) for cell in line.split()[1:]] == pytest.approx([float(cell) for cell in row[1:]], abs=5e-5)


def test_cutouts_give_alpha_and_the_foreground_mse(run: Run, folders: Path) -> None:
    colours = np.full((40, 52, 3), 100, np.uint8)
    write_image(np.dstack([colours, _disc(1)]), folders / "cutout.png")
    plain = _records(run("eval", "pred/b.png", "true/b.png", "--convention", "bgmv2", "--json").stdout)[1]["mean"]
    one_side = _records(run("eval", "cutout.png", "true/b.png", "--convention", "bgmv2", "--json").stdout)[1]["mean"]
    assert one_side == plain and "fg_mse" not in plain
    write_image(np.dstack([colours + 51, _disc()]), folders / "true.png")
    for convention, expected in (("bgmv2", 0.04 * (_disc() > 0).mean()), ("rvm", 40)):
        mean = _records(run("eval", "cutout.png", "true.png", "--convention", convention, "--json").stdout)[1]["mean"]
        assert mean["fg_mse"] == pytest.approx(expected, rel=1e-5)


def test_sixteen_bit_mattes_measure_like_eight_bit_ones(run: Run, folders: Path) -> None:
    write_image(_disc(1).astype(np.uint16) * 257, folders / "wide.png")
    trimap = cv2.imread("trimap/b.png", cv2.IMREAD_UNCHANGED)
    write_image(np.where(trimap == 128, 32768, trimap.astype(np.uint16) * 257).astype(np.uint16), folders / "wide_trimap.png")
    wide = run("eval", "wide.png", "true/b.png", "--trimap", "wide_trimap.png", "--json")
    narrow = run("eval", "pred/b.png", "true/b.png", "--trimap", "trimap/b.png", "--json")
    assert _records(wide.stdout)[1] == _records(narrow.stdout)[1]


def test_crop_ignores_pixels_beyond_a_multiple(run: Run, folders: Path) -> None:
    wrong_edge = _disc(size=(43, 55))
    wrong_edge[40:] = 255
    write_image(wrong_edge, folders / "edge.png")
    write_image(_disc(size=(43, 55)), folders / "whole.png")
    assert _records(run("eval", "edge.png", "whole.png", "--json").stdout)[1]["mean"]["sad"] > 0
    assert _records(run("eval", "edge.png", "whole.png", "--crop", "4", "--json").stdout)[1]["mean"]["sad"] == 0


@pytest.mark.parametrize("name", ["own.exr", "own.tif"])
def test_mattes_and_trimaps_of_floats_are_read_as_numbers_and_not_as_light(run: Run, folders: Path, name: str) -> None:
    shares, band = _disc().astype(np.float32) / 255, read_values("trimap/a.png")
    shares[0, 0] = np.nan
    for folder, levels in (("floats", shares), ("band", np.where(band == 128 / 255, np.float32(0.5), band))):
        write_image(levels, folders / folder / name, options=FileOptions(depth="half" if name.endswith("exr") else "float"))
    done = run("eval", f"floats/{name}", "true/a.png", "--trimap", f"band/{name}", "--json")
    assert _records(done.stdout)[1]["mean"]["mad"] < 0.0002, done.output
    assert "1 of its values" in done.stderr and "neither 0, 128 nor 255" not in done.stderr


def test_numbered_pictures_are_frames_for_rvm_and_the_first_has_dtssd_0(run: Run, tmp_path: Path) -> None:
    for index in range(3):
        write_image(_disc(index % 2), tmp_path / "pred" / f"{index:04d}.png")
        write_image(_disc(), tmp_path / "true" / f"{index:04d}.png")
    change = (_disc(1).astype(np.float64) - _disc()) / 255
    done = run("eval", tmp_path / "pred", tmp_path / "true", "--convention", "rvm", "--json")
    values = [record["dtssd"] for record in _records(done.stdout)[:3]]
    assert values == pytest.approx([0, 100 * np.sqrt(np.mean(change**2)), 100 * np.sqrt(np.mean(change**2))])
    assert "dtssd" not in run("eval", tmp_path / "pred", tmp_path / "true", "--convention", "rvm", "--no-sequence", "--json").stdout


def test_frames_are_ordered_by_number_without_leading_zeros(run: Run, tmp_path: Path) -> None:
    for index in range(12):
        for folder, shift in (("pred", index % 5), ("true", 0)):
            write_image(_disc(shift), tmp_path / folder / "take" / f"{index + 1}.png")
            write_image(_disc(shift), tmp_path / "padded" / folder / "take" / f"{index + 1:02d}.png")
    plain = _records(run("eval", tmp_path / "pred", tmp_path / "true", "--convention", "rvm", "--json").stdout)
    padded = _records(run("eval", tmp_path / "padded/pred", tmp_path / "padded/true", "--convention", "rvm", "--json").stdout)
    assert [Path(record["pred"]).stem for record in plain[:12]] == [str(number) for number in range(1, 13)]
    assert plain[12] == padded[12] and plain[12]["mean"]["dtssd"] > 0


def test_clips_measure_like_their_frames_as_pictures(run: Run, tmp_path: Path) -> None:
    for folder, step in (("pred", 1), ("true", 0)):
        for index in range(4):
            write_image(_disc(index * step), tmp_path / folder / f"{index}.png")
        pictures = [np.dstack([_disc(index * step)] * 3) for index in range(4)]
        make_clip(
            tmp_path / f"{folder}.mkv", size=(40, 52), frames=4, picture=lambda i, _, shown=pictures: shown[i], codec="ffv1", pixels="bgr0"
        )
    make_clip(tmp_path / "short.mkv", size=(40, 52), frames=3, picture=lambda i, _: pictures[i], codec="ffv1", pixels="bgr0")
    clips = _records(run("eval", tmp_path / "pred.mkv", tmp_path / "true.mkv", "--convention", "rvm", "--json").stdout)
    frames = _records(run("eval", tmp_path / "pred", tmp_path / "true", "--convention", "rvm", "--json").stdout)
    assert [record.pop("frame") for record in clips[:4]] == [0, 1, 2, 3]
    assert [{**record, "pred": ""} for record in clips[:4]] == [{**record, "pred": ""} for record in frames[:4]]
    assert clips[4] == frames[4] and clips[4]["mean"]["dtssd"] > 0
    short = run("eval", tmp_path / "pred.mkv", tmp_path / "short.mkv", "--convention", "rvm")
    assert short.exit_code == 1 and "different numbers of frames; the first 3 were compared" in short.stderr


def test_without_a_trimap_whole_pictures_are_measured_with_a_note(run: Run, folders: Path) -> None:
    done = run("eval", "pred/c.png", "true/c.png")
    assert done.exit_code == 0 and "whole pictures, for want of a --trimap" in done.stderr
    assert run("eval", "pred/c.png", "true/c.png", "--quiet").stderr == ""


def test_a_trimap_without_unknown_pixels_or_file_is_reported(run: Run, folders: Path) -> None:
    write_image(np.full((40, 52), 255, np.uint8), folders / "known.png")
    done = run("eval", "pred/c.png", "true/c.png", "--trimap", "known.png", "--json")
    assert done.exit_code == 0 and "no unknown pixels" in done.stderr
    assert _records(done.stdout)[0]["mse"] is None and _records(done.stdout)[1] == {"mean": {"sad": 0, "grad": 0, "conn": 0}}
    done = run("eval", "pred", "true", "--trimap", "trimap", "--convention", "bgmv2", "--json")
    (folders / "trimap" / "a.png").unlink()
    less = run("eval", "pred", "true", "--trimap", "trimap", "--convention", "bgmv2", "--json")
    assert less.exit_code == 1 and f"there is no file {Path('trimap/a.png')}" in less.stderr
    assert _records(less.stdout)[1:3] == _records(done.stdout)[1:3]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["pred", "true", "--convention", "p3m"], "there is no convention p3m; choose one of dim, bgmv2, rvm, modnet"),
        (["pred", "true", "--convention", "rvm", "--trimap", "trimap"], "--convention rvm counts whole pictures"),
        (["pred", "true", "--sequence"], "add --convention rvm"),
        (["pred", "true/a.png"], "give two files or two folders"),
        (["pred", "true", "--json", "--csv"], "both want stdout"),
        (["pred", "true", "--images", "pred"], "add --report"),
        (["pred", "true", "--report", "report.pdf"], "must end in .html"),
    ],
)
def test_wrong_commands_are_one_sentence_and_exit_code_2(run: Run, folders: Path, arguments: list[str], sentence: str) -> None:
    done = run("eval", *arguments)
    assert done.exit_code == 2 and sentence in done.stderr and done.stdout == ""


def test_unpaired_files_and_pictures_that_are_no_mattes_exit_with_1(run: Run, folders: Path) -> None:
    (folders / "other").mkdir()
    write_image(_disc(), folders / "other" / "x.png")
    write_image(np.dstack([_disc(), _disc(5), 255 - _disc()]), folders / "photo.png")
    for arguments, sentence in (
        (["other", "true"], "no file in other has the name of one in true"),
        (["nowhere", "true"], "there is no file or folder nowhere"),
        (["photo.png", "true/a.png"], "photo.png has colours but no transparency"),
    ):
        done = run("eval", *arguments)
        assert done.exit_code == 1 and f"error: {sentence}" in done.stderr


class _Page(HTMLParser):
    """Collects a page's text and links; complains when tags are not closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.rows: list[str] = []
        self.pictures: list[tuple[str, str]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        assert not {"src", "href"} & set(values) or (values.get("src") or values.get("href") or "").startswith(("data:", "#"))
        if tag == "img":
            self.pictures.append((values["alt"] or "", values["src"] or ""))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "td" in self.open and self.open[-1] in ("td", "a"):
            self.rows.append(data)


def test_the_report_is_one_file_with_the_worst_pair_first_and_its_worst_spot_in_full_size(run: Run, folders: Path) -> None:
    for name in ("b<i>", "c"):
        write_image(np.dstack([_disc()] * 3), folders / "photos" / f"{name}.png")
    (folders / "pred" / "b.png").rename(folders / "pred" / "b<i>.png")
    (folders / "true" / "b.png").rename(folders / "true" / "b<i>.png")
    done = run("eval", "pred", "true", "--images", "photos", "--report", "out/report.html")
    assert done.exit_code == 0 and "a: the report shows it without its picture: there is no file" in done.stderr
    text = (folders / "out" / "report.html").read_text()
    page = _Page(text)
    assert "http" not in text and "<script" not in text
    assert [cell for cell in page.rows if not cell[0].isdigit()] == ["mean", "c", "b<i>", "a"]
    assert "Deep Image Matting" in text and "whole pictures" in text
    assert [name for name, _ in page.pictures[:5]] == ["error, whole", "picture", "true alpha", "predicted alpha", "error"]
    data = base64.b64decode(page.pictures[3][1].partition(",")[2])
    shown = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    np.testing.assert_array_equal(shown, _disc(3))
    assert not list((folders / "out").glob("*.part"))


@pytest.mark.skipif(sys.platform != "linux", reason="other systems know no such names")
def test_undecodable_names_and_names_with_line_breaks_survive_csv_and_the_report(run: Run, tmp_path: Path) -> None:
    names = [os.fsdecode(b"a\xff.png"), "b\nc.png"]
    for folder in ("pred", "true"):
        (tmp_path / folder).mkdir()
        write_image(_disc(), tmp_path / "x.png")
        for name in names:
            shutil.copy(tmp_path / "x.png", tmp_path / folder / name)
    done = run("eval", tmp_path / "pred", tmp_path / "true", "--csv", "--report", tmp_path / "page.html")
    assert done.exit_code == 0, done.output
    rows = list(csv.reader(io.StringIO(done.stdout_bytes.decode(errors="surrogateescape"))))
    assert [os.path.basename(row[0]) for row in rows[1:-1]] == names
    assert "a\\udcff" in (tmp_path / "page.html").read_text()


def test_evaluation_imports_no_torch(folders: Path) -> None:
    probe = (
        "import sys\nfrom typer.testing import CliRunner\nfrom mattecli.cli.app import app\n"
        "done = CliRunner().invoke(app, ['eval', 'pred', 'true', '--report', 'r.html'])\n"
        "assert done.exit_code == 0, done.output\nassert 'torch' not in sys.modules\n"
    )
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_opaque_cutout_counts_as_alpha_1(run: Run, tmp_path: Path) -> None:
    colours = np.zeros((20, 30, 4), np.uint8) + np.array([200, 60, 20, 255], np.uint8)
    write_image(colours, tmp_path / "all.png")
    write_image(np.full((20, 30), 204, np.uint8), tmp_path / "true.png")
    done = run("eval", tmp_path / "all.png", tmp_path / "true.png", "--json")
    assert done.exit_code == 0, done.stderr
    assert _records(done.stdout)[0]["sad"] == pytest.approx(0.2 * 600 / 1000)


def test_the_examples_of_the_help_run(run: Run, folders: Path) -> None:
    for name in ("pred", "trimap"):
        (folders / name).rename(folders / {"pred": "predicted", "trimap": "trimaps"}[name])
    for name in ("a", "b", "c"):
        colours = np.full((*_disc().shape, 3), 90, np.uint8)
        write_image(colours, folders / "photos" / f"{name}.png")
        write_image(np.dstack([colours, _disc(1)]), folders / "cutouts" / f"{name}.png")
    for source, copy in (("predicted/b.png", "alpha.png"), ("true/b.png", "true.png"), ("trimaps/b.png", "trimap.png")):
        (folders / copy).write_bytes((folders / source).read_bytes())
    examples = re.findall(r"^ +matte (eval .*)$", str(evaluate.__doc__), re.MULTILINE)
    assert len(examples) == 3
    for example in examples:
        done = run(*shlex.split(example))
        assert done.exit_code == 0, (example, done.output)
    assert (folders / "report.html").stat().st_size > 1000
