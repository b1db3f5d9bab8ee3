"""How many frames of a clip may be in work at the same time, judged by their size and the memory there is before they are made."""

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
# The share of the memory left that frames may take while more than one is in work; the network needs the rest.
FRAMES_SHARE = 0.4


@dataclass(frozen=True)
class Depths:
    """How many frames are read ahead, wait to be written, and are matted at once."""

    ahead: int
    behind: int
    at_once: int

    def memory(self, clip: Clip) -> int:
        """Bytes of the host's memory that the frames take, at most."""
        pixels = clip.size[0] * clip.size[1]
        decoded = (4 if clip.alpha else 3) * (1 if clip.top == 255 else 2) * (2 if clip.colour.hdr else 1)
        # Beside those that wait, one is being read, one is handed over, and one more is begun than is matted at once.
        return pixels * ((self.ahead + 2) * decoded + (self.behind + self.at_once + 2) * MATTED + ENCODED)


USUAL = Depths(AHEAD, BEHIND, 1)


def depths_for(clip: Clip, recipe: Recipe) -> Depths:
    """The depths for matting a clip, as depths_within has them, within the recipe's limit on memory."""
    return depths_within(clip, _budget(recipe), frames_at_once(recipe.model.device))


def depths_within(clip: Clip, budget: Budget | None, at_once: int = 1) -> Depths:
    """The usual depths where the clip's frames fit into memory, and fewer where they are large.

    Raises OutOfMemoryError where not even one frame after the other fits.
    """
    least = Depths(1, 1, 1)
    if budget is None:
        return Depths(AHEAD, BEHIND, at_once)
    if least.memory(clip) > budget.left:
        height, width = clip.size
        raise OutOfMemoryError(
            f"frames of {width}x{height} pixels take about {readable(least.memory(clip))} while they are worked on, and {budget}; "
            "scale the clip down"
        )
    choices = (Depths(AHEAD, BEHIND, at_once), Depths(2, 2, at_once), Depths(1, 1, at_once), Depths(1, 1, 2))
    return next((depths for depths in choices if depths.memory(clip) <= FRAMES_SHARE * budget.left), least)


def within_limit(recipe: Recipe, clip: Clip, depths: Depths) -> Recipe:
    """The recipe for one frame of a clip: of a limit on the process's memory, its frames take their part."""
    if recipe.max_memory is None or recipe.model.device.torch.type != "cpu":
        return recipe
    return replace(recipe, max_memory=max(1, recipe.max_memory - depths.memory(clip)))


def _budget(recipe: Recipe) -> Budget | None:
    if recipe.model.device.torch.type == "cpu":
        return budget_of(recipe.model.device, recipe.max_memory)
    return free_budget()


def free_budget() -> Budget | None:
    """What the host has left for frames; None where nobody knows."""
    free = free_host_memory()
    return None if free is None else Budget(free)
