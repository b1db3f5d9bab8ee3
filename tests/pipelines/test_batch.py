"""Many pictures: what happens to one does not happen to the others."""

import pytest

from mattecli.errors import InputError, MatteError
from mattecli.pipelines.batch import process_all
from mattecli.requests.photos import Job

JOBS = [Job(name, f"{name}.out", {}) for name in ("one.png", "two.png", "three.png", "four.png")]


def _make(job: Job) -> str:
    if job.source == "two.png":
        raise InputError("two.png is empty")
    if job.source == "three.png":
        raise TypeError("argument of type 'IFDRational' is not iterable")
    return job.destination


def test_an_unexpected_exception_is_the_failure_of_one_picture() -> None:
    first, second, third, fourth = (outcome for _, outcome in process_all(JOBS, _make))
    assert (first, fourth) == ("one.png.out", "four.png.out")
    assert isinstance(second, InputError)
    assert isinstance(third, MatteError) and isinstance(third.__cause__, TypeError)
    assert str(third).startswith("three.png failed with TypeError (argument of type 'IFDRational' is not iterable)")


def test_a_single_picture_keeps_the_traceback() -> None:
    with pytest.raises(TypeError, match="IFDRational"):
        list(process_all([JOBS[2]], _make))
