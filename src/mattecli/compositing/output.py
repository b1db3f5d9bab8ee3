"""Kinds of results: a cut-out, the alpha, the foreground, or a composite over a backdrop. No torch."""

from dataclasses import dataclass, field

from mattecli.compositing.backdrop import Backdrop
from mattecli.compositing.srgb import SRGB, Encoding
from mattecli.core.memo import LastByIdentity
from mattecli.errors import UsageError
from mattecli.io.pictures.file_options import PLAIN, FileOptions
from mattecli.requests.pictures import WHOLE, Framing

KINDS = ("cutout", "alpha", "foreground", "composite")


@dataclass(frozen=True)
class OutputOptions:
    """The options of the results of a run.

    kind: cutout (RGBA, straight alpha) | alpha | foreground | composite. backdrop: what a composite is laid over; None is white.
    linear: mix light, as a lens does; False mixes encoded values. decontaminate: take the old background out of the colours.
    keep_hidden: leave the picture's own colours where a cut-out's alpha is 0; else nothing of what was removed is in it. premultiplied:
    multiply a cut-out's colours by its alpha, as 8-bit formats and editors do it: the encoded values. encoding: of the colours and of what
    the backdrop gives. file: how a picture is stored. framing: what part of a result is shown, and how large. invert: the
    background instead of the subject.
    Raises UsageError for settings that do not go together.
    """

    kind: str = "cutout"
    backdrop: Backdrop | None = None
    linear: bool = True
    decontaminate: bool = True
    keep_hidden: bool = False
    premultiplied: bool = False
    encoding: Encoding = SRGB
    file: FileOptions = PLAIN
    framing: Framing = WHOLE
    invert: bool = False
    converted: LastByIdentity = field(default_factory=LastByIdentity, compare=False, repr=False)  # backdrops as integers and on devices

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"{self.kind!r} is no kind of result; choose {', '.join(KINDS)}")
        if self.backdrop is not None and self.kind != "composite":
            raise UsageError(f"a backdrop lies behind a composite, so it does not go with {self.kind!r}; leave it out")
        if self.keep_hidden and not self.framing.is_plain:
            raise UsageError("hidden colours are kept where nothing is cut or scaled; leave out one of both")
        if self.keep_hidden and self.kind != "cutout":
            raise UsageError(f"hidden colours are kept in cut-outs, so that does not go with {self.kind!r}; leave it out")
        if self.premultiplied and (self.kind != "cutout" or self.keep_hidden):
            raise UsageError("premultiplied colours are a cut-out's, and hide what its alpha hides; leave out premultiplied, or the rest")
        if self.kind in ("alpha", "foreground") and not self.decontaminate:
            raise UsageError(f"decontaminate is about cut-outs and composites, so it does not go with {self.kind!r}; leave it out")


CUTOUT = OutputOptions()
