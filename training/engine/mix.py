"""Examples: a foreground over a background with alpha, trimap and plate, drawn from one integer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.random import Generator

from mattecli.errors import InputError
from training.engine import clips, cutouts, fabrics, figures, hair, plants, plates, vapours
from training.engine.layers import Layer, Plane, as_plane, filtered, lay_over, merge, settled, thrice
from training.engine.photography import Camera, camera, lens, out_of_focus, photographed, tone
from training.engine.settings import EngineSettings
from training.engine.sources import Sources, surface
from training.engine.textures import noise
from training.engine.trimaps import trimap

# Backgrounds are made this many pixels wider on each side than the farthest shift of the plate.
MARGIN = 4
# A foreground of which less than this share of the frame is to be seen, or all of it covered, is drawn again.
LEAST_SEEN, TRIES = 0.01, 8
# So is one that is sure (0 or 1) in less than this share of the frame, for its trimap would say nothing.
LEAST_KNOWN = 0.05
# Colours that are alike are so in patches with edges this steep, of a plane from 0 to 1, and in cells of so many pixels.
ALIKE_SLOPE, COARSE = 8.0, 24


@dataclass(frozen=True)
class Example:
    """One composite and its parts: float32 of one size, colours encoded sRGB in 0..1.

    `image` [H, W, 3]; `alpha` [H, W]; `foreground` [H, W, 3], its true colours, also where alpha is low; `background` [H, W, 3], what
    really is behind, shadows included; `trimap` [H, W] of 0, 0.5, 1; `plate` [H, W, 3], the background photographed again; `kind`, that of
    the foreground, or of the nearer one of two. Before the camera's noise image = alpha foreground + (1 - alpha) background.
    """

    image: Plane
    alpha: Plane
    foreground: Plane
    background: Plane
    trimap: Plane
    plate: Plane
    kind: str


Painter = Callable[[Generator, int, Plane], Layer]
"""Makes a foreground of a size with the colours of a texture [size, size, 3]."""

PAINTERS: dict[str, Painter] = {
    "hair": hair.hair,
    "fur": hair.fur,
    "feather": plants.feather,
    "leaves": plants.leaves,
    "branches": plants.branches,
    "net": fabrics.net,
    "lace": fabrics.lace,
    "spokes": fabrics.spokes,
    "solid": fabrics.solid,
    "figure": figures.figure,
    "smoke": vapours.smoke,
    "glass": vapours.glass,
}


def draw(seed: int, *, size: int, sources: Sources, settings: EngineSettings) -> Example:
    """The example that belongs to a seed (0 or more), `size` x `size` pixels: the same arguments give the same bytes.

    Subject, scene, trimap and camera are drawn independently of each other, so another trimap setting changes the trimap alone.
    """
    to_subject, to_scene, to_trimap, to_cameras = (np.random.default_rng((seed, part)) for part in range(4))
    margin = int(np.ceil(settings.plate_shift)) + MARGIN
    wide = _background(to_scene, size + 2 * margin, sources, settings)
    subject, kind = _subject(to_subject, size, sources, settings)
    if to_scene.random() < settings.similar:
        subject = _alike(to_scene, subject, plates.cropped(wide, margin))
    develop = tone(to_scene, settings.tone)
    subject, wide = Layer(develop(subject.colours), subject.alpha), develop(wide)
    behind = plates.cropped(wide, margin)
    if to_scene.random() < settings.shadow:
        behind = plates.shaded(to_scene, behind, subject.alpha)
    taken = camera(to_cameras, noise=settings.noise, jpeg=settings.jpeg, quality=settings.quality, resample=settings.resample)
    moves = 0.0 if settings.plate_still > 0 and to_cameras.random() < settings.plate_still else 1.0
    film = _film(to_cameras, size, settings)
    if film:
        subject = settled(clips.smeared(to_cameras, subject, film[0]))
    shift, gains = plates.shift_and_gain(to_cameras, shift=moves * settings.plate_shift, gain=moves * settings.plate_gain)
    return Example(
        image=_frame(to_cameras, subject, behind, taken, *film) if film else photographed(to_cameras, lay_over(subject, behind), taken),
        alpha=subject.alpha,
        foreground=subject.colours,
        background=behind,
        trimap=trimap(to_trimap, subject.alpha, reach=(settings.trimap[0] * size, settings.trimap[1] * size), mistakes=settings.mistakes),
        plate=photographed(to_cameras, np.clip(plates.moved(wide, margin, shift) * gains, 0, 1), taken),
        kind=kind,
    )


def _film(rng: Generator, size: int, settings: EngineSettings) -> tuple[clips.Motion, clips.Codec] | None:
    """How the subject moves and what the clip is kept in, where the image shall be a frame of one."""
    if settings.clip > 0 and rng.random() < settings.clip:
        return clips.motion(rng, size), clips.codec(rng)
    return None


def _frame(rng: Generator, subject: Layer, behind: Plane, taken: Camera, motion: clips.Motion, codec: clips.Codec) -> Plane:
    """The composite as the last frame of a clip."""
    before_the_file = replace(taken, quality=0)
    frames = [photographed(rng, lay_over(layer, behind), before_the_file) for layer in clips.positions(subject, motion)]
    return clips.last_of(frames, codec)


def _background(rng: Generator, size: int, sources: Sources, settings: EngineSettings) -> Plane:
    wide = surface(rng, size, sources, made_up=settings.painted)
    return plates.softened(rng, wide) if rng.random() < settings.backdrop_blur else wide


def _subject(rng: Generator, size: int, sources: Sources, settings: EngineSettings) -> tuple[Layer, str]:
    """A foreground of which something is to be seen and something is left free, and its kind; the last try is taken as it is."""
    for _ in range(TRIES):
        kind = _kind(rng, sources, settings)
        layer = _foreground(rng, size, sources, kind)
        if rng.random() < settings.two:
            layer = merge(layer, _foreground(rng, size, sources, _kind(rng, sources, settings)))
        if rng.random() < settings.blur:
            layer = out_of_focus(rng, layer)
        layer = settled(layer)
        if LEAST_SEEN < layer.alpha.mean() < 1 - LEAST_SEEN and np.isin(layer.alpha, (0, 1)).mean() > LEAST_KNOWN:
            break
    return layer, kind


def _foreground(rng: Generator, size: int, sources: Sources, kind: str) -> Layer:
    if kind == "cutout":
        return cutouts.cutout(rng, size, sources)
    texture = surface(rng, size, sources)
    if kind == "texture":
        return cutouts.sprites(rng, size, texture, sources)
    # Cut-outs have been through a lens already.
    return filtered(PAINTERS[kind](rng, size, texture), lens(rng))


def _kind(rng: Generator, sources: Sources, settings: EngineSettings) -> str:
    """A kind of foreground by its share, of those that the sources have pictures for."""
    missing = {"cutout": not sources.cutouts, "texture": not sources.alpha_textures}
    shares = {kind: share for kind, share in settings.shares.items() if share > 0 and not missing.get(kind)}
    if not shares:
        raise InputError(f"there are no pictures for {', '.join(settings.shares)}; give other sources, or kinds that need none a share")
    return str(rng.choice(list(shares), p=np.array(list(shares.values())) / sum(shares.values())))


def _alike(rng: Generator, layer: Layer, behind: Plane) -> Layer:
    """The layer with colours moved towards the background's: the hard case. Its average, or what is coarse of it towards what is coarse
    right behind, in patches or everywhere: clothes of the wall's colour, which keep their own texture."""
    if rng.random() < 0.5:
        own = np.array(cv2.mean(layer.colours * thrice(layer.alpha))[:3]) / max(float(layer.alpha.mean()), 1e-6)
        step = rng.uniform(0.4, 0.85) * (behind.mean(axis=(0, 1)) - own)
    else:
        size = len(layer.alpha)
        where = np.ones_like(layer.alpha)
        if rng.random() < 0.5:
            where = np.clip(ALIKE_SLOPE * (noise(rng, size, cells=5, octaves=1) - 0.5), 0, 1)
        step = rng.uniform(0.4, 1.0) * thrice(where) * (_coarse(behind) - _coarse(layer.colours))
    return Layer(np.clip(layer.colours + step, 0, 1).astype(np.float32), layer.alpha)


def _coarse(colours: Plane) -> Plane:
    """What is left of colours in cells of COARSE pixels."""
    size = len(colours)
    small = cv2.resize(colours, (max(size // COARSE, 2),) * 2, interpolation=cv2.INTER_AREA)
    return as_plane(cv2.resize(small, (size, size), interpolation=cv2.INTER_LINEAR))
