"""MobileNetV2, the part that several networks start from.

Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks", CVPR 2018 (arXiv 1801.04381), table 2.
"""

from torch import Tensor, nn


def norm_relu6(channels: int) -> list[nn.Module]:
    return [nn.BatchNorm2d(channels), nn.ReLU6()]


class InvertedResidual(nn.Module):
    """Widen by `expansion`, filter each channel alone, narrow."""

    def __init__(self, channels: int, width: int, *, stride: int, expansion: int, dilation: int = 1) -> None:
        super().__init__()
        hidden = channels * expansion
        widen = [nn.Conv2d(channels, hidden, 1, bias=False), *norm_relu6(hidden)] if expansion > 1 else []
        depthwise = [nn.Conv2d(hidden, hidden, 3, stride, dilation, dilation, hidden, bias=False), *norm_relu6(hidden)]
        self.conv = nn.Sequential(*widen, *depthwise, nn.Conv2d(hidden, width, 1, bias=False), nn.BatchNorm2d(width))
        self.residual = stride == 1 and channels == width

    def forward(self, features: Tensor) -> Tensor:
        result: Tensor = self.conv(features)
        return features + result if self.residual else result


def mobilenet_blocks(channels: int, *, dilated: bool = False) -> list[nn.Module]:
    """The first convolution, for an input of `channels`, and the 17 inverted residuals.

    Features leave block 1 at 1/2 of the input's size (16 channels), 3 at 1/4 (24), 6 at 1/8 (32), 13 at 1/16 (96) and 17 at 1/32
    (320). With `dilated` the last four blocks stay at 1/16 and look twice as far instead.
    """
    stages = ((16, 1, 1), (24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2), (320, 1, 1))
    layout = [(width, stride if repeat == 0 else 1) for width, repeats, stride in stages for repeat in range(repeats)]
    blocks: list[nn.Module] = [nn.Sequential(nn.Conv2d(channels, 32, 3, 2, 1, bias=False), *norm_relu6(32))]
    channels = 32
    for index, (width, stride) in enumerate(layout, start=1):
        stride = 1 if dilated and index == 14 else stride
        dilation = 2 if dilated and index > 14 else 1
        blocks.append(InvertedResidual(channels, width, stride=stride, expansion=1 if index == 1 else 6, dilation=dilation))
        channels = width
    return blocks
