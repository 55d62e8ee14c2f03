"""Deleting rows with all that hangs on them, in SQL alone: no row is read into Python.

Django's own `delete()` follows the same foreign keys, but fetches every row on the way. Here each table that
leads to the deleted one, over however many others, gets one statement, children first. No signals are sent.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

from django.db import models, router, transaction
from django.db.models.deletion import get_candidate_relations_to_delete


@dataclass(frozen=True, slots=True)
class _Step:
    """What happens to one table. `path` are the foreign keys from it to the table that is deleted from."""

    path: tuple[Any, ...]

    def take(self, gone: models.QuerySet[Any]) -> None:
        """Delete this table's rows that hang on `gone`, or empty their key if it is declared so."""
        rows = gone
        for key in reversed(self.path):
            rows = _all(key.model).filter(**{f"{key.name}__in": rows.values(key.target_field.attname)})
        if self.path[0].remote_field.on_delete is models.SET_NULL:
            rows.update(**{self.path[0].name: None})
        else:
            rows._raw_delete(rows.db)


def delete(gone: models.QuerySet[Any]) -> int:
    """Delete the rows of `gone` and everything that `on_delete` says goes with them; returns how many of
    `gone`.

    Raises TypeError for a model whose rows cannot be deleted this way.
    """
    gone = gone.using(router.db_for_write(gone.model)).order_by()
    with transaction.atomic(using=gone.db):
        for step in _steps(cast(Hashable, gone.model)):
            step.take(gone)
        return int(gone._raw_delete(gone.db))


def delete_childless(rows: models.QuerySet[Any]) -> int:
    """Delete those of `rows` at which no row of any table points; returns how many."""
    rows = rows.using(router.db_for_write(rows.model)).order_by()
    for relation in _relations(rows.model):
        key = relation.field
        pointing = _all(key.model).filter(**{key.name: models.OuterRef(key.target_field.attname)})
        rows = rows.filter(~models.Exists(pointing))
    return int(rows._raw_delete(rows.db))


def _all(model: type[models.Model]) -> models.QuerySet[Any]:
    return model._base_manager.order_by()


def _relations(model: type[models.Model]) -> list[Any]:
    if model._meta.parents or model._meta.private_fields:
        raise TypeError(f"{model.__name__} has rows in more than one table")
    return list(get_candidate_relations_to_delete(model._meta))


@cache
def _steps(model: Any) -> tuple[_Step, ...]:
    return tuple(_paths(model, ()))


def _paths(model: type[models.Model], path: tuple[Any, ...]) -> Iterator[_Step]:
    """Every way that leads from another table to `model`'s, the longer ones first."""
    for relation in _relations(model):
        key = relation.field
        action = key.remote_field.on_delete
        longer = (key, *path)
        if action is models.DO_NOTHING:
            continue
        if action is models.CASCADE:
            if any(one.related_model is key.model for one in longer):
                raise TypeError(f"{key} closes a circle: its rows cannot be deleted table by table")
            yield from _paths(key.model, longer)
        elif action is not models.SET_NULL:
            raise TypeError(f"{key} says neither CASCADE nor SET_NULL")
        yield _Step(longer)
