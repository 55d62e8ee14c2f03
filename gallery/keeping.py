"""The whole lineage is kept: what is anchored and missing here is asked for at the mirrors, oldest first.

A picture that nobody had is asked for again after RETRY_S. The asking is done where paintings are, and gives
way to them; so the tick, which calls `complete`, waits for nobody.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from django.conf import settings
from django.core.cache import cache

from chain.models import Cursor
from compute import mirrors, tasks
from compute.models import Picture
from gallery.models import Generation

EVERY_S = 5
MOST = 20
"""Pictures that are asked for at once."""
MOST_LOOKED_AT = 1000


def complete() -> int:
    """Have the oldest missing pictures of final generations asked for; returns how many."""
    if not settings.LINEAGE_MIRRORS or not cache.add("gallery.keeping", True, EVERY_S):
        return 0
    wanted = list(islice(missing(), MOST))
    if wanted:
        tasks.complete.apply_async([wanted], expires=EVERY_S)
    return len(wanted)


def missing() -> Iterator[str]:
    """File hashes of final generations whose picture is not kept here and was not asked for just now."""
    cursor = Cursor.current()
    if cursor is None:
        return
    final = Generation.objects.filter(log__block__number__lte=cursor.finalized_number)
    lacking = final.exclude(file_hash__in=Picture.objects.values("file_hash"))
    for file_hash in lacking.order_by("number").values_list("file_hash", flat=True)[:MOST_LOOKED_AT]:
        if mirrors.is_due(file_hash):
            yield file_hash
