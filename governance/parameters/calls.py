"""What a proposal's calls would do, in plain words; what isn't known is shown as it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chain import abi, deployments, ether
from governance.parameters import model_calls
from governance.parameters.model_calls import Seen
from governance.parameters.spec import BY_SETTER, Value, decode, duration, encode

_SECONDS = "seconds"
# The governor's own numbers: function -> (what it is, unit).
_SETTINGS: dict[tuple[str, str], tuple[str, str]] = {
    ("ArtGovernor", "setVotingDelay"): ("Voting delay", _SECONDS),
    ("ArtGovernor", "setVotingPeriod"): ("Voting period", _SECONDS),
    ("ArtGovernor", "setProposalThreshold"): ("Votes needed to propose", "votes"),
    ("ArtGovernor", "setLateQuorumVoteExtension"): ("Late quorum extension", _SECONDS),
    ("ArtGovernor", "updateQuorumNumerator"): ("Quorum", "percent"),
    ("ArtGovernor", "updateMinVotes"): ("Least votes for a quorum", "votes"),
    ("TimelockController", "updateDelay"): ("Timelock delay", _SECONDS),
}
_SENTENCES: dict[tuple[str, str], str] = {
    ("ArtGovernor", "updateTimelock"): "Hand the decisions' execution to another timelock",
    ("ArtGovernor", "relay"): "Make the governor call another contract",
    ("ArtGovernor", "setGuardian"): "Name a guardian, who may cancel proposals",
    ("LivingArtwork", "setSlot"): "Replace a part of the artwork",
    ("ArtToken", "setSlot"): "Replace a part of the token",
    ("ArtToken", "setExcluded"): "Change whether an account's tokens vote",
    ("ArtToken", "safeTransferFrom"): "Send a token from the treasury",
    ("ArtToken", "transferFrom"): "Send a token from the treasury",
    ("SoloPainter", "setOperator"): "Name another painter",
    ("WorkerSet", "setRules"): "Change what workers bond, earn and lose, and the quorum",
    ("WorkerSet", "listClass"): "Change which classes of machines may register",
    ("WorkerSet", "setAcceptedClass"): "Count the results of another class of machines",
    ("WorkerSet", "decide"): "Decide a slash that a worker challenged",
    ("TimelockController", "grantRole"): "Grant a role in the timelock",
    ("TimelockController", "revokeRole"): "Revoke a role in the timelock",
}


@dataclass(frozen=True)
class CallWords:
    """One call. `before`/`after` are words, None where there is nothing to compare; `raw` is the calldata.

    `kind` is "parameter", "setting", "call" (a known function) or "raw" (nobody here knows what it does).
    """

    kind: str
    label: str
    before: str | None
    after: str | None
    detail: str
    target: str
    target_name: str | None
    value: int
    raw: str
    key: str | None = None

    @property
    def changes(self) -> bool:
        """False for a setter that sets what is already there."""
        return self.before is None or self.before != self.after


def describe_call(
    target: str,
    calldata: str,
    before: Mapping[str, Value] | None = None,
    value: int = 0,
    seen: Seen | None = None,
) -> CallWords:
    """Put one call of the timelock into words.

    `before` has the parameters' values to compare with (default: none are compared); `value` is in wei;
    `seen` has what earlier calls of the same proposal make of models, and gets what this one does.
    Never raises for calldata that a stranger made up.
    """
    seen = {} if seen is None else seen
    name = _name_of(target)
    call: dict[str, Any] = {"target": target, "target_name": name, "value": value, "raw": calldata}
    if name is None:
        label = "Send ether" if calldata in ("0x", "") else "Call a contract that is not part of the artwork"
        return CallWords(kind="raw", label=label, before=None, after=None, detail=_ether(value), **call)
    try:
        function, arguments = abi.decode_call(name, calldata)
    except (abi.DecodeError, abi.UnknownArtifact):
        words = "These bytes are no function that this site knows." if calldata not in ("0x", "") else ""
        detail = " ".join(part for part in (words, _ether(value)) if part)
        return CallWords(kind="raw", label=f"Call {name}", before=None, after=None, detail=detail, **call)
    if name == "ArtParameters" and function in BY_SETTER and len(arguments) == 1 and not value:
        return _parameter_change(function, next(iter(arguments.values())), before or {}, call, seen)
    if name == "ModelRegistry" and (told := model_calls.words(function, arguments, seen)) is not None:
        label, detail = told
        detail = " ".join(part for part in (detail, _ether(value)) if part)
        return CallWords(kind="call", label=label, before=None, after=None, detail=detail, **call)
    if (name, function) in _SETTINGS and len(arguments) == 1:
        label, unit = _SETTINGS[name, function]
        after = _setting_words(int(next(iter(arguments.values()))), unit)
        return CallWords(kind="setting", label=label, before=None, after=after, detail=_ether(value), **call)
    listed = ", ".join(f"{key} = {_argument(item)}" for key, item in arguments.items())
    label = _SENTENCES.get((name, function), f"Call {name}.{function}")
    detail = " ".join(part for part in (f"{name}.{function}({listed})", _ether(value)) if part)
    return CallWords(kind="call", label=label, before=None, after=None, detail=detail, **call)


def describe_calls(
    targets: Sequence[str],
    values: Sequence[int],
    calldatas: Sequence[str],
    before: Mapping[str, Value] | None = None,
) -> list[CallWords]:
    """All calls of a proposal in order; one that sets a parameter again is compared with the one before."""
    running = dict(before or {})
    seen: Seen = {}
    words = []
    for target, value, calldata in zip(targets, values, calldatas, strict=True):
        call = describe_call(target, calldata, running, value, seen)
        words.append(call)
        if call.kind == "parameter" and call.key is not None:
            _, arguments = abi.decode_call("ArtParameters", calldata)
            running[call.key] = _as_value(call.key, next(iter(arguments.values())))
    return words


def _parameter_change(
    function: str, argument: Any, before: Mapping[str, Value], call: dict[str, Any], seen: Seen
) -> CallWords:
    parameter = BY_SETTER[function]
    was = before.get(parameter.key)
    value = _as_value(parameter.key, argument)
    problem = parameter.problem(value)
    if parameter.key == "model" and not problem:
        return CallWords(
            kind="parameter",
            label="Paint with",
            before=None if was is None else model_calls.named(str(was), seen),
            after=model_calls.named(str(value), seen),
            detail="" if was == value else model_calls.choice_problem(str(value), seen),
            key="model",
            **call,
        )
    return CallWords(
        kind="parameter",
        label=parameter.label,
        before=None if was is None else parameter.words(was),
        after=parameter.words(value),
        detail=f"The contract will refuse this: {problem}" if problem else "",
        key=parameter.key,
        **call,
    )


def _as_value(key: str, argument: Any) -> Value:
    """A decoded argument spelled as `ParameterSet` would spell it, so that equal values look equal."""
    if isinstance(argument, str):
        return argument.replace("\0", "\ufffd")
    return decode(key, encode(key, argument))


def _name_of(address: str) -> str | None:
    try:
        return deployments.name_of(address)
    except deployments.DeploymentMissing:
        return None


def _ether(wei: int) -> str:
    if not wei:
        return ""
    return f"Sends {ether.words(wei)}."


def _setting_words(number: int, unit: str) -> str:
    if unit == _SECONDS:
        return duration(number)
    return f"{number} %" if unit == "percent" else f"{number} {unit}"


def _argument(item: Any) -> str:
    if isinstance(item, str) and len(item) == 66 and item.startswith("0x"):
        # The names of slots are ASCII in 32 bytes.
        raw = bytes.fromhex(item[2:]).rstrip(b"\0")
        if raw and raw.isascii() and raw.decode().isprintable():
            return raw.decode()
    return str(item)
