"""A route compatible with remove.bg's API 1.0, for existing clients."""

import base64
import re
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from mattecli.serve.answers import FileAnswer
from mattecli.serve.forms.asked import JSON, Asked, check_choices, check_colour, check_pictures, required_file
from mattecli.serve.forms.fields import REMOVEBG_FIELDS, SIZES
from mattecli.serve.forms.uploads import Form
from mattecli.serve.problems import RequestError

if TYPE_CHECKING:
    from mattecli.serve.service import Service

PATH = "/v1.0/removebg"

_CODES = {401: "auth_failed", 413: "file_size_exceeded", 415: "invalid_file_type", 429: "rate_limit_exceeded"}


class _RemovebgError(RequestError):
    """An error response in the format of that API: a list of errors with title and code."""

    def answer(self) -> JSONResponse:
        error = {"title": self.detail, "code": _CODES.get(self.status, "invalid_request")}
        return JSONResponse({"errors": [error]}, self.status, self.headers)


async def remove_background(request: Request) -> Response:
    """Respond with the picture, or with JSON that holds it in base64 where the client accepts nothing else."""
    try:
        return await _answer(request, request.app.state.service)
    except RequestError as problem:
        raise _RemovebgError(problem.status, problem.detail, problem.headers) from problem


async def _answer(request: Request, service: "Service") -> Response:
    with service.workspace() as workspace:
        form = await service.receive(request, workspace, REMOVEBG_FIELDS)
        asked = read_removebg(form, max_pixels=service.settings.max_pixels)
        made = await service.make(request, asked, workspace)
        file = made.files[asked.kinds[0]]
        if request.headers.get("accept", "").strip().lower() == JSON:
            return JSONResponse({"data": {"result_b64": base64.b64encode(file.read_bytes()).decode()}})
        return FileAnswer(file, workspace, headers={"X-Credits-Charged": "0"})


def read_removebg(form: Form, *, max_pixels: int) -> Asked:
    """The request in a form of REMOVEBG_FIELDS. Raises RequestError."""
    check_choices(form, REMOVEBG_FIELDS)
    texts = form.texts
    image = required_file(form, "image_file")
    size = check_pictures(form, max_pixels=max_pixels)["image_file"]
    over = form.files.get("bg_image_file") or _colour(texts.get("bg_color"))
    kind = "alpha" if texts.get("channels") == "alpha" else "cutout" if over is None else "composite"
    suffix = texts.get("format", "auto")
    if suffix == "jpg" and kind == "cutout":
        over, kind = "white", "composite"  # as in that API
    return Asked(
        image=image,
        guides={},
        size=size,
        kinds=(kind,),
        suffix=".png" if suffix == "auto" else f".{suffix}",
        over=over if kind == "composite" else None,
        most_pixels=SIZES[texts.get("size", "auto")],
    )


def _colour(text: str | None) -> str | None:
    """A colour of that API: hexadecimal digits with or without #."""
    if text is None:
        return None
    colour = f"#{text}" if re.fullmatch(r"([0-9a-fA-F]{3}){1,2}", text) else text
    check_colour("bg_color", colour)
    return colour
