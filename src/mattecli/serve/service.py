"""The state of a running service, shared by its routes."""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

from mattecli.serve.engine import Engine, Made, Work
from mattecli.serve.forms.fields import Field
from mattecli.serve.forms.uploads import Form, receive_form
from mattecli.serve.metrics import Metrics
from mattecli.serve.problems import busy
from mattecli.serve.queue import WorkQueue
from mattecli.serve.results import ResultStore
from mattecli.serve.settings import Settings
from mattecli.serve.workspace import ServiceFolder, Workspace

Answer = TypeVar("Answer")

MOST_UPLOADS = 64
"""Forms that are received at the same time."""


class Service:
    """Engine, queue, results and temporary files of one service. Used in one event loop; `close` removes all files."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.engine = Engine(settings)
        self.queue: WorkQueue[Work, Made] = WorkQueue(self.engine.make_all, settings.queue, self.engine.together)
        self.metrics = Metrics()
        self._folder = ServiceFolder()
        self.root = self._folder.path
        (self.root / "results").mkdir()
        self.results = ResultStore(self.root / "results")
        self.uploads = 0
        self.is_leaving = False
        self._watch()

    def _watch(self) -> None:
        self.queue.seconds = self.metrics.compute.observe
        self.metrics.watch("matte_queue_waiting", "Requests that wait for a computation.", lambda: self.queue.waiting)
        self.metrics.watch("matte_running", "Requests whose matte is computed.", lambda: self.queue.running)
        self.metrics.watch("matte_uploads", "Forms being received.", lambda: self.uploads)
        self.metrics.watch("matte_results_bytes", "Bytes of the results kept for links.", lambda: self.results.bytes)

    @property
    def is_idle(self) -> bool:
        """Whether no request is received or computed."""
        return self.uploads == 0 and self.queue.is_idle

    def warm(self) -> None:
        """Load the model for requests without guides."""
        self.engine.warm()

    def close(self) -> None:
        self.queue.close()
        self._folder.remove()

    def workspace(self) -> Workspace:
        return Workspace(self.root)

    def check_open(self) -> None:
        """RequestError for a service that is stopping or whose queue is full, before anything is received."""
        if self.is_leaving:
            raise busy(503, "the service is shutting down; try again when it is back", 10)
        self.queue.check_room()
        if self.uploads >= MOST_UPLOADS:
            raise busy(429, "too many uploads are on their way; try again later", 5)

    async def receive(self, request: Request, workspace: Workspace, fields: Mapping[str, Field]) -> Form:
        """The request's form, its files in the workspace. Raises RequestError."""
        self.check_open()
        settings = self.settings
        with self._uploading():
            return await receive_form(request, workspace.path, fields, max_bytes=settings.max_bytes, seconds=settings.timeout)

    @contextlib.contextmanager
    def _uploading(self) -> Iterator[None]:
        self.uploads += 1
        try:
            yield
        finally:
            self.uploads -= 1

    async def make(self, request: Request, asked: Work, workspace: Workspace) -> Made:
        """The requested results. Raises RequestError, or ClientDisconnect when the client disconnects before they are made."""
        made = await unless_gone(request, self.queue.run(asked, workspace, timeout=self.settings.timeout))
        self.metrics.pixels.inc(made.record["width"] * made.record["height"])
        return made


async def unless_gone(request: Request, work: Awaitable[Answer]) -> Answer:
    """The result of `work`; it is cancelled and ClientDisconnect raised when the client disconnects before."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(_gone(request))
    try:
        await asyncio.wait((task, gone), return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise ClientDisconnect
        return task.result()
    finally:
        await _cancelled((task, gone))


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _cancelled(tasks: "Sequence[asyncio.Future[Answer] | asyncio.Future[None]]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
