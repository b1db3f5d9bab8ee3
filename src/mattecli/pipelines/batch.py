"""Many pictures: a bad one is reported and the rest go on."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mattecli.core.tuning.queues import in_parallel
from mattecli.errors import InputError, MatteError
from mattecli.requests.photos import Job

Made = TypeVar("Made")


def process_all(jobs: Sequence[Job], make: Callable[[Job], Made], *, threads: int = 1) -> Iterator[tuple[Job, Made | MatteError]]:
    """Each job with its result or its error, in order; `threads` jobs run concurrently. No torch.

    What nobody foresaw is the failure of one picture among many; where there is but one, it keeps its traceback.
    """

    def attempt(job: Job) -> tuple[Job, Made | MatteError]:
        if job.lacks:
            return job, InputError(job.lacks)
        try:
            return job, make(job)
        except MatteError as error:
            return job, error
        except Exception as error:
            if len(jobs) == 1:
                raise
            return job, _unforeseen(job, error)

    return in_parallel(jobs, attempt, threads=threads)


def _unforeseen(job: Job, error: Exception) -> MatteError:
    failure = MatteError(f"{job.source} failed with {type(error).__name__} ({error}), a fault of this program; run it alone to see where")
    failure.__cause__ = error
    return failure
