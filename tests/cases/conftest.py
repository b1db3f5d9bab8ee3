"""The command line in this process, with a cache of its own."""

from tests.cli.conftest import _own_cache, run

__all__ = ["_own_cache", "run"]
