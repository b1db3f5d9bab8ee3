"""The data engine: composites of which every part is known, drawn from one integer each. See mix.draw."""

from training.engine.mix import Example, draw
from training.engine.settings import EngineSettings
from training.engine.sources import Sources

__all__ = ["EngineSettings", "Example", "Sources", "draw"]
