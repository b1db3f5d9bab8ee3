"""The data engine: composites with known foreground, alpha and background, each drawn from one integer. See mix.draw."""

from training.engine.mix import Example, draw
from training.engine.settings import EngineSettings
from training.engine.sources import Sources

__all__ = ["EngineSettings", "Example", "Sources", "draw"]
