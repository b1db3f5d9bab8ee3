"""GIF's frames of 256 colours, one of them transparent, with a palette for each frame, by FFmpeg."""

from fractions import Fraction

import av
from av.filter import Graph
from av.video.format import VideoFormat

_TICK = Fraction(1, 1000)


class Quantiser:
    """Called with frames in bgra: each gets its own palette, with dithering. Pixels of at least half opacity become opaque."""

    def __init__(self, size: tuple[int, int]) -> None:
        self._graph = _graph(*size)

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        pts, time_base = frame.pts, frame.time_base
        frame.pts, frame.time_base = 0, _TICK
        self._graph.vpush(frame)
        quantised = self._graph.vpull()
        quantised.pts = pts
        if time_base is not None:
            quantised.time_base = time_base
        return quantised


def _graph(height: int, width: int) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=width, height=height, format=VideoFormat("bgra", width, height), time_base=_TICK)
    split, sink = graph.add("split"), graph.add("buffersink")
    find = graph.add("palettegen", "stats_mode=single:reserve_transparent=1")
    use = graph.add("paletteuse", "new=1:alpha_threshold=128")
    source.link_to(split)
    split.link_to(find, 0, 0)
    split.link_to(use, 1, 0)
    find.link_to(use, 0, 1)
    use.link_to(sink)
    graph.configure()
    return graph
