"""Many pictures: one that fails is reported, and the others are processed."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from mattecli.errors import InputError, MatteError, OutOfMemoryError
from mattecli.requests.photos import Job

Made = TypeVar("Made")


def process_all(jobs: Sequence[Job], make: Callable[[Job], Made]) -> Iterator[tuple[Job, Made | MatteError]]:
    """Each job with its result or its error, in order. No torch.

    An unexpected exception counts as the failure of one picture among many; of a single job it is raised, with its traceback.
    """
    for job in jobs:
        yield job, _outcome(job, make, alone=len(jobs) == 1)


def _outcome(job: Job, make: Callable[[Job], Made], *, alone: bool) -> Made | MatteError:
    try:
        if job.lacks:
            raise InputError(job.lacks)
        return make(job)
    except MatteError as error:
        return error
    except MemoryError:
        return OutOfMemoryError(f"memory ran out over {job.source}; free some, or scale it down first")
    except Exception as error:
        if alone:
            raise
        return _unforeseen(job, error)


def _unforeseen(job: Job, error: Exception) -> MatteError:
    failure = MatteError(f"{job.source} failed with {type(error).__name__} ({error}), a fault of this program; run it alone to see where")
    failure.__cause__ = error
    return failure
