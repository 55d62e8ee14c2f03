"""From latents to pixels, for every latent U-Net of diffusers: the decode rule, and previews.

The decode rule. Latents are decoded as the pipeline itself would, the border included, since the painter has
learnt its border in just that context. Only where the autoencoder is an `AutoencoderTiny` the bottom-right
corner is taken from a second decode with a margin: the default model's decoder paints the last two pixels of
that corner white, as far as its zero padding reaches. For this the last `TILE` latents on both axes are
extended by `MARGIN` latents outwards, by repeating the edge, decoded, and cut back. Within `FULL` pixels of
the corner (the larger of the two distances) this decode is taken alone, from there to `NONE` pixels it fades
out.

Decoding everything with a margin would cure the corner too, but it tints a frame of twelve pixels along all
sides.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PIL import Image

from studio.picture import Pixels

if TYPE_CHECKING:
    import torch

TILE, MARGIN = 16, 2
"""Latents decoded again for the corner, and latents repeated outwards."""

FULL, NONE = 4, 12
"""Pixels from the corner up to which the second decode counts fully, and from which it doesn't count."""

PREVIEW_SIDE = 112
"""Longest side of a preview, in pixels."""


def speaks_latents(pipeline: Any) -> bool:
    """Whether the rule applies: a U-Net and an autoencoder. Other pipelines decode for themselves."""
    return getattr(pipeline, "unet", None) is not None and getattr(pipeline, "vae", None) is not None


def decode(pipeline: Any, latents: torch.Tensor) -> Pixels:
    """Scaled latents (1, c, h, w) to pixels (h*f, w*f, 3), f being the autoencoder's scale factor."""
    import torch

    with torch.no_grad():
        plain = _unscaled(pipeline.vae, latents)
        image = pipeline.vae.decode(plain, return_dict=False)[0][0]
        if type(pipeline.vae).__name__ == "AutoencoderTiny":
            image = _mend_corner(image, _decode_with_margin(pipeline, plain[..., -TILE:, -TILE:], MARGIN))
        return _to_pixels(image)


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
        plain = _unscaled(pipeline.vae, small.to(latents.dtype))
        return Image.fromarray(_to_pixels(_decode_with_margin(pipeline, plain, 1)))


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


def _decode_with_margin(pipeline: Any, latents: torch.Tensor, margin: int) -> torch.Tensor:
    """Unscaled latents (1, c, h, w) to an image (3, h*f, w*f) in -1..1, decoded with its edges repeated
    outwards.
    """
    import torch

    cut = margin * pipeline.vae_scale_factor
    padded = torch.nn.functional.pad(latents, (margin,) * 4, mode="replicate")
    return pipeline.vae.decode(padded, return_dict=False)[0][0, :, cut:-cut, cut:-cut]


def _mend_corner(image: torch.Tensor, tile: torch.Tensor) -> torch.Tensor:
    """The image with its last NONE pixels on both axes blended into those of the tile, which ends where it
    does.
    """
    import torch

    ramp = torch.arange(NONE, 0, -1, device=image.device)  # pixels from the corner, 1 for the last
    distance = torch.maximum(ramp[:, None], ramp[None, :])
    weight = ((NONE - distance) / (NONE - FULL)).clamp(0, 1).to(image.dtype)
    mended = image.clone()
    corner = image[:, -NONE:, -NONE:]
    mended[:, -NONE:, -NONE:] = corner + weight * (tile[:, -NONE:, -NONE:] - corner)
    return mended


def _to_pixels(image: torch.Tensor) -> Pixels:
    """(3, h, w) in -1..1 to uint8 (h, w, 3), rounded to nearest."""
    scaled = (image.float() / 2 + 0.5).clamp(0, 1) * 255
    pixels: Pixels = scaled.round().byte().permute(1, 2, 0).contiguous().cpu().numpy()
    return pixels


def _unscaled(vae: Any, latents: torch.Tensor) -> torch.Tensor:
    """From the U-Net's latents to the autoencoder's, as its configuration says."""
    config = vae.config
    mean, spread = getattr(config, "latents_mean", None), getattr(config, "latents_std", None)
    if mean is not None and spread is not None:
        mean, spread = (latents.new_tensor(values).view(1, -1, 1, 1) for values in (mean, spread))
        latents = latents * spread + mean * config.scaling_factor
    return latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
