"""The layers of an EXR file: channels whose names agree up to the last dot, in each of its parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mattecli.errors import InputError

_COLOURS = (("R", "G", "B"), ("RED", "GREEN", "BLUE"))
_ALPHA = ("A", "ALPHA")
_GREY = ("Y",)
_MAIN = ("", "rgba", "rgb", "beauty", "combined", "color", "main")
NAMED = 8


@dataclass(frozen=True)
class Layer:
    """A layer that is a picture. name: of the layer, "" for plain R, G, B. part: the part's index, and its own name.

    channels: indices in the part: red, green, blue or grey, then alpha where there is one.
    """

    name: str
    part: int
    part_name: str
    channels: tuple[int, ...]

    @property
    def called(self) -> str:
        """Its name for the user: the layer's name, or of plain channels the part's."""
        return self.name or self.part_name or "RGB"

    def answers(self, wanted: str) -> bool:
        """Whether a name matches: its own, its part's, or both with a dot between."""
        names = {self.called, self.name, self.part_name, f"{self.part_name}.{self.name}"} - {""}
        return wanted.lower() in {name.lower() for name in names}


def layers_of(picture: Any) -> list[Layer]:
    """The layers of an opened file that are pictures, of all its parts."""
    layers, part = [], 0
    while picture.seek_subimage(part, 0):
        spec = picture.spec()
        part_name = str(spec.getattribute("oiio:subimagename") or "")
        layers += _layers_in(list(spec.channelnames), part, part_name)
        part += 1
    return layers


def choose_layer(layers: Sequence[Layer], wanted: str | None, name: str) -> tuple[Layer, tuple[str, ...]]:
    """The layer of a name, or the main one, and notes for the user. InputError where it is not in the file called `name`."""
    if not layers:
        raise InputError(f"{name} holds no RGB and no grey channel; give a file with colours")
    listing = ", ".join(dict.fromkeys(layer.called for layer in layers[:NAMED])) + ("..." if len(layers) > NAMED else "")
    if wanted is not None:
        found = next((layer for layer in layers if layer.answers(wanted)), None)
        if found is None:
            raise InputError(f"{name} has no layer {wanted} with colours; choose one of {listing}")
        return found, ()
    chosen = min(layers, key=_rank)
    if len(layers) == 1:
        return chosen, ()
    return chosen, (f"it has the layers {listing}, of which {chosen.called} is taken; choose another with `layer`",)


def _rank(layer: Layer) -> tuple[bool, int, int]:
    """Sort key: colours before greys; plain channels, then layers with a main picture's usual names, then others; then the file's order."""
    last = layer.name.lower().rpartition(".")[2]
    return len(layer.channels) < 3, _MAIN.index(last) if last in _MAIN else len(_MAIN), layer.part


def _layers_in(names: Sequence[str], part: int, part_name: str) -> list[Layer]:
    by_layer: dict[str, dict[str, int]] = {}
    for index, name in enumerate(names):
        layer, _, channel = name.rpartition(".")
        by_layer.setdefault(layer, {})[channel.upper()] = index
    found = ((layer, _picture_channels(channels)) for layer, channels in by_layer.items())
    return [Layer(layer, part, part_name, channels) for layer, channels in found if channels]


def _picture_channels(channels: dict[str, int]) -> tuple[int, ...]:
    alpha = tuple(channels[name] for name in _ALPHA if name in channels)[:1]
    for colours in (*_COLOURS, _GREY):
        if all(name in channels for name in colours):
            return (*(channels[name] for name in colours), *alpha)
    return alpha
