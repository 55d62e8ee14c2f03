"""One generation in words: what it was painted from, by whom, and which votes decided it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any, NamedTuple

from django.db.models import QuerySet

from chain.models import Cursor
from compute.models import Finalization, Picture, Rendering
from gallery import decisions, founders, randomness
from gallery.models import Generation, Sealing, SeedRefix
from governance import addresses, parameters, people, withholding
from studio.recipe import join_style
from studio.vocabulary import PALETTES


class DecidedBy(NamedTuple):
    """A proposal that made a generation what it is. `votes_for` of `votes` cast; `id` is a decimal
    uint256.
    """

    id: str
    number: int
    title: str
    votes_for: int
    votes: int

    @property
    def url(self) -> str:
        """Its page."""
        return f"/proposals/{self.id}/"


@dataclass(frozen=True)
class GenerationView:
    """One generation in words. Hashes are 0x text; `seconds` of painting is None when it wasn't painted
    here. Words are as this site may show them; `values` are the governed values themselves, by key.

    `agreed` is how many workers revealed this very result; 0 where no set of workers painted it, or where
    nobody asked who decided.
    `withheld` is the reason why this site does not show the picture, `words_withheld` why it left out words.
    """

    number: int
    title: str
    prompt_text: str
    parameters: dict[str, str]
    values: dict[str, Any]
    swatches: list[str]
    anchored_at: int
    is_final: bool
    proposals: list[DecidedBy]
    painter: str
    painter_name: str
    agreed: int
    seconds: float | None
    environment: dict[str, Any]
    seed: str
    seed_words: str
    recipe_hash: str
    result_hash: str
    pixel_hash: str
    file_hash: str
    parent_number: int | None
    founding: bool
    epoch: int
    model: str
    strength: str
    width: int | None
    height: int | None
    block: int
    tx_hash: str
    blocks_to_final: int
    withheld: str | None
    words_withheld: str | None

    @cached_property
    def anchored(self) -> datetime:
        """When its block was built."""
        return datetime.fromtimestamp(self.anchored_at, UTC)

    @property
    def alt(self) -> str:
        """The picture for who can't see it."""
        return f"Generation {self.number}: {self.prompt_text or 'a picture whose recipe is not known here'}"

    @cached_property
    def url(self) -> str:
        """Its page."""
        return addresses.page("gallery:generation", self.number)

    def image(self, size: int | str) -> str:
        """The address of the picture: a display size in pixels, or "original"."""
        if size == "original":
            return addresses.page("gallery:original", self.file_hash)
        return addresses.page("gallery:picture", self.file_hash, int(size))

    @property
    def environment_words(self) -> dict[str, str]:
        """Where it was painted, with what; without the entries that say nothing."""
        told = {
            name: ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in self.environment.items()
        }
        return {name: words for name, words in told.items() if words}

    @property
    def has_picture(self) -> bool:
        """Whether this site keeps the picture and shows it."""
        return self.width is not None and self.withheld is None

    @cached_property
    def image_small(self) -> str:
        """160 px at most."""
        return self.image(160)

    @cached_property
    def image_medium(self) -> str:
        """512 px at most."""
        return self.image(512)

    @property
    def image_large(self) -> str:
        """1024 px at most."""
        return self.image(1024)

    @property
    def original(self) -> str:
        """The canonical PNG."""
        return self.image("original")


@cache
def _rows() -> QuerySet[Generation]:
    unseen = ("log__topics", "log__data")
    return Generation.objects.select_related("log__block").defer(*unseen)


def rows() -> QuerySet[Generation]:
    """Generations, newest first, with as much of their log as a view of them needs."""
    return _rows().all()


def views_of(generations: Sequence[Generation], decided: Sequence[int] | None = None) -> list[GenerationView]:
    """Views of generations, in a handful of queries for all of them. Who decided is told of the generations
    numbered `decided` alone; of all by default.
    """
    numbers = [one.epoch_number for one in generations]
    told = [one for one in generations if decided is None or one.number in decided]
    jobs = {
        job.recipe_hash: job
        for job in Rendering.objects.filter(recipe_hash__in=[one.recipe_hash for one in generations])
        .order_by()
        .only("recipe_hash", "recipe", "environment", "seconds")
    }
    pictures = Picture.objects.filter(pk__in=[one.file_hash for one in generations])
    kept = {pk: (width, height) for pk, width, height in pictures.values_list("pk", "width", "height")}
    sealings = {one.epoch_id: one for one in Sealing.objects.filter(epoch__in=numbers).order_by()}
    refixes: dict[int, SeedRefix] = {
        one.epoch_id: one for one in SeedRefix.objects.filter(epoch__in=numbers).order_by("count")
    }
    versions = _versions_before(told, generations, sealings)
    deciders = _decided(told, versions, sealings)
    ends = Finalization.objects.filter(epoch__in=[one.epoch_number for one in told])
    agreed = dict(ends.values_list("epoch", "winners"))
    cursor = Cursor.current()
    titles = founders.titles() if any(one.founding for one in generations) else {}
    views = []
    for one in generations:
        job, sealing = jobs.get(one.recipe_hash), sealings.get(one.epoch_number)
        width, height = kept.get(one.file_hash, (None, None))
        values = values_of(job, sealing)
        words = _words(values)
        prompt = withholding.shown(str(values.get("prompt", "")))
        text = join_style(*(str(values.get(key, "")) for key in ("prompt", "family", "palette", "mood")))
        block = one.log.block.number
        views.append(
            GenerationView(
                number=one.number,
                title=titles.get(one.file_hash) or _title(prompt, one.number),
                prompt_text=withholding.shown(text),
                parameters=words,
                values=values,
                swatches=PALETTES.get(str(values.get("palette", "")).removesuffix(" palette").strip(), []),
                anchored_at=one.log.block.timestamp,
                is_final=cursor is not None and cursor.is_final(block),
                proposals=deciders.get(one.number, []),
                painter=one.painter,
                painter_name=people.name_of(one.painter),
                agreed=agreed.get(one.epoch_number, 0),
                seconds=job.seconds if job else None,
                environment=job.environment if job else {},
                seed=one.seed,
                seed_words=_seed_words(one, sealing, refixes.get(one.epoch_number)),
                recipe_hash=one.recipe_hash,
                result_hash=one.result_hash,
                pixel_hash=one.pixel_hash,
                file_hash=one.file_hash,
                parent_number=one.number - 1 if one.number > 1 else None,
                founding=one.founding,
                epoch=one.epoch_number,
                model=one.model_id,
                strength=words.get("strength", ""),
                width=width,
                height=height,
                block=block,
                tx_hash=one.log.tx_hash,
                blocks_to_final=max(0, block - cursor.finalized_number) if cursor else 1,
                withheld=withholding.picture(one.file_hash),
                words_withheld=withholding.words(f"{text}\n{values.get('negative_prompt', '')}"),
            )
        )
    return views


def values_of(job: Rendering | None, sealing: Sealing | None) -> dict[str, Any]:
    """The governed values a generation was painted with: from its recipe if it is kept here, else from the
    mirror.
    """
    if job is not None:
        recipe = job.recipe
        renamed = {"guidance_milli": "guidance", "strength_milli": "strength"}
        values = {
            renamed.get(key, key): value
            for key, value in recipe.items()
            if key not in ("seed", "parent_file")
        }
        if recipe.get("parent_file") is None:
            values.pop("strength")  # a picture without a parent has nothing to keep
        return values
    return dict(parameters.values_at(sealing.params_version)) if sealing else {}


def _words(values: dict[str, Any]) -> dict[str, str]:
    return {
        one.key: withholding.shown(one.words(values[one.key]))
        for one in parameters.PARAMETERS
        if one.key in values
    }


def _title(prompt: str, number: int) -> str:
    first = prompt.split(",")[0].strip()
    if not first:
        return f"Generation {number}"
    short = first if len(first) <= 60 else first[:59].rstrip() + "…"
    return short[0].upper() + short[1:]


def _seed_words(one: Generation, sealing: Sealing | None, refix: SeedRefix | None) -> str:
    if one.founding or sealing is None:
        return "stated at the founding"
    decided_by = randomness.words(sealing.source, refix.round if refix else sealing.round)
    count = refix.count if refix else 0
    return f"{decided_by}, fixed anew {count} time{'' if count == 1 else 's'}"


def _versions_before(
    told: Sequence[Generation], known: Sequence[Generation], sealings: dict[int, Sealing]
) -> dict[int, int]:
    """The parameters' version that the predecessor of each of `told` was sealed with; 1 for the founding
    ones. `known` generations and their sealings are not asked for again.
    """
    numbers = [one.number for one in told if not one.founding]
    epochs = {one.number: one.epoch_number for one in known}
    versions = {epoch: one.params_version for epoch, one in sealings.items()}
    missing = [number - 1 for number in numbers if number > 1 and number - 1 not in epochs]
    if missing:
        parents = Generation.objects.filter(number__in=missing).order_by()
        found = dict(parents.values_list("number", "epoch_number"))
        epochs |= found
        others = Sealing.objects.filter(epoch__in=found.values()).order_by()
        versions |= dict(others.values_list("epoch_id", "params_version"))
    return {number: versions.get(epochs.get(number - 1, 0), 1) for number in numbers}


def _decided(
    generations: Sequence[Generation], versions: dict[int, int], sealings: dict[int, Sealing]
) -> dict[int, list[DecidedBy]]:
    """By generation, the proposals whose execution lies between its parent's version and its own."""
    spans = {
        one.number: (versions[one.number], sealings[one.epoch_number].params_version)
        for one in generations
        if one.number in versions and one.epoch_number in sealings
    }
    return {
        number: [
            DecidedBy(
                id=str(one.proposal.pk),
                number=getattr(one.proposal, "number", 0),
                title=withholding.shown(one.proposal.title),
                votes_for=one.tally.for_,
                votes=one.tally.total,
            )
            for one in found
        ]
        for number, found in decisions.deciders(spans).items()
    }
