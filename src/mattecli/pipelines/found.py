"""Assessment of a matte: its coverage, the model's confidence, and doubts for the user."""

from collections import Counter
from dataclasses import dataclass, field

from torch import Tensor

from mattecli.core.finder.subject_box import Box
from mattecli.pipelines.tensors import Matted

VISIBLE, FAINT = 0.5, 0.1
"""Alphas above the first count as the subject. A matte with none above the second is empty."""

ALL_BUT_NOTHING, ALL_BUT_ALL = 0.001, 0.999
"""Mean alphas below and above which a matte is implausible."""

SURE, SURE_OF_A_PERSON = 0.5, 0.75
"""A verdict below the first means no subject, from the second on a person. Between the two, dogs and people overlap."""

HAZY = 0.33
"""A coarse matte with more haze than this is a guess: of 63 photos with a subject those that were found are below 0.29, of backgrounds and
plates, which have none, those that came out undecided are above 0.37."""

UNLIKE_A_PERSON, LEFT_OUT = 0.6, 0.6
"""A finder's verdict below the first, of whose subject a network for people keeps less than the second: that is hardly a person. Neither
says so alone: of 33 photos of people the verdict is below 0.6 in 12, and a network may lose a dark coat."""


@dataclass(frozen=True)
class Found:
    """coverage: the share of alphas above 0.5. confidence, person: the probabilities of a subject and of a person, 0 to 1; None where
    neither the model nor its finder gives a verdict. box: the part that a model with a finder was given, else None."""

    coverage: float
    confidence: float | None = None
    person: float | None = None
    box: Box | None = None

    def __str__(self) -> str:
        """A sentence for the user."""
        covered = f"covers {100 * self.coverage:.0f} %" if self.coverage >= 0.005 else f"covers {100 * self.coverage:.1f} %"
        if self.confidence is None or self.person is None:
            return f"found something that {covered} of the picture"
        kind, sure = ("a person", self.person) if self.person >= SURE_OF_A_PERSON else ("a subject", self.confidence)
        where = f" within {self.box}" if self.box is not None else ""
        return f"found {kind} ({100 * min(sure, self.confidence):.0f} % sure){where}, {covered} of the picture"


def found(cover: Tensor, verdict: Tensor | None, box: Box | None = None) -> Found:
    """The assessment of the mattes [B, 1, H, W] of one picture, with a model's verdict ([1, 2], see core/contract.py) or None."""
    coverage = int((cover > VISIBLE).count_nonzero()) / cover.numel()
    if verdict is None:
        return Found(coverage)
    confidence, person = (float(value) for value in verdict[0])
    return Found(coverage, confidence, person, box)


def doubts(cover: Tensor, verdict: Tensor | None = None, *, guided: bool = False) -> tuple[str, ...]:
    """Warnings about an implausible matte [1, 1, H, W]; guided: whether the model was given a guide."""
    other = "" if verdict is not None else "use the model subject, or "
    advice = "check the guide" if guided else f"{other}give a trimap, strokes or a mask"
    most, share = float(cover.max()), float(cover.mean())
    if most <= FAINT:
        return (f"nothing was found, the result is empty; {advice}",)
    if most <= VISIBLE:
        return (f"nothing is more than half visible in the result; {advice}",)
    if share < ALL_BUT_NOTHING:
        return (f"the matte is all but empty; {advice}",)
    if share > ALL_BUT_ALL:
        return (f"the matte covers the whole picture, no background was found; {advice}",)
    if verdict is not None and float(verdict[0, 0]) < SURE:
        return (f"it is unlikely that there is a subject ({100 * float(verdict[0, 0]):.0f} % sure); {advice}",)
    return ()


def unlikely(matted: Matted) -> tuple[str, ...]:
    """A warning where a matte is plausible by itself but contradicts the verdict of its model or of its finder."""
    if matted.haze is not None and matted.haze > HAZY:
        return ("it is unlikely that there is a subject, the matte is undecided all over; give a trimap, strokes or a mask",)
    return _no_person(matted)


def _no_person(matted: Matted) -> tuple[str, ...]:
    """A warning where a network for people leaves out much of what its finder found and hardly takes for a person."""
    if matted.framed is None or matted.verdict is None:
        return ()
    if float(matted.verdict[0, 1]) >= UNLIKE_A_PERSON or matted.framed.kept >= LEFT_OUT:
        return ()
    return ("much of what was found is left out, so it may be no person; use the model subject, or give a trimap, strokes or a mask",)


@dataclass
class Seen:
    """Collects the assessments of a clip's mattes; guided: whether its model is given a guide."""

    guided: bool
    frames: int = 0
    covered: float = 0.0
    doubtful: Counter[str] = field(default_factory=Counter)

    def look_at(self, matted: Matted) -> None:
        self.frames += 1
        self.covered += found(matted.cover, None).coverage
        self.doubtful.update((*matted.notes, *(doubts(matted.alpha, guided=self.guided) or unlikely(matted))))

    @property
    def coverage(self) -> float:
        """The share of the picture that shows the subject, on average."""
        return self.covered / self.frames if self.frames else 0.0

    @property
    def doubt(self) -> tuple[str, ...]:
        """The doubts about mattes, with their numbers of frames."""
        return tuple(f"in {count} frame{'s' if count > 1 else ''} {doubt}" for doubt, count in self.doubtful.items())
