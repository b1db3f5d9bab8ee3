"""The routes of a running service."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from mattecli.cli.app import app
from mattecli.serve.forms.fields import MATTE_FIELDS
from tests.serve.client import Answer, Client
from tests.serve.conftest import Start


def picture(answer: Answer) -> Image.Image:
    assert answer.status == 200, answer.body
    return Image.open(io.BytesIO(answer.body))


def by_command(tmp_path: Path, *arguments: object) -> bytes:
    """What `matte image` writes."""
    done = CliRunner().invoke(app, ["image", *map(str, arguments), "-o", str(tmp_path / "by_command.png")])
    assert done.exit_code == 0, done.output
    return (tmp_path / "by_command.png").read_bytes()


@pytest.mark.parametrize("guide", ["trimap", "strokes"])
def test_a_cutout_equals_the_file_that_the_command_writes(client: Client, pictures: Path, tmp_path: Path, guide: str) -> None:
    answer = client.post("/v1/matte", {"image": pictures / "photo.png", guide: pictures / f"{guide}.png"})
    assert answer.headers["content-type"] == "image/png"
    assert answer.body == by_command(tmp_path, pictures / "photo.png", f"--{guide}", pictures / f"{guide}.png")
    record = json.loads(answer.headers["x-matte-record"])
    assert (record["guide"], record["width"], record["height"]) == (guide, 96, 72) and record["seconds"] > 0
    assert client.temporary_files == []


def test_a_request_without_a_guide_finds_the_subject(client: Client, pictures: Path) -> None:
    alpha = np.asarray(picture(client.post("/v1/matte", {"image": pictures / "photo.png", "as": "alpha"})))
    assert alpha.shape == (72, 96) and alpha[36, 48] > 200 and alpha[3, 3] < 50


@pytest.mark.parametrize(
    ("fields", "accept", "media", "mode"),
    [
        ({"as": "alpha"}, "", "image/png", "L"),
        ({"as": "cutout", "format": "webp"}, "", "image/webp", "RGBA"),
        ({"as": "composite", "over": "#ff8800"}, "image/jpeg", "image/jpeg", "RGB"),
        ({"over": "white", "format": "tif"}, "", "image/tiff", "RGB"),
        ({"as": "foreground"}, "text/html, image/webp;q=0.9, */*;q=0.1", "image/webp", "RGB"),
        ({"as": "trimap"}, "", "image/png", "L"),
    ],
)
def test_the_response_has_the_requested_kind_and_format(
    client: Client, pictures: Path, fields: dict[str, str], accept: str, media: str, mode: str
) -> None:
    form = {"image": pictures / "photo.png", "trimap": pictures / "trimap.png", "model": "closed-form", **fields}
    answer = client.post("/v1/matte", form, {"Accept": accept})
    assert picture(answer).mode == mode and answer.headers["content-type"] == media


def test_a_composite_is_over_the_uploaded_picture_or_the_colour(client: Client, pictures: Path) -> None:
    form = {"image": pictures / "photo.png", "trimap": pictures / "trimap.png", "model": "closed-form"}
    for over in ("#ff8800", _plain((255, 136, 0))):
        corner = np.asarray(picture(client.post("/v1/matte", {**form, "over": over})))[0, 0]
        assert tuple(corner) == (255, 136, 0)


def _plain(colour: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (20, 10), colour).save(stream, "PNG")
    return stream.getvalue()


def test_json_links_to_every_requested_result(client: Client, pictures: Path) -> None:
    form = {"image": pictures / "photo.png", "strokes": pictures / "strokes.png", "results": "cutout,alpha,trimap"}
    answer = client.post("/v1/matte", form, {"Accept": "application/json"}).json
    assert list(answer["links"]) == ["cutout", "alpha", "trimap"] and answer["expires_in"] > 0
    made = {kind: np.asarray(picture(client.get(link))) for kind, link in answer["links"].items()}
    assert (made["cutout"][..., 3] == made["alpha"]).all()
    assert set(np.unique(made["trimap"])) == {0, 128, 255}
    assert client.get("/v1/results/unknown/cutout.png").status == 404
    assert client.get(answer["links"]["cutout"].replace("cutout.png", "..%2f..%2fetc%2fpasswd")).status == 404
    assert client.temporary_files == []


def test_trimaps_are_made_from_strokes_or_a_mask_without_a_model(client: Client, pictures: Path, tmp_path: Path) -> None:
    answer = client.post("/v1/trimap", {"image": pictures / "photo.png", "strokes": pictures / "strokes.png"})
    command = ["trimap-from-strokes", pictures / "photo.png", pictures / "strokes.png", "-o", tmp_path / "trimap.png"]
    assert CliRunner().invoke(app, [str(word) for word in command]).exit_code == 0
    assert answer.body == (tmp_path / "trimap.png").read_bytes()
    linked = client.post("/v1/trimap", {"mask": pictures / "trimap.png", "band": "3"}, {"Accept": "application/json"}).json
    assert set(np.unique(np.asarray(picture(client.get(linked["links"]["trimap"]))))) == {0, 128, 255}
    assert linked["unknown"] < 0.5
    for wrong in ({}, {"strokes": pictures / "strokes.png"}, {"mask": pictures / "trimap.png", "strokes": pictures / "strokes.png"}):
        assert client.post("/v1/trimap", wrong).status == 400
    refused = client.post("/v1/trimap", {"mask": pictures / "trimap.png", "band": "wide"})
    assert refused.status == 422 and "band wide is no width" in refused.json["detail"]


def test_models_and_limits_are_listed(client: Client) -> None:
    answer = client.get("/v1/models").json
    models = {model["name"]: model for model in answer["models"]}
    assert models["fusion"]["guides"] == ["trimap"] and "dim" not in models, "only what is installed may be named"
    assert answer["limits"] == {"bytes": 1_000_000, "pixels": 250_000, "seconds": 600.0, "waiting": 4}


def test_the_openapi_document_has_all_fields_and_routes(client: Client) -> None:
    document = client.get("/openapi.json").json
    schema = document["paths"]["/v1/matte"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert set(schema["properties"]) == set(MATTE_FIELDS)
    for path in document["paths"]:
        assert client.get(re.sub(r"\{\w+\}", "x", path)).status in (200, 405) or "{" in path


def test_metrics_count_requests_and_computations(client: Client, pictures: Path) -> None:
    def counted() -> float:
        text = client.get("/metrics").body.decode()
        found = re.search(r'^matte_requests_total\{route="/v1/matte",status="200"\} (\S+)$', text, re.MULTILINE)
        assert "matte_compute_seconds_bucket" in text and "matte_queue_waiting 0.0" in text
        return float(found[1]) if found else 0.0

    before = counted()
    client.post("/v1/matte", {"image": pictures / "photo.png", "trimap": pictures / "trimap.png"})
    assert counted() == before + 1


def test_the_configured_model_is_used_when_it_takes_the_guides(start: Start, pictures: Path) -> None:
    client = start(model="closed-form")
    made = client.post("/v1/matte", {"image": pictures / "photo.png", "trimap": pictures / "trimap.png"})
    assert json.loads(made.headers["x-matte-record"])["model"] == "closed-form"
    refused = client.post("/v1/matte", {"image": pictures / "photo.png"})
    assert refused.status == 422 and "closed-form needs a trimap" in refused.json["detail"]


def test_the_page_and_its_parts_are_served(client: Client) -> None:
    page = client.get("/").body.decode()
    for part in ("page/app.js", "page/page.css", "page/icon.svg"):
        assert part in page and client.get(f"/{part}").status == 200
    assert not re.search(r"(src|href)=\"(https?:)?//", page), "nothing is loaded from elsewhere"
