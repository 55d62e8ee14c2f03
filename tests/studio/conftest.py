"""A real diffusers model, tiny and untrained, made on the spot, and the default one."""

from pathlib import Path

import pytest
from hypothesis import settings

from studio.models import files_digest
from studio.recipe import Recipe

# A busy machine is no reason to fail.
settings.register_profile("studio", deadline=None)
settings.load_profile("studio")

GENESIS = Path(__file__).resolve().parents[2] / "models" / "genesis"


@pytest.fixture(scope="session")
def genesis() -> Path:
    return GENESIS


def build_tiny_model(folder: Path, kind: str = "tiny") -> Path:
    """A Stable Diffusion pipeline of random weights. kind: which autoencoder, "tiny" or "kl"."""
    import torch
    from diffusers import (
        AutoencoderKL,
        AutoencoderTiny,
        DDIMScheduler,
        DPMSolverMultistepScheduler,
        StableDiffusionPipeline,
        UNet2DConditionModel,
    )
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import CLIPTextConfig, CLIPTextModel, PreTrainedTokenizerFast

    torch.manual_seed(7)
    words = ["<start>", "<end>", "<other>", "misty", "ridges", "calm", "dusk", "palette", "ember", ","]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<other>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<end>",
        eos_token="<end>",
        bos_token="<start>",
        model_max_length=16,
    )
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=64,
            hidden_size=16,
            intermediate_size=32,
            num_hidden_layers=1,
            num_attention_heads=2,
            max_position_embeddings=16,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=1,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=16,
        block_out_channels=(8, 16),
        layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=16,
        attention_head_dim=4,
        norm_num_groups=4,
    )
    if kind == "tiny":
        vae = AutoencoderTiny(encoder_block_out_channels=(8,) * 4, decoder_block_out_channels=(8,) * 4)
        scheduler = DPMSolverMultistepScheduler(algorithm_type="dpmsolver++", steps_offset=1)
    else:
        vae = AutoencoderKL(
            block_out_channels=(8, 8, 8),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            latent_channels=4,
            norm_num_groups=4,
            scaling_factor=0.2,
        )
        scheduler = DDIMScheduler(clip_sample=False, steps_offset=1)
    pipeline = StableDiffusionPipeline(
        vae=vae,
        text_encoder=text,
        tokenizer=wrapped,
        unet=unet,
        scheduler=scheduler,
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    pipeline.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    return build_tiny_model(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture(scope="session")
def kl_model(tmp_path_factory) -> Path:
    """Another kind of autoencoder (a posterior, factor 4, scaled latents) and another scheduler."""
    return build_tiny_model(tmp_path_factory.mktemp("models") / "kl", kind="kl")


@pytest.fixture
def recipe_for():
    def make(folder: Path, **changes) -> Recipe:
        values = {
            "model": files_digest(folder),
            "prompt": "misty ridges",
            "negative_prompt": "",
            "family": "",
            "palette": "dusk",
            "mood": "calm",
            "guidance_milli": 4500,
            "steps": 3,
            "strength_milli": 620,
            "width": 64,
            "height": 128,
            "seed": "0x" + "5a" * 32,
        }
        return Recipe(**(values | changes))

    return make
