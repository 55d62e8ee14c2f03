"""What a page may listen to."""

import re
from collections.abc import Iterable

# A proposal id is a uint256: at most 78 decimal digits, so a group name stays under Channels' 100 characters.
TOPIC = re.compile(r"artwork|governance|chain|proposal\.(?:0|[1-9][0-9]{0,77})", re.ASCII)
MOST_TOPICS = 12


class UnknownTopic(ValueError):
    """The page asked for a topic that does not exist, or for too many."""


def check(topics: Iterable[str]) -> frozenset[str]:
    """Return the topics as a set; raise `UnknownTopic` for one that is not on the list, or for too many."""
    wanted = frozenset(topics)
    if len(wanted) > MOST_TOPICS:
        raise UnknownTopic(f"more than {MOST_TOPICS} topics")
    for topic in wanted:
        if not TOPIC.fullmatch(topic):
            raise UnknownTopic(f"no topic {topic[:100]!r}")
    return wanted


def group(topic: str) -> str:
    """The channel layer's group for a topic."""
    return f"live.{topic}"
