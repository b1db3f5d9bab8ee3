"""Many pictures: a bad one is reported and the rest go on."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mattecli.errors import MatteError
from mattecli.pipelines.flow import in_parallel
from mattecli.pipelines.plan import Job

Made = TypeVar("Made")


def process_all(jobs: Sequence[Job], make: Callable[[Job], Made], *, threads: int = 1) -> Iterator[tuple[Job, Made | MatteError]]:
    """Each job with what is made of it, or with the error that kept it from being made; in order, so many at the same time. No torch."""

    def attempt(job: Job) -> tuple[Job, Made | MatteError]:
        try:
            return job, make(job)
        except MatteError as error:
            return job, error

    return in_parallel(jobs, attempt, threads=threads)
