"""The scene of the command line's tests."""

from tests.cli.conftest import drawn_scene, run, scene

__all__ = ["drawn_scene", "run", "scene"]
