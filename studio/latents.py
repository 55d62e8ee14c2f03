"""Between pixels and latents: encoding and decoding with a margin, for every latent U-Net of diffusers.

The decode rule. Convolutional autoencoders are weakest at the border, where their zero padding shows (the
default model's paints the last two pixels of the bottom-right corner white). So both ways the picture is
extended by a margin of `MARGIN` latents on each side, by repeating its edge; the margin goes through the
network in the border's place and is cut off again. The rule depends on nothing but the autoencoder's scale
factor, and costs about (1 + 2*MARGIN/64)^2 - 1 = 13 % of a decode at 512 px, one or two hundredths of a
painting.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from studio.picture import Pixels

if TYPE_CHECKING:
    import torch

MARGIN = 2
"""Latents repeated on each side before the autoencoder; 16 pixels at the usual scale factor of 8."""

PREVIEW_SIDE = 128
"""Longest side of a preview, in pixels."""


def speaks_latents(pipeline: Any) -> bool:
    """Whether the rule applies: a U-Net over four-dimensional latents. Other pipelines decode for
    themselves.
    """
    return getattr(pipeline, "unet", None) is not None and getattr(pipeline, "vae", None) is not None


def decode(pipeline: Any, latents: torch.Tensor, margin: int = MARGIN) -> Pixels:
    """Scaled latents (1, c, h, w) to pixels (h*f, w*f, 3), f being the autoencoder's scale factor."""
    import torch

    cut = margin * pipeline.vae_scale_factor
    with torch.no_grad():
        padded = torch.nn.functional.pad(_unscaled(pipeline.vae, latents), (margin,) * 4, mode="replicate")
        image = pipeline.vae.decode(padded, return_dict=False)[0][0, :, cut:-cut, cut:-cut]
        return _to_pixels(image)


def encode(pipeline: Any, image: Image.Image) -> torch.Tensor:
    """An RGB picture whose sides divide by f to scaled latents (1, c, h/f, w/f); the mode of a posterior, no
    draw.
    """
    import torch

    cut = MARGIN * pipeline.vae_scale_factor
    with torch.no_grad():
        array = torch.from_numpy(np.asarray(image, np.float32) / 127.5 - 1).permute(2, 0, 1)[None]
        padded = torch.nn.functional.pad(array, (cut,) * 4, mode="replicate").to(pipeline.vae.dtype)
        encoded = pipeline.vae.encode(padded)
        latents = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
        return _scaled(pipeline.vae, latents[..., MARGIN:-MARGIN, MARGIN:-MARGIN])


def preview(pipeline: Any, latents: torch.Tensor) -> Image.Image:
    """A small picture, at most PREVIEW_SIDE a side, of scaled latents: they are shrunk before they are
    decoded.
    """
    import torch

    most = PREVIEW_SIDE // pipeline.vae_scale_factor
    height, width = latents.shape[-2:]
    shrink = max(1.0, max(height, width) / most)
    size = (max(1, int(height / shrink)), max(1, int(width / shrink)))
    with torch.no_grad():
        small = torch.nn.functional.interpolate(latents.float(), size=size, mode="area")
    return Image.fromarray(decode(pipeline, small.to(latents.dtype), margin=1))


def estimate(pipeline: Any, latents: torch.Tensor) -> torch.Tensor:
    """The scheduler's current estimate of the finished latents where it keeps one, else the noisy latents.

    Multistep solvers of the dpmsolver++ kind hold the converted model output, which is that estimate.
    """
    scheduler = pipeline.scheduler
    if str(getattr(scheduler.config, "algorithm_type", "")).endswith("dpmsolver++"):
        outputs = [output for output in getattr(scheduler, "model_outputs", []) if output is not None]
        if outputs and outputs[-1].shape == latents.shape:
            return outputs[-1]
    return latents


def _to_pixels(image: torch.Tensor) -> Pixels:
    """(3, h, w) in -1..1 to uint8 (h, w, 3), rounded to nearest."""
    scaled = (image.float() / 2 + 0.5).clamp(0, 1) * 255
    pixels: Pixels = scaled.round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels


def _unscaled(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    mean, spread, factor, shift = _scaling(vae, latents)
    return latents * spread / factor + mean + shift


def _scaled(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    mean, spread, factor, shift = _scaling(vae, latents)
    return (latents - mean - shift) * factor / spread


def _scaling(vae: Any, like: torch.Tensor) -> tuple[Any, Any, float, float]:
    """(mean, spread, factor, shift) between the autoencoder's latents and the U-Net's, from its
    configuration.
    """
    config = vae.config
    mean, spread = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is None or spread is None:
        mean_, spread_ = like.new_zeros(1), like.new_ones(1)
    else:
        mean_, spread_ = (like.new_tensor(values).view(1, -1, 1, 1) for values in (mean, spread))
    return mean_, spread_, config.scaling_factor, getattr(config, "shift_factor", None) or 0.0
