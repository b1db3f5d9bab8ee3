"""The route shaped like that of remove.bg."""

import base64
import io
from pathlib import Path

import pytest
from PIL import Image

from tests.serve.client import Client
from tests.serve.conftest import Start

PATH = "/v1.0/removebg"


def test_a_request_of_the_remove_bg_api_gets_a_cutout(client: Client, pictures: Path) -> None:
    answer = client.post(PATH, {"image_file": pictures / "photo.png", "size": "auto", "type": "auto"})
    assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
    made = Image.open(io.BytesIO(answer.body))
    assert made.mode == "RGBA" and made.size == (96, 72) and made.getpixel((48, 36))[3] > 200 and made.getpixel((0, 0))[3] < 50


def test_the_response_has_the_requested_colour_format_and_json(client: Client, pictures: Path) -> None:
    form = {"image_file": pictures / "photo.png", "bg_color": "ff8800", "format": "jpg"}
    answer = client.post(PATH, form, {"Accept": "application/json"})
    made = Image.open(io.BytesIO(base64.b64decode(answer.json["data"]["result_b64"])))
    assert made.format == "JPEG"
    assert max(abs(one - other) for one, other in zip(made.getpixel((0, 0)), (255, 136, 0), strict=True)) < 12


def test_a_smaller_size_is_scaled_down(start: Start) -> None:
    stream = io.BytesIO()
    photo = Image.new("RGB", (1000, 500), (30, 60, 160))
    photo.paste((230, 140, 40), (400, 150, 600, 450))
    photo.save(stream, "PNG")
    made = Image.open(io.BytesIO(start().post(PATH, {"image_file": stream.getvalue(), "size": "preview"}).body))
    assert made.size == (707, 353) and made.mode == "RGBA"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, "invalid_request"),
        ({"image_url": "http://127.0.0.1/x.png"}, "invalid_request"),
        ({"image_file": b"none"}, "invalid_file_type"),
        ({"image_file": b"none", "crop": "true"}, "invalid_request"),
        ({"image_file": b"none", "bg_color": "../x"}, "invalid_file_type"),
    ],
)
def test_errors_have_the_format_of_the_remove_bg_api(client: Client, fields: dict[str, bytes | str], code: str) -> None:
    answer = client.post(PATH, fields)
    assert answer.status >= 400
    (error,) = answer.json["errors"]
    assert error["code"] == code and error["title"]
