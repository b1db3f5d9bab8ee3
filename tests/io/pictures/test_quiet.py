"""Pillow's warnings are kept to itself, and the process's filters are left as they were."""

import warnings

import pytest
from PIL import TiffImagePlugin

from mattecli.io.pictures.quiet import quiet_pillow


def _warn_as_pillow() -> None:
    warnings.warn_explicit("odd", UserWarning, "file.py", 1, module=TiffImagePlugin.__name__)


def test_only_warnings_of_pillow_are_silenced_and_only_within_the_block() -> None:
    before = list(warnings.filters)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with quiet_pillow():
            with quiet_pillow():
                _warn_as_pillow()
            _warn_as_pillow()
            with pytest.raises(UserWarning):
                warnings.warn("another's", UserWarning, stacklevel=1)
        with pytest.raises(UserWarning):
            _warn_as_pillow()
    assert list(warnings.filters) == before
