"""The OpenAPI document, written from the tables of fields."""

from collections.abc import Mapping
from typing import Any

import mattecli
from mattecli.serve.forms.fields import EITHER, FILE, FORMATS, MATTE_FIELDS, REMOVEBG_FIELDS, TRIMAP_FIELDS, Field

_PICTURE = {media: {"schema": {"type": "string", "format": "binary"}} for media in FORMATS.values()}
_PROBLEM = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
_STATUSES = {
    400: "The form is wrong.",
    401: "The token is missing or wrong.",
    408: "The upload was too slow.",
    413: "The request or a picture is too large.",
    415: "The body is no form, or a file no picture.",
    422: "The picture, the guides and the model do not go together.",
    429: "The queue is full; Retry-After says when to try again.",
    503: "The service is shutting down, or the request waited too long; Retry-After says when to try again.",
    504: "The matte takes too long.",
}


def document() -> dict[str, Any]:
    """The document, version 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "matte", "version": mattecli.__version__, "description": "Cut people and things out of photos."},
        "paths": {
            "/v1/matte": {"post": _matte()},
            "/v1/trimap": {"post": _trimap()},
            "/v1/models": {"get": _get("The models that requests may name, and the limits of this service.", "application/json")},
            "/v1/results/{key}/{name}": {"get": _result()},
            "/v1.0/removebg": {"post": _removebg()},
            "/healthz": {"get": _get("200 while the service runs.", "application/json")},
            "/readyz": {"get": _get("200 while requests are taken; 503 when the service is shutting down.", "application/json")},
            "/metrics": {"get": _get("Figures for Prometheus.", "text/plain")},
        },
        "components": {
            "schemas": {"Problem": _problem(), "Record": _record()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "key": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
            },
        },
        "security": [{}, {"bearer": []}, {"key": []}],
    }


def _matte() -> dict[str, Any]:
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Record"}}, **_PICTURE}
    header = {"X-Matte-Record": {"description": "What JSON answers say, without links.", "schema": {"type": "string"}}}
    made = {"200": {"description": "The picture, or links to all results.", "content": answer, "headers": header}}
    return {"summary": "Make a matte of a photo.", "requestBody": _form(MATTE_FIELDS), "responses": made | _errors()}


def _trimap() -> dict[str, Any]:
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Record"}}, "image/png": _PICTURE["image/png"]}
    made = {"200": {"description": "The trimap: 0 background, 128 unknown, 255 foreground.", "content": answer}}
    summary = "Make a trimap of strokes over a photo, or of a mask."
    return {"summary": summary, "requestBody": _form(TRIMAP_FIELDS), "responses": made | _errors()}


def _removebg() -> dict[str, Any]:
    made = {"200": {"description": "The picture.", "content": _PICTURE}}
    summary = "A route shaped like that of remove.bg's API 1.0."
    return {"summary": summary, "requestBody": _form(REMOVEBG_FIELDS), "responses": made | _errors()}


def _result() -> dict[str, Any]:
    parameters = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in ("key", "name")]
    answers = {"200": {"description": "The picture.", "content": _PICTURE}, "404": {"description": "Unknown or no longer kept."}}
    return {"summary": "A result that a JSON answer links to.", "parameters": parameters, "responses": answers}


def _get(summary: str, media: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": {"description": summary, "content": {media: {}}}}}


def _form(fields: Mapping[str, Field]) -> dict[str, Any]:
    properties = {name: _property(field) for name, field in fields.items() if field.supported}
    required = [name for name, field in fields.items() if field.required]
    schema = {"type": "object", "properties": properties, "required": required, "additionalProperties": False}
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _property(field: Field) -> dict[str, Any]:
    kind: dict[str, Any] = {"type": "string"}
    if field.holds in (FILE, EITHER):
        kind["format"] = "binary"
    if field.choices:
        kind["enum"] = list(field.choices)
    if field.many:
        kind = {"type": "array", "items": kind}
    return kind | {"description": field.about}


def _errors() -> dict[str, Any]:
    return {str(status): {"description": about, "content": _PROBLEM} for status, about in _STATUSES.items()}


def _problem() -> dict[str, Any]:
    properties = {"type": "string", "title": "string", "status": "integer", "detail": "string"}
    return {"type": "object", "properties": {name: {"type": kind} for name, kind in properties.items()}}


def _record() -> dict[str, Any]:
    texts = ("model", "guide", "refine", "quality", "device", "precision")
    properties: dict[str, Any] = {name: {"type": ["string", "null"]} for name in texts}
    properties |= {name: {"type": "integer", "description": "Pixels."} for name in ("width", "height")}
    properties |= {name: {"type": "number"} for name in ("seconds", "expires_in")}
    properties["notes"] = {"type": "array", "items": {"type": "string"}, "description": "Notes on the result for the user."}
    properties["links"] = {"type": "object", "additionalProperties": {"type": "string"}, "description": "Paths of the results, by kind."}
    return {"type": "object", "properties": properties}
