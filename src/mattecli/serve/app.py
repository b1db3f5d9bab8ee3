"""The HTTP routes: a form is read, the service computes, and the response is a picture, JSON or an error."""

import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

import mattecli
from mattecli.serve import removebg
from mattecli.serve.answers import FileAnswer, as_header, media_type
from mattecli.serve.engine import Made
from mattecli.serve.forms.asked import Asked, AskedTrimap, read_matte, read_trimap
from mattecli.serve.forms.fields import MATTE_FIELDS, TRIMAP_FIELDS, Field
from mattecli.serve.forms.openapi import document
from mattecli.serve.guard import Guard
from mattecli.serve.metrics import CONTENT_TYPE
from mattecli.serve.problems import RequestError
from mattecli.serve.results import SECONDS
from mattecli.serve.service import Service
from mattecli.serve.settings import Settings
from mattecli.serve.workspace import Workspace

PAGE = Path(__file__).parent / "page"


def build_app(settings: Settings) -> Starlette:
    """The application; its service is `app.state.service`."""
    service = Service(settings)
    routes = [
        Route("/", _page),
        Mount("/page", StaticFiles(directory=PAGE), name="page"),
        Route("/v1/matte", _matte, methods=["POST"]),
        Route("/v1/trimap", _trimap, methods=["POST"]),
        Route("/v1/models", _models),
        Route("/v1/results/{key}/{name}", _result),
        Route(removebg.PATH, removebg.remove_background, methods=["POST"]),
        Route("/healthz", _healthy),
        Route("/readyz", _ready),
        Route("/metrics", _metrics),
        Route("/openapi.json", _openapi),
    ]
    handlers: dict[Any, Any] = {HTTPException: _http_error}
    app = Starlette(routes=routes, middleware=[Middleware(Guard, service=service)], exception_handlers=handlers, lifespan=_lifespan)
    app.state.service = service
    return app


@contextlib.asynccontextmanager
async def _lifespan(app: Starlette) -> AsyncIterator[None]:
    try:
        yield
    finally:
        app.state.service.close()


def _service(request: Request) -> Service:
    service: Service = request.app.state.service
    return service


async def _matte(request: Request) -> Response:
    return await _answered(request, MATTE_FIELDS, read_matte)


async def _trimap(request: Request) -> Response:
    return await _answered(request, TRIMAP_FIELDS, read_trimap)


async def _answered(request: Request, fields: Mapping[str, Field], read: Callable[..., Asked | AskedTrimap]) -> Response:
    """The response to a form with these fields: a picture, or links to its results."""
    service = _service(request)
    with service.workspace() as workspace:
        form = await service.receive(request, workspace, fields)
        asked = read(form, request.headers.get("accept", ""), max_pixels=service.settings.max_pixels)
        made = await service.make(request, asked, workspace)
        return _links(service, made) if asked.links else _picture(made, workspace)


def _links(service: Service, made: Made) -> JSONResponse:
    links = {kind: f"/v1/results/{path}" for kind, path in service.results.keep(made.files).items()}
    return JSONResponse(made.record | {"links": links, "expires_in": SECONDS})


def _picture(made: Made, workspace: Workspace) -> FileAnswer:
    (file,) = made.files.values()
    return FileAnswer(file, workspace, headers={"X-Matte-Record": as_header(made.record)})


async def _models(request: Request) -> JSONResponse:
    settings = _service(request).settings
    usable = [entry for entry in mattecli.models() if entry.installed or settings.may_pull]
    models = [{**asdict(entry), "guides": list(entry.guides), "default": entry.name == settings.model} for entry in usable]
    limits = {"bytes": settings.max_bytes, "pixels": settings.max_pixels, "seconds": settings.timeout, "waiting": settings.queue}
    return JSONResponse({"models": models, "limits": limits})


async def _result(request: Request) -> Response:
    file = _service(request).results.find(request.path_params["key"], request.path_params["name"])
    if file is None:
        raise RequestError(404, "there is no such result, or it is no longer kept; make it again with POST /v1/matte")
    return FileResponse(file, media_type=media_type(file))


async def _page(request: Request) -> FileResponse:
    return FileResponse(PAGE / "index.html", headers={"Cache-Control": "no-cache"})


async def _healthy(request: Request) -> JSONResponse:
    return JSONResponse({"status": "ok", "version": mattecli.__version__})


async def _ready(request: Request) -> JSONResponse:
    is_leaving = _service(request).is_leaving
    return JSONResponse({"status": "leaving" if is_leaving else "ready"}, 503 if is_leaving else 200)


async def _metrics(request: Request) -> Response:
    return Response(_service(request).metrics.text(), headers={"Content-Type": CONTENT_TYPE})


async def _openapi(request: Request) -> JSONResponse:
    return JSONResponse(document())


async def _http_error(request: Request, error: Exception) -> Response:
    """The response to errors of Starlette itself, such as an unknown path or a wrong method."""
    if not isinstance(error, HTTPException):
        raise error
    return RequestError(
        error.status_code, f"{request.method} {request.url.path}: {error.detail}; see /openapi.json", error.headers
    ).answer()
