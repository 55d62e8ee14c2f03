"""What a generation's page says for whoever wants to check it: the recipe as a sentence, and every hash with
what it is over, what that is here, and a command that computes it again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from chain import deployments
from compute.models import Picture, Rendering
from gallery import recipes
from gallery.generations import GenerationView
from gallery.models import Generation, Sealing
from governance import parameters
from governance.models import TokenTransfer
from governance.weights import ZERO
from studio import picture as studio_picture

# How far a picture leaves its parent, by strength in thousandths up to and including.
_REACH = (
    (200, "barely touching it"),
    (400, "changing it gently"),
    (600, "leaving about half of it"),
    (800, "keeping little more than its bones"),
    (999, "leaving hardly a trace of it"),
    (1000, "covering all of it"),
)
# How closely the painter holds to its words, by guidance in thousandths below.
_HOLD = (
    (1500, "let itself wander from"),
    (4000, "followed loosely"),
    (7000, "followed"),
    (11_000, "kept closely to"),
    (20_001, "kept to the letter of"),
)
_PIXELS = (
    "import hashlib,sys;from PIL import Image;i=Image.open(sys.argv[1]).convert('RGB');"
    "n=lambda x:x.to_bytes(4,'big');"
    "print('0x'+hashlib.sha256(b'PIXELS_V1'+n(i.width)+n(i.height)+i.tobytes()).hexdigest())"
)


@dataclass(frozen=True)
class Sentence:
    """The parts of the recipe as a sentence. Words of voters (`prompt`, `negative`, styles) are as they wrote
    them; an empty one is left out.
    """

    prompt: str
    family: str
    palette: str
    mood: str
    negative: str
    reach: str
    strength: str
    hold: str
    guidance: str
    steps: int
    size: str


@dataclass(frozen=True)
class Hash:
    """One hash of the record: `over` says in words what it is over, `command` computes or checks it again."""

    key: str
    name: str
    value: str
    over: str
    command: str
    needs: str


def sentence(job: Rendering | None, values: dict[str, Any]) -> Sentence | None:
    """The recipe in words, None when it isn't known here. `values` are governed values by their keys."""
    if "prompt" not in values:
        return None
    strength, guidance = values.get("strength"), int(values.get("guidance", 0))
    shown = {one.key: one.words(values[one.key]) for one in parameters.PARAMETERS if one.key in values}
    steps = int(values.get("steps", 0))
    if job is not None and job.steps:
        steps = job.steps
    elif strength is not None:
        steps = max(1, steps * int(strength) // 1000)
    return Sentence(
        prompt=str(values["prompt"]),
        family=str(values.get("family", "")),
        palette=str(values.get("palette", "")).removesuffix(" palette"),
        mood=str(values.get("mood", "")),
        negative=str(values.get("negative_prompt", "")),
        reach="" if strength is None else next(words for most, words in _REACH if int(strength) <= most),
        strength=shown.get("strength", ""),
        hold=next(words for below, words in _HOLD if guidance < below),
        guidance=shown.get("guidance", ""),
        steps=steps,
        size=f"{values.get('width')} × {values.get('height')}",
    )


def hashes(
    row: Generation, view: GenerationView, sealing: Sealing | None, job: Rendering | None, origin: str
) -> list[Hash]:
    """Every hash of a generation's record. `origin` is this site's address, for commands that download."""
    file = f"murmuration-{view.number}.png"
    download = f"curl -sS -o {file} {origin}{view.original}"
    digits = view.file_hash.removeprefix("0x")
    picture = Picture.objects.filter(file_hash=row.file_hash).first()
    here = view.has_picture and view.withheld is None
    found = [
        Hash(
            "file",
            "File",
            view.file_hash,
            "SHA-256 of the original PNG, byte for byte.",
            f'{download} && echo "{digits}  {file}" | sha256sum --check' if here else "",
            "sha256sum, on every Linux; shasum -a 256 on a Mac",
        ),
        Hash(
            "cid",
            "CID",
            studio_picture.cid(view.file_hash),
            "The file’s hash as content networks such as IPFS write it: version 1, raw, SHA-256. By it the "
            "file can be had from anybody who keeps it.",
            "python3 -c \"import base64; print('b' + base64.b32encode(bytes.fromhex("
            f"'01551220{digits}')).decode().lower().rstrip('='))\"",
            "Python",
        ),
        Hash(
            "pixels",
            "Pixels",
            view.pixel_hash,
            "SHA-256 of the word PIXELS_V1, width and height, and the bare colours row by row: it holds for "
            "the same picture in any lossless file.",
            f'{download} && python3 -c "{_PIXELS}" {file}' if here else "",
            "Python with Pillow",
        ),
    ]
    params = params_hash(row, sealing, job)
    commitment = ""
    if params:
        deployment = deployments.load()
        commitment = (
            'cast keccak $(cast abi-encode "f(string,uint256,address,uint256,bytes32,bytes32,bytes32)" '
            f"RECIPE_V1 {deployment.chain_id} {deployment.address_of('LivingArtwork')} {row.epoch_number} "
            f"{params} {row.parent} {row.seed})"
        )
    found.append(
        Hash(
            "recipe",
            "Recipe",
            view.recipe_hash,
            "Keccak-256 of the chain, the artwork, the epoch, the parameters’ hash, the lineage before it "
            "and the seed. The contract computed it itself.",
            commitment,
            "cast, from Foundry",
        )
    )
    thumb = picture.thumb_hash if picture else None
    result = f"RESULT_V1 {row.recipe_hash} {row.pixel_hash} {thumb} {row.file_hash}"
    found += [
        Hash(
            "result",
            "Result",
            view.result_hash,
            "Keccak-256 of the recipe’s hash and the picture’s three: its pixels, its thumbnails, its file.",
            f'cast keccak $(cast abi-encode "f(string,bytes32,bytes32,bytes32,bytes32)" {result})'
            if thumb
            else "",
            "cast, from Foundry",
        ),
        Hash(
            "head",
            "Lineage",
            recipes.head(row),
            "Keccak-256 of the lineage before it, its number, its recipe and its result: it vouches for this "
            "generation and for every one before it.",
            'cast keccak $(cast abi-encode "f(string,bytes32,uint256,bytes32,bytes32)" '
            f"HEAD_V1 {row.parent} {row.number} {row.recipe_hash} {row.result_hash})",
            "cast, from Foundry",
        ),
    ]
    return found


def params_hash(row: Generation, sealing: Sealing | None, job: Rendering | None) -> str | None:
    """The parameters' hash in a generation's recipe: sealed with its epoch, or the founding's, checked here.

    None where it isn't known: nothing is claimed that does not give the recipe's hash.
    """
    if sealing is not None:
        return str(sealing.params_hash)
    if not row.founding or job is None:
        return None
    recipe = {
        **job.recipe,
        "guidance": job.recipe["guidance_milli"],
        "strength": job.recipe["strength_milli"],
    }
    stated = {key: parameters.encode(key, recipe[key]) for key in parameters.BY_KEY if key in recipe}
    for raw in recipes.founding_values(stated, parameters.raw_values_at(1)):
        found = parameters.params_hash_of(raw)
        if recipes.recipe_hash(row.epoch_number, found, row.parent, row.seed) == row.recipe_hash:
            return found
    return None


def holder(number: int) -> str | None:
    """Who holds a generation's token at the mirrored head; None before it was minted, or once it is burnt."""
    last = (
        TokenTransfer.objects.filter(token_id=number)
        .order_by("-block_number", "-log_index")
        .values_list("recipient", flat=True)
        .first()
    )
    return None if last in (None, ZERO) else str(last)
