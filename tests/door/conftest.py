"""The scene of the command line's tests, and a cache of the tests' own."""

from tests.cli.conftest import _own_cache, drawn_scene, run, scene

__all__ = ["_own_cache", "drawn_scene", "run", "scene"]
