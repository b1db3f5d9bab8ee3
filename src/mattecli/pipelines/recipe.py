"""How the mattes of a run are made."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mattecli.core.contract import Tunable
from mattecli.core.runtime import LoadedModel
from mattecli.guides.choose import ModelChoice
from mattecli.requests.quality import BEST


@dataclass(frozen=True)
class Recipe:
    """The models of a run, and how they are called.

    refiner: the trimap model that refines coarse mattes, or None. options: tunables of the model, by name. max_memory: the limit in bytes
    for this process, or for the device; None for no limit. tell: called with the expected peak for each new size.
    quality: how coarse mattes are refined, one of QUALITIES.
    """

    choice: ModelChoice
    model: LoadedModel
    refiner: LoadedModel | None = None
    options: Mapping[str, Tunable] = field(default_factory=dict)
    max_memory: int | None = None
    tell: Callable[[str], None] = lambda text: None
    quality: str = BEST
