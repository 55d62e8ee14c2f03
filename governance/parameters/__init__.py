"""The governed parameters: what may be voted on, within which bounds, and in which words.

`contracts/parameters.json` is the one specification; the contract's bounds are generated from it and
everything here is read from it. `spec` has the values, `calls` puts what a proposal would do into words.
"""

from governance.parameters.calls import CallWords, describe_call, describe_calls
from governance.parameters.spec import (
    BY_KEY,
    BY_SETTER,
    PARAMETERS,
    Parameter,
    Value,
    decode,
    encode,
    params_hash,
    params_hash_of,
    raw_values_at,
    values_at,
)

__all__ = [
    "BY_KEY",
    "BY_SETTER",
    "PARAMETERS",
    "CallWords",
    "Parameter",
    "Value",
    "decode",
    "describe_call",
    "describe_calls",
    "encode",
    "params_hash",
    "params_hash_of",
    "raw_values_at",
    "values_at",
]
