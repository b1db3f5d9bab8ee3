"""Interlaced frames, which hold two moments in alternate rows, made whole by FFmpeg's bwdif: as many frames come out as go in."""

from collections.abc import Iterable, Iterator
from fractions import Fraction

import av
from av.filter import Graph


def deinterlaced(frames: Iterable[av.VideoFrame], tick: Fraction) -> Iterator[av.VideoFrame]:
    """The frames, each with the moment of its first field; progressive ones among interlaced ones stay as they are.

    Where none says that it is interlaced all are taken for that, since somebody asked. tick: seconds of the time stamps going in, which
    come out alike.
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
    """What a filter still holds."""
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
    """What is ready, its time stamps in the ticks that went in: the filter counts half ones."""
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
