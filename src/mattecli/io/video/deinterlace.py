"""Deinterlacing by FFmpeg's bwdif, one frame out for each frame in."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.filter import Graph


def deinterlaced(frames: Iterable[av.VideoFrame], tick: Fraction) -> Iterator[av.VideoFrame]:
    """The frames, each showing its first field; progressive frames among interlaced ones are unchanged.

    Where no frame is flagged as interlaced, all are treated as such, because deinterlacing was requested. tick: seconds per tick of the
    time stamps, which are kept.
    """
    graph: Graph | None = None
    kind: tuple[int, int, str] | None = None
    for frame in frames:
        if graph is None or kind != (frame.width, frame.height, frame.format.name):
            yield from _finished(graph, tick)
            graph = _graph(frame, tick, only_flagged=frame.interlaced_frame)
            kind = (frame.width, frame.height, frame.format.name)
        frame.time_base = tick
        graph.vpush(frame)
        yield from _pulled(graph, tick)
    yield from _finished(graph, tick)


def _finished(graph: Graph | None, tick: Fraction) -> Iterator[av.VideoFrame]:
    """The filter's remaining frames."""
    if graph is not None:
        graph.vpush(None)
        yield from _pulled(graph, tick)


def _graph(frame: av.VideoFrame, tick: Fraction, *, only_flagged: bool) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=tick)
    weave = graph.add("bwdif", f"mode=send_frame:parity=auto:deint={'interlaced' if only_flagged else 'all'}")
    sink = graph.add("buffersink")
    source.link_to(weave)
    weave.link_to(sink)
    graph.configure()
    return graph


def _pulled(graph: Graph, tick: Fraction) -> Iterator[av.VideoFrame]:
    """The filter's available frames, with time stamps in the input's ticks, because the filter uses half ticks."""
    while True:
        try:
            frame = graph.vpull()
        except (av.BlockingIOError, av.EOFError):
            return
        if frame.pts is not None and frame.time_base is not None:
            factor = frame.time_base / tick
            frame.pts, frame.duration = round(frame.pts * factor), round((frame.duration or 0) * factor)
            frame.time_base = tick
        yield frame
