"""What was seen of the mattes of a clip: how much they cover, and what makes them doubtful."""

from collections import Counter
from dataclasses import dataclass, field

from mattecli.pipelines.matte import doubts
from mattecli.pipelines.tensors import Matted


@dataclass
class Seen:
    """What was seen of the mattes of a clip, frame by frame."""

    frames: int = 0
    covered: float = 0.0
    doubtful: Counter[str] = field(default_factory=Counter)

    def look_at(self, matted: Matted) -> None:
        self.frames += 1
        self.covered += float(matted.cover.mean())
        self.doubtful.update((*matted.notes, *doubts(matted.alpha)))

    @property
    def coverage(self) -> float:
        """The share of the picture that shows the subject, on average."""
        return self.covered / self.frames if self.frames else 0.0

    @property
    def doubt(self) -> tuple[str, ...]:
        """How often each doubt about a matte came up."""
        return tuple(f"in {count} frame{'s' if count > 1 else ''} {doubt}" for doubt, count in self.doubtful.items())
