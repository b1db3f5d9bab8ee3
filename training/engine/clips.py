"""Simulated video compression and motion blur of a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import av
import cv2
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.random import Generator

from training.engine.layers import Layer, Plane, as_plane, filtered
from training.engine.photography import streak

SPEED = 0.006, 0.1
"""The least and most that a subject moves from a frame to the next, as a share of the side."""

BEFORE = 2
"""So many frames come before the one that is kept."""


@dataclass(frozen=True)
class Codec:
    """An encoder, and how much it may lose: the quantiser of MPEG-4 part 2 (2..31), the rate factor of H.264 (0..51)."""

    name: str
    loss: int


@dataclass(frozen=True)
class Encoder:
    """What decodes its packets, and the least and most that it loses: from hardly to be seen to plainly in blocks."""

    decoder: str
    least: int
    most: int


ENCODERS = {"mpeg4": Encoder("mpeg4", 2, 14), "libx264": Encoder("h264", 16, 34)}


def codec(rng: Generator) -> Codec:
    """A random encoder, half of the time each."""
    name = str(rng.choice(list(ENCODERS)))
    return Codec(name, int(rng.integers(ENCODERS[name].least, ENCODERS[name].most, endpoint=True)))


@dataclass(frozen=True)
class Motion:
    """How far a subject moves from a frame to the next, in pixels, and for what share of that time the shutter is open."""

    across: float
    down: float
    shutter: float


def motion(rng: Generator, size: int) -> Motion:
    """A random motion, slow ones as often as fast ones."""
    length, turn = size * np.exp(rng.uniform(*np.log(SPEED))), rng.uniform(0, 2 * np.pi)
    return Motion(float(length * np.cos(turn)), float(length * np.sin(turn)), float(rng.uniform(0.3, 1.0)))


def smeared(rng: Generator, layer: Layer, motion: Motion) -> Layer:
    """The layer as it moves while a shutter is open."""
    length = motion.shutter * np.hypot(motion.across, motion.down)
    return filtered(layer, streak(rng, length, float(np.arctan2(motion.down, motion.across))))


def positions(layer: Layer, motion: Motion) -> list[Layer]:
    """Where the layer was in the frames before, and where it is."""
    return [_moved(layer, -ago * motion.across, -ago * motion.down) for ago in range(BEFORE, 0, -1)] + [layer]


def _moved(layer: Layer, across: float, down: float) -> Layer:
    onto, size = np.array([[1, 0, across], [0, 1, down]]), layer.alpha.shape[::-1]
    colours, alpha = (
        as_plane(cv2.warpAffine(plane, onto, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))
        for plane in (layer.colours, layer.alpha)
    )
    return Layer(colours, alpha)


def last_of(frames: Sequence[Plane], codec: Codec) -> Plane:
    """The last frame of a clip as its file shows it, [H, W, 3] in 0..1: 4:2:0, each frame predicted from the one before."""
    height, width = frames[0].shape[:2]
    encoder = _encoder(codec, width + width % 2, height + height % 2)
    decoder = cast(VideoCodecContext, av.CodecContext.create(ENCODERS[codec.name].decoder, "r"))
    packets = [packet for frame in frames for packet in encoder.encode(_frame(frame))] + list(encoder.encode(None))
    shown = [frame for packet in packets for frame in decoder.decode(packet)] + list(decoder.decode(None))
    return as_plane(shown[-1].to_ndarray(format="rgb24")[:height, :width]) / np.float32(255)


def _encoder(codec: Codec, width: int, height: int) -> VideoCodecContext:
    encoder = cast(VideoCodecContext, av.CodecContext.create(codec.name, "w"))
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.thread_count = Fraction(25), 1  # a thread more, and the bytes depend on their luck
    if codec.name == "mpeg4":
        encoder.qmin = encoder.qmax = codec.loss
    else:
        encoder.options = {"crf": str(codec.loss), "preset": "veryfast", "bf": "0"}
    return encoder


def _frame(picture: Plane) -> av.VideoFrame:
    height, width = picture.shape[:2]
    levels = np.rint(picture.clip(0, 1) * 255).astype(np.uint8)
    return av.VideoFrame.from_ndarray(np.pad(levels, ((0, height % 2), (0, width % 2), (0, 0)), "edge"), format="rgb24")
