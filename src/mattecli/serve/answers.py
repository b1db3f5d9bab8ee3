"""Answers that are files."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.responses import FileResponse
from starlette.types import Receive, Scope, Send

from mattecli.serve.forms.fields import FORMATS
from mattecli.serve.workspace import Workspace


class FileAnswer(FileResponse):
    """A picture in a workspace, which is released when the picture is sent."""

    def __init__(self, file: Path, workspace: Workspace, *, headers: Mapping[str, str]) -> None:
        super().__init__(file, media_type=media_type(file), headers=dict(headers))
        self._workspace = workspace
        workspace.hold()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._workspace.release()


def media_type(file: Path) -> str:
    """The media type of a picture, by its suffix."""
    return FORMATS[file.suffix[1:]]


def as_header(record: Mapping[str, Any]) -> str:
    """A record as JSON in ASCII, which a header can carry."""
    return json.dumps(record, separators=(",", ":"))
