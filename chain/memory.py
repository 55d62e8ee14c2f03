"""What is asked once a request.

Several parts of a page ask the same of the mirror. Within `remembered()` a question decorated with `once`
is answered once for each of its arguments; outside of it, and in the next request, it is asked afresh, so
nothing stale is ever shown. Only for what a request reads and never writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

_memory: ContextVar[dict[tuple[Any, ...], Any] | None] = ContextVar("asked", default=None)


@contextmanager
def remembered() -> Iterator[None]:
    """Answer each question that is marked `once` only once within this block."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def once(question: Callable[P, T]) -> Callable[P, T]:
    """Mark a function whose positional arguments are hashable. What it raises is not remembered."""

    @wraps(question)
    def ask(*args: P.args, **kwargs: P.kwargs) -> T:
        memory = _memory.get()
        if memory is None:
            return question(*args, **kwargs)
        key = (question, args, tuple(sorted(kwargs.items())))
        if key not in memory:
            memory[key] = question(*args, **kwargs)
        answer: T = memory[key]
        return answer

    return ask
