"""Many pictures, one after the other: a bad one is reported and the rest go on."""

from collections.abc import Iterator, Sequence

from mattecli.errors import MatteError
from mattecli.pipelines.image import Recipe, process
from mattecli.pipelines.plan import Job
from mattecli.pipelines.result import Result


def process_all(jobs: Sequence[Job], recipe: Recipe) -> Iterator[tuple[Job, Result | MatteError]]:
    """Each job with its result, or with the error that kept it from having one."""
    for job in jobs:
        try:
            yield job, process(job, recipe)
        except MatteError as error:
            yield job, error
