"""The number of frames of a clip in work at the same time, from their size and the available memory."""

from dataclasses import dataclass, replace

from mattecli.core.tuning.budget import budget_of, free_host_memory
from mattecli.core.tuning.memory import Budget, readable
from mattecli.core.tuning.parallelism import frames_at_once
from mattecli.core.tuning.queues import AHEAD, BEHIND
from mattecli.errors import OutOfMemoryError
from mattecli.io.clip_types import Clip
from mattecli.pipelines.recipe import Recipe

# Bytes a pixel: of a frame with its matte, its colours and their tensors (float32), and of one that is rendered and encoded.
MATTED, ENCODED = 40, 24
# The share of the free memory for frames while more than one is in work; the network needs the rest.
FRAMES_SHARE = 0.4


@dataclass(frozen=True)
class Depths:
    """The numbers of frames read ahead, waiting to be written, and matted at once."""

    ahead: int
    behind: int
    at_once: int

    def memory(self, clip: Clip) -> int:
        """The peak of host memory for the frames, in bytes."""
        pixels = clip.size[0] * clip.size[1]
        decoded = (4 if clip.alpha else 3) * (1 if clip.top == 255 else 2) * (2 if clip.colour.hdr else 1)
        # In addition to the queued frames, one is being read, one handed over, and one more started than is matted at once.
        # Where several are, refinement may be a second step of as many.
        matted = self.at_once + 1 if self.at_once == 1 else 2 * (self.at_once + 1)
        return pixels * ((self.ahead + 2) * decoded + (self.behind + matted + 1) * MATTED + ENCODED)


USUAL = Depths(AHEAD, BEHIND, 1)


def depths_for(clip: Clip, recipe: Recipe) -> Depths:
    """`depths_within` for matting a clip, within the recipe's memory limit."""
    return depths_within(clip, _budget(recipe), frames_at_once(recipe.model.device))


def depths_within(clip: Clip, budget: Budget | None, at_once: int = 1) -> Depths:
    """The default depths where the clip's frames fit into memory, smaller ones otherwise.

    Raises OutOfMemoryError where not even single frames fit.
    """
    least = Depths(1, 1, 1)
    if budget is None:
        return Depths(AHEAD, BEHIND, at_once)
    if least.memory(clip) > budget.left:
        height, width = clip.size
        raise OutOfMemoryError(
            f"frames of {width}x{height} pixels take about {readable(least.memory(clip))} while they are worked on, and {budget}; "
            f"scale the clip down, or {budget.advice}"
        )
    choices = (Depths(AHEAD, BEHIND, at_once), Depths(2, 2, at_once), Depths(1, 1, at_once), Depths(1, 1, 2))
    return next((depths for depths in choices if depths.memory(clip) <= FRAMES_SHARE * budget.left), least)


def within_limit(recipe: Recipe, clip: Clip, depths: Depths) -> Recipe:
    """The recipe for a single frame: with the memory limit reduced by what the other frames take."""
    if recipe.max_memory is None or recipe.model.device.torch.type != "cpu":
        return recipe
    return replace(recipe, max_memory=max(1, recipe.max_memory - depths.memory(clip)))


def _budget(recipe: Recipe) -> Budget | None:
    if recipe.model.device.torch.type == "cpu":
        return budget_of(recipe.model.device, recipe.max_memory)
    return free_budget()


def free_budget() -> Budget | None:
    """What the host has left for frames; None where unknown."""
    free = free_host_memory()
    return None if free is None else Budget(free)
