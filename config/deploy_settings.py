"""What is decided at deployment: the profiles' figures, the first parameters, the founding generations."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from django.conf import settings as django_settings

from config.deploy_models import ModelEntry, find_model
from config.deploy_sender import DeploymentError
from config.deploy_workers import DEMO_RULES, ETHER, PUBLIC_RULES, Rules
from governance import parameters as governed

ZERO_ADDRESS = "0x" + "0" * 40
PAINTERS = {"workers": "WorkerSet", "solo": "SoloPainter"}
"""Who may paint -> the contract that takes the painter's slot. Both are deployed, so a vote can change it."""
SOURCES = {"blockhash": "BlockhashRandomness", "drand": "DrandRandomness"}
"""Where seeds come from -> the contract that is deployed for it."""
NO_CLASS = "0x" + "00" * 32
DAY = 86_400


@dataclass(frozen=True)
class Founding:
    """One founding generation: what it was painted from, its hashes, and who receives its token.

    `values` has all governed parameters; the hashes and the seed are 0x text of 32 bytes.
    """

    title: str
    values: Mapping[str, governed.Value]
    seed: str
    pixel_hash: str
    thumb_hash: str
    file_hash: str
    owner: str


@dataclass(frozen=True)
class DeploySettings:
    """Everything that is decided at deployment. Times are in seconds, `quorum_percent` is of all votes.

    `parameters` are the first values of all governed parameters (`contracts/parameters.json`). A `guardian`
    may cancel proposals for `guardian_period` after deployment; there is none by default.

    `models` are what the registry is born with. `classes` are the determinism classes that workers may be of,
    and of `accepted_class`, one of them, the results count; while there is none, nothing is sealed where
    workers paint. `pool` (wei) is given to the workers' pool by who deploys. `drand_delay` is how far ahead
    of its sealing an epoch's round of drand lies: more than the chain's finality and the drift of clocks.
    """

    operator: str
    parameters: Mapping[str, governed.Value]
    founding: Sequence[Founding] = ()
    voting_delay: int = DAY
    voting_period: int = 5 * DAY
    timelock_delay: int = 2 * DAY
    late_extension: int = DAY
    proposal_threshold: int = 1
    quorum_percent: int = 10
    min_votes: int = 2
    seed_timeout: int = DAY
    paint_period: int = DAY
    max_rounds: int = 3
    max_refixes: int = 8
    guardian: str = ZERO_ADDRESS
    guardian_period: int = 0
    painter: str = "workers"
    randomness: str = "blockhash"
    drand_delay: int = 20 * 60  # Ethereum is final after 13 to 19 minutes
    models: Sequence[ModelEntry] = ()
    rules: Rules = PUBLIC_RULES
    classes: Sequence[str] = ()
    accepted_class: str = NO_CLASS
    pool: int = 0

    @property
    def painter_contract(self) -> str:
        """The contract in the painter's slot."""
        return PAINTERS[self.painter]

    @property
    def randomness_contract(self) -> str:
        """The contract in the slot of randomness."""
        return SOURCES[self.randomness]

    @classmethod
    def profile(
        cls,
        name: str,
        *,
        operator: str,
        parameters: Mapping[str, governed.Value],
        founding: Sequence[Founding] = (),
        **changes: Any,
    ) -> Self:
        """The settings of a profile, "demo" or "public", with `changes` to single ones.

        `parameters` need no `epoch_length`, where the profile's is used, and no `energy_budget`, where there
        is none. Without `models` in `changes` the registry lists the model that is chosen, from where the
        site has it (`PAINTER_MODELS`). Raises DeploymentError for an unknown profile, painter or source, and
        when the model isn't here.
        """
        if name not in PROFILES:
            raise DeploymentError(f"there is no profile {name!r}: choose one of {', '.join(PROFILES)}")
        chosen = {**PROFILES[name], **changes}
        epoch_length = chosen.pop("epoch_length")
        values = {"epoch_length": epoch_length, "energy_budget": 0, **parameters}
        if wrong := set(values) ^ set(governed.BY_KEY):
            raise DeploymentError(f"first values are missing or unknown: {', '.join(sorted(wrong))}")
        for name, known in (("painter", PAINTERS), ("randomness", SOURCES)):
            if name in chosen and chosen[name] not in known:
                raise DeploymentError(
                    f"there is no {name} {chosen[name]!r}: choose one of {', '.join(known)}"
                )
        if "models" not in chosen:
            chosen["models"] = (find_model(str(values["model"]), django_settings.PAINTER_MODELS),)
        if values["model"] not in {entry.id for entry in chosen["models"]}:
            raise DeploymentError(
                f"the registry would not list the model {values['model']}, which is to paint"
            )
        accepted = chosen.get("accepted_class", NO_CLASS)
        if accepted != NO_CLASS:
            chosen["classes"] = tuple(dict.fromkeys((*chosen.get("classes", ()), accepted)))
        return cls(operator=operator, parameters=values, founding=founding, **chosen)


PROFILES: dict[str, dict[str, Any]] = {
    "demo": {
        "voting_delay": 1,
        "voting_period": 60,
        "timelock_delay": 10,
        "late_extension": 5,
        "min_votes": 1,
        "seed_timeout": 3600,
        "paint_period": 600,
        "epoch_length": 90,
        "rules": DEMO_RULES,
        "pool": 10 * ETHER,
    },
    "public": {"epoch_length": 7 * DAY, "randomness": "drand"},
}


def first_values(
    founding: Sequence[Founding], changes: Mapping[str, governed.Value]
) -> dict[str, governed.Value]:
    """The first values of the parameters: those of the newest founding generation, with `changes`.

    Without an epoch length, which the profile gives, unless `changes` has one.
    """
    newest = founding[-1].values if founding else {}
    return {**{key: value for key, value in newest.items() if key != "epoch_length"}, **changes}


def read_founding(file: Path, owners: Sequence[str], epoch_length: int) -> tuple[Founding, ...]:
    """The founding generations that a founding.json lists; an entry's `owner_index` points into `owners`.

    The parameters are the recipe's; an epoch length, which no recipe has, is taken from `epoch_length`, and
    there is no energy budget.
    Raises DeploymentError when the file is missing or malformed, or names an owner that isn't given.
    """
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))
        return tuple(_founding(entry, owners, epoch_length) for entry in entries)
    except FileNotFoundError:
        raise DeploymentError(f"there is no list of founding generations at {file}") from None
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise DeploymentError(f"{file} can't be used: {error!r}") from error


def _founding(entry: Mapping[str, Any], owners: Sequence[str], epoch_length: int) -> Founding:
    recipe = entry["recipe"]
    values = {
        "model": recipe["model"],
        "prompt": recipe["prompt"],
        "negative_prompt": recipe["negative_prompt"],
        "family": recipe["family"],
        "palette": recipe["palette"],
        "mood": recipe["mood"],
        "guidance": recipe["guidance_milli"],
        "steps": recipe["steps"],
        "strength": recipe["strength_milli"],
        "width": recipe["width"],
        "height": recipe["height"],
        "epoch_length": epoch_length,
        "energy_budget": 0,
    }
    return Founding(
        title=entry["title"],
        values=values,
        seed=recipe["seed"],
        pixel_hash=entry["pixel_hash"],
        thumb_hash=entry["thumb_hash"],
        file_hash=entry["file_hash"],
        owner=owners[entry["owner_index"]],
    )
