"""What the chain itself says of a generation: asked of a node, not of the mirror, and computed again.

The contracts keep hashes; the values that they commit to are in the logs. Here both are asked for at one
block, every hash is computed again by the contracts' own formulas (`compute.commitments`), and the studio's
recipe is put together from the values. What does not fit together is not believed: `CantTell` says what.

A founding generation's values are in no log: they come from the list in the repository, or from a recipe
that is kept here, and count only if they give the recipe hash that the contract computed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any

from chain import abi, deployments
from chain.rpc import Rpc, RpcError, get_rpc
from compute import commitments
from compute.models import Rendering
from gallery import recipes
from gallery.founding import founding
from governance import parameters
from governance.parameters.spec import key_name
from studio.recipe import InvalidRecipe, Recipe

ARTWORK, PARAMETERS = "LivingArtwork", "ArtParameters"


class CantTell(Exception):
    """What the chain says of a generation could not be put together; the message says why."""


@dataclass(frozen=True)
class Facts:
    """One generation as the chain has it, every hash computed again. Hashes are 0x text in lower case.

    block: the one that was asked at. parent: the generation before it, None for the first. recipe: what the
    studio paints. checked: in words, what was computed again and agreed.
    """

    number: int
    block: int
    epoch: int
    founding: bool
    painter: str
    parent: int | None
    parent_head: str
    head: str
    params_hash: str
    recipe_hash: str
    result_hash: str
    pixel_hash: str
    thumb_hash: str
    file_hash: str
    recipe: Recipe
    checked: tuple[str, ...]


class ChainRecord:
    """The lineage as a node tells it at one block: the newest when this is made."""

    def __init__(self, rpc: Rpc | None = None) -> None:
        """Raises CantTell when the node is of another chain; RpcUnavailable and RpcError, here and later."""
        self.rpc: Any = (rpc or get_rpc()).steady()
        self.deployment = deployments.load()
        self.artwork = self.deployment.address_of(ARTWORK)
        chain_id = int(self.rpc.call("eth_chainId"), 16)
        if chain_id != self.deployment.chain_id:
            raise CantTell(
                f"the node is of chain {chain_id}, the artwork on chain {self.deployment.chain_id}"
            )
        self.block = int(self.rpc.call("eth_blockNumber"), 16)
        self.count: int = self._ask(ARTWORK, self.artwork, "generations")
        # Of this object alone, so that the memory ends with it.
        self._generation = cache(self._read_generation)
        self._changes = cache(self._read_changes)

    def facts(self, number: int) -> Facts:
        """One generation. Raises CantTell."""
        if not 1 <= number <= self.count:
            raise CantTell(f"there is no generation {number}; the newest is {self.count}")
        told = self._generation(number)
        result = told["result"]
        checked = ["the result’s hash and the lineage’s head, by the contract’s formulas"]
        parent = self._parent(number, told)
        self._chained(number, told["head"])
        checked.append("its place in the lineage: the heads before and after it")
        if told["founding"]:
            params_hash, recipe = self._founding(number, told, parent)
            checked.append("the stated recipe against the recipe’s hash")
        else:
            params_hash, recipe = self._sealed(told, parent)
            checked.append("the parameters from their logs against the sealed hash")
            checked.append("the seed from its randomness, and the recipe’s hash")
        if recipe.model != told["modelId"]:
            raise CantTell(f"its recipe names model {recipe.model}, and the contract {told['modelId']}")
        return Facts(
            number=number,
            block=self.block,
            epoch=told["epoch"],
            founding=told["founding"],
            painter=told["painter"],
            parent=number - 1 if parent else None,
            parent_head=told["parentHead"],
            head=told["head"],
            params_hash=params_hash,
            recipe_hash=told["recipeHash"],
            result_hash=told["resultHash"],
            pixel_hash=result["pixelHash"],
            thumb_hash=result["thumbHash"],
            file_hash=result["fileHash"],
            recipe=recipe,
            checked=tuple(checked),
        )

    # --- What is asked ---------------------------------------------------------------------------------

    def _ask(self, contract: str, address: str, function: str, *arguments: Any) -> Any:
        request = {"to": address, "data": abi.encode_call(contract, function, *arguments)}
        try:
            data = self.rpc.call("eth_call", request, hex(self.block))
        except RpcError as error:
            if error.revert_data is None:
                raise
            why = abi.explain_revert(error.revert_data)
            raise CantTell(f"the contract refuses to tell {function}: {why}") from error
        return abi.decode_result(contract, function, data, len(arguments))

    def _logs(self, contract: str, address: str, event: str, *topics: str) -> Iterator[dict[str, Any]]:
        """The arguments of every such event up to our block, in order. A node that refuses a range is asked
        for smaller ones.
        """
        first, size = self.deployment.block, max(1, self.block - self.deployment.block + 1)
        while first <= self.block:
            last = min(self.block, first + size - 1)
            wanted = {
                "address": address,
                "topics": [abi.topic_of(contract, event), *topics],
                "fromBlock": hex(first),
                "toBlock": hex(last),
            }
            try:
                logs = self.rpc.call("eth_getLogs", wanted)
            except RpcError:
                if size == 1:
                    raise
                size = max(1, size // 2)
                continue
            for log in logs:
                yield abi.decode_log(contract, log["topics"], log["data"])[1]
            first = last + 1

    def _read_generation(self, number: int) -> dict[str, Any]:
        """`generationOf`, its result's hash and head computed again. Raises CantTell."""
        told: dict[str, Any] = self._ask(ARTWORK, self.artwork, "generationOf", number)
        result = told["result"]
        hashes = (result["pixelHash"], result["thumbHash"], result["fileHash"])
        found = commitments.result_hash(told["recipeHash"], *hashes)
        if found != told["resultHash"]:
            raise CantTell(f"its result hashes to {found}, and the node says {told['resultHash']}")
        head = commitments.head(told["parentHead"], number, told["recipeHash"], found)
        if head != told["head"]:
            raise CantTell(f"its lineage head is {head}, and the node says {told['head']}")
        return told

    def _read_changes(self, address: str) -> list[tuple[int, str, str]]:
        """Every (version, key, value) that a contract of parameters ever told."""
        return [
            (told["version"], key_name(told["key"]), told["value"])
            for told in self._logs(PARAMETERS, address, "ParameterSet")
        ]

    # --- What is held against it -----------------------------------------------------------------------

    def _parent(self, number: int, told: dict[str, Any]) -> dict[str, Any] | None:
        """The generation that it was painted over, found by the lineage head."""
        if number == 1:
            if told["parentHead"] != commitments.NO_HEAD:
                raise CantTell(f"the first generation names {told['parentHead']} as the lineage before it")
            return None
        parent = self._generation(number - 1)
        if parent["head"] != told["parentHead"]:
            raise CantTell(f"it names the lineage {told['parentHead']}; that before it is {parent['head']}")
        return parent

    def _chained(self, number: int, head: str) -> None:
        """What comes after it builds on it."""
        if number < self.count:
            after, whose = self._generation(number + 1)["parentHead"], f"generation {number + 1} names"
        else:
            after, whose = self._ask(ARTWORK, self.artwork, "head"), "the contract says"
        if after != head:
            raise CantTell(f"the lineage after it is {head}, and {whose} {after}")

    def _sealed(self, told: dict[str, Any], parent: dict[str, Any] | None) -> tuple[str, Recipe]:
        """(params hash, recipe) of an epoch's generation."""
        number = told["epoch"]
        epoch = self._ask(ARTWORK, self.artwork, "epochs", number)
        version, address = epoch["paramsVersion"], epoch["parameters"]
        raw = self._values(address, version)
        params_hash = parameters.params_hash_of(raw)
        stated = self._ask(PARAMETERS, address, "paramsHash", version)
        if not params_hash == stated == epoch["paramsHash"]:
            raise CantTell(
                f"version {version} of the parameters hashes to {params_hash} by their logs; "
                f"{epoch['paramsHash']} was sealed. The node may have left logs out"
            )
        if epoch["parentHead"] != told["parentHead"]:
            raise CantTell(f"epoch {number} was sealed on the lineage {epoch['parentHead']}")
        chain = (self.deployment.chain_id, self.artwork, number)
        seed = commitments.seed(*chain, params_hash, self._randomness(number))
        if not seed == epoch["seed"] == told["seed"]:
            raise CantTell(f"its randomness gives the seed {seed}, and the contract says {told['seed']}")
        recipe_hash = commitments.recipe_hash(*chain, params_hash, told["parentHead"], seed)
        if not recipe_hash == epoch["recipeHash"] == told["recipeHash"]:
            raise CantTell(f"its recipe hashes to {recipe_hash}, and the contract says {told['recipeHash']}")
        return params_hash, self._recipe(recipes.readable(raw), seed, parent)

    def _founding(
        self, number: int, told: dict[str, Any], parent: dict[str, Any] | None
    ) -> tuple[str, Recipe]:
        """(params hash, recipe) of a founding generation, whose values somebody has to state."""
        chain = (self.deployment.chain_id, self.artwork, 0)
        for stated in _stated(number, told):
            raw = {key: parameters.encode(key, value) for key, value in stated.items()}
            for values in recipes.founding_values(raw, self._first_values()):
                params_hash = parameters.params_hash_of(values)
                found = commitments.recipe_hash(*chain, params_hash, told["parentHead"], told["seed"])
                if found == told["recipeHash"]:
                    return params_hash, self._recipe(recipes.readable(raw), told["seed"], parent)
        raise CantTell(
            "it is a founding generation, whose values are in no log, and none that is stated here gives the "
            f"recipe hash {told['recipeHash']}"
        )

    def _values(self, address: str, version: int) -> dict[str, str]:
        """The bytes of every parameter as of a version, by key."""
        raw: dict[str, str] = {}
        for since, key, value in self._changes(address):
            if since <= version:
                raw[key] = value
        return raw

    def _first_values(self) -> dict[str, str]:
        """The first version's values, of the parameters that the deployment began with."""
        return self._values(self.deployment.address_of(PARAMETERS), 1)

    def _randomness(self, epoch: int) -> str:
        told = list(self._logs(ARTWORK, self.artwork, "SeedDrawn", f"0x{epoch:064x}"))
        if len(told) != 1:
            raise CantTell(
                f"the node has {len(told)} logs of the seed of epoch {epoch}, and there must be one"
            )
        return str(told[0]["randomness"])

    def _recipe(self, values: dict[str, Any], seed: str, parent: dict[str, Any] | None) -> Recipe:
        try:
            return recipes.from_values(values, seed, parent["result"]["fileHash"] if parent else None)
        except (KeyError, InvalidRecipe) as error:
            raise CantTell(f"its recipe can't be painted: {error}") from error


def _stated(number: int, told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The values that a founding generation may have been painted with: none is believed unchecked."""
    for one in founding():
        if one.number == number and one.file_hash == told["result"]["fileHash"]:
            yield dict(one.parameters)
    job = Rendering.objects.filter(recipe_hash=told["recipeHash"]).first()
    if job is not None:
        recipe = asdict(Recipe.from_mapping(job.recipe))
        recipe |= {"guidance": recipe["guidance_milli"], "strength": recipe["strength_milli"]}
        yield {key: recipe[key] for key in parameters.BY_KEY if key in recipe}
