"""Responses to failed requests: problem documents (RFC 9457), and the status of each error."""

import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import JSONResponse

from mattecli.errors import (
    DeviceError,
    InputError,
    MatteError,
    ModelError,
    OutOfMemoryError,
    UsageError,
)

_FIELDS = {"backdrop": "over", "kind": "as"}
"""Settings that have another name as fields of a request."""


class RequestError(Exception):
    """An error response; `detail` states what happened and what to do."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, dict(headers or {})

    def answer(self) -> JSONResponse:
        """The problem document."""
        document = {"type": "about:blank", "title": HTTPStatus(self.status).phrase, "status": self.status, "detail": self.detail}
        return JSONResponse(document, self.status, self.headers, media_type="application/problem+json")


def busy(status: int, detail: str, seconds: float) -> RequestError:
    """A temporary problem: the client may try again after this number of seconds."""
    return RequestError(status, detail, {"Retry-After": str(max(1, round(seconds)))})


def problem_of(error: MatteError, folder: str) -> RequestError:
    """An error of the toolkit as a problem of the service: without temporary paths, with field names for settings."""
    text = re.sub(r"`([a-z]+(?:_[a-z]+)*)`", lambda setting: _FIELDS.get(setting[1], setting[1]), str(error))
    return RequestError(_status_of(error), text.replace(f"{folder}/", ""))


def _status_of(error: MatteError) -> int:
    if isinstance(error, OutOfMemoryError):
        return 413
    if isinstance(error, DeviceError):
        return 503
    return 422 if isinstance(error, UsageError | InputError | ModelError) else 500
