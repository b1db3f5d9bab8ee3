"""Simulated lens, sensor and JPEG compression of a batch of pictures, on the device: tensors [B, 3, H, W], encoded sRGB in 0..1.

The same steps as engine/photography.py, which does them to one picture with OpenCV; here each is done to all pictures at once, with
settings [B, 1, 1, 1] that differ from picture to picture.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from training.engine import EngineSettings
from training.random_numbers import Random
from training.scenes import LUMA

SHARPENED_AT = 0.8
"""Standard deviation, in pixels, of what is taken away or added in sharpening."""

# ITU-T T.81, tables K.1 and K.2: quantisation steps of luma and chroma at quality 50.
LUMA_STEPS = (
    (16, 11, 10, 16, 24, 40, 51, 61),
    (12, 12, 14, 19, 26, 58, 60, 55),
    (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62),
    (18, 22, 37, 56, 68, 109, 103, 77),
    (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101),
    (72, 92, 95, 98, 112, 100, 103, 99),
)
CHROMA_STEPS = (
    (17, 18, 24, 47, 99, 99, 99, 99),
    (18, 21, 26, 66, 99, 99, 99, 99),
    (24, 26, 56, 99, 99, 99, 99, 99),
    (47, 66, 99, 99, 99, 99, 99, 99),
    *((99,) * 8,) * 4,
)


@dataclass(frozen=True)
class Tones:
    """Ways to develop photographs, one for each picture: gains [B, 3, 1, 1], powers, contrasts around mid-grey and saturations."""

    gains: Tensor
    power: Tensor
    contrast: Tensor
    saturation: Tensor

    def __call__(self, picture: Tensor) -> Tensor:
        developed = (picture * self.gains).clamp(1e-6, 1.0) ** self.power
        grey = _weighed(developed, LUMA)
        return ((grey + self.saturation * (developed - grey) - 0.5) * self.contrast + 0.5).clamp(0.0, 1.0)


def tones(random: Random, strength: float) -> Tones:
    """Random ones; a strength of 0 leaves pictures as they are."""
    gains = random.normal(0.05, 3) + random.normal(0.12, 1)
    return Tones(*(torch.exp(strength * wander) for wander in (gains, random.normal(0.15), random.normal(0.1), random.normal(0.2))))


@dataclass(frozen=True)
class Cameras:
    """What happens to each picture on its way into a file: sharpened (or softened, below 0), noise of so much at mid-grey, and JPEG
    of a quality, 0 for none."""

    sharpening: Tensor
    noise: Tensor
    quality: Tensor

    def __call__(self, picture: Tensor, random: Random, *, noise: Tensor | float = 1.0) -> Tensor:
        """Pictures as their 8-bit files show them; `noise` is a factor of the camera's noise, which is drawn anew each time."""
        picture = picture + self.sharpening * (picture - blurred(picture, SHARPENED_AT))
        # Read noise, and shot noise, whose variance grows with the light (Foi and others 2008).
        grains = random.noise(picture) * (0.3 + 1.4 * picture.clamp(0.0, 1.0)).sqrt()
        picture = (picture + noise * self.noise * grains).clamp(0.0, 1.0)
        return torch.where(self.quality > 0, compressed(picture, self.quality.clamp(min=1.0)), picture).mul(255.0).round() / 255.0


def cameras(random: Random, settings: EngineSettings) -> Cameras:
    """Random ones."""
    sharpening = random.uniform(-0.6, 0.8) * random.bernoulli(settings.resample)
    return Cameras(sharpening, random.uniform(*settings.noise), random.uniform(55.0, 98.0) * random.bernoulli(settings.jpeg))


def blurred(picture: Tensor, sigma: float) -> Tensor:
    """Pictures under a Gaussian of so many pixels, edges repeated."""
    reach = max(1, round(3.0 * sigma))
    places = torch.arange(-reach, reach + 1, device=picture.device, dtype=picture.dtype)
    taps = torch.exp(-places.square() / (2.0 * sigma**2))
    taps = (taps / taps.sum()).expand(picture.shape[1], 1, 1, -1)
    padded = F.pad(picture, [reach, reach, reach, reach], mode="replicate")
    across = F.conv2d(padded, taps, groups=picture.shape[1])
    return F.conv2d(across, taps.transpose(2, 3), groups=picture.shape[1])


def compressed(picture: Tensor, quality: Tensor) -> Tensor:
    """Pictures as JPEG files of a quality [B, 1, 1, 1] (1..100, on libjpeg's scale) show them, chroma at half the size (4:2:0)."""
    height, width = picture.shape[2:]
    padded = F.pad(picture, [0, -width % 16, 0, -height % 16], mode="replicate") * 255.0
    luma = _weighed(padded, LUMA)
    blue, red = (padded[:, 2:] - luma) * (0.5 / (1 - LUMA[2])), (padded[:, :1] - luma) * (0.5 / (1 - LUMA[0]))
    scale = torch.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality) / 100.0
    luma = _quantised(luma - 128.0, LUMA_STEPS, scale) + 128.0
    chroma = _quantised(F.avg_pool2d(torch.cat((blue, red), 1), 2), CHROMA_STEPS, scale)
    blue, red = F.interpolate(chroma, scale_factor=2.0, mode="bilinear", align_corners=False).split(1, 1)
    red, blue = luma + red * (2 * (1 - LUMA[0])), luma + blue * (2 * (1 - LUMA[2]))
    green = (luma - LUMA[0] * red - LUMA[2] * blue) / LUMA[1]
    return (torch.cat((red, green, blue), 1)[:, :, :height, :width] / 255.0).clamp(0.0, 1.0)


def _quantised(plane: Tensor, table: tuple[tuple[int, ...], ...], scale: Tensor) -> Tensor:
    """Planes [B, C, H, W] through the cosine transform of their 8 x 8 blocks and back, coefficients rounded to the table's steps."""
    steps = (torch.tensor(table, device=plane.device, dtype=plane.dtype) * scale + 0.5).floor().clamp(1.0, 255.0)[:, :, None, :, None]
    batch, channels, height, width = plane.shape
    blocks = plane.reshape(batch, channels, height // 8, 8, width // 8, 8)
    cosines = _cosines(plane)
    waves = torch.einsum("ij,bchjwk,lk->bchiwl", cosines, blocks, cosines)
    steps = steps.reshape(batch, 1, 1, 8, 1, 8)
    rounded = (waves / steps).round() * steps
    return torch.einsum("ij,bchiwl,lk->bchjwk", cosines, rounded, cosines).reshape(plane.shape)


def _cosines(like: Tensor) -> Tensor:
    """The orthonormal cosine transform of 8 samples: [8 frequencies, 8 places]."""
    places = torch.arange(8, device=like.device, dtype=like.dtype)
    waves = torch.cos((2.0 * places + 1.0) * places[:, None] * (torch.pi / 16.0)) / 2.0
    waves[0] *= 0.5**0.5
    return waves


def _weighed(picture: Tensor, weights: tuple[float, float, float]) -> Tensor:
    """The weighted sum of red, green and blue, [B, 1, H, W]."""
    return weights[0] * picture[:, :1] + weights[1] * picture[:, 1:2] + weights[2] * picture[:, 2:]
