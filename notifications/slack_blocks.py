"""Slack messages as values, and the Block Kit they are made of. Pure.

Slack's limits: 3,000 characters in a section, 10 fields of 2,000, 10 context elements, 50 blocks, about
13,000 characters in all, and `text` as the fallback for notifications, about 4,000. Ours are tighter, so that no
input can reach them. Every text given to these functions is escaped already (`slack_text.quoted`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from notifications.slack_text import clipped, mention, quoted, user_id

TEXT_LIMIT: Final = 3_000
FIELD_LIMIT: Final = 1_000
LABEL_LIMIT: Final = 100
DIGEST_LINES: Final = 20
LINE_LIMIT: Final = 450

Block = dict[str, Any]


class Channel(StrEnum):
    """What a message is about, which decides where it goes."""

    ACTIVITY = "activity"
    ALERT = "alert"


@dataclass(frozen=True, slots=True)
class SlackMessage:
    """`text` is the fallback, and the line this message becomes in a digest."""

    channel: Channel
    text: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a message says. `about` and `when` are its small print; `user` is mentioned, if any."""

    title: str
    detail: str = ""
    facts: Mapping[str, str] | None = None
    about: str = ""
    when: str = ""
    user: str = ""


def compose(channel: Channel, parts: Parts) -> SlackMessage:
    """One message of these parts."""
    said = "\n".join(it for it in (_headline(f"*{parts.title}*", user=parts.user), parts.detail) if it)
    facts = [_facts(parts.facts)] if parts.facts else []
    footer = " · ".join(it for it in (parts.about, parts.when) if it)
    small_print = [_context(footer)] if footer else []
    text = ": ".join(it for it in (_headline(parts.title, user=parts.user), parts.detail) if it)
    return SlackMessage(channel, clipped(text, limit=TEXT_LIMIT), (_section(said), *facts, *small_print))


def labelled(message: SlackMessage, *, label: str) -> SlackMessage:
    """The message with the channel it was meant for, where several channels share one webhook."""
    meant = f"for {quoted(label, limit=LABEL_LIMIT)}"
    text = clipped(f"[{meant}] {message.text}", limit=TEXT_LIMIT)
    return replace(message, text=text, blocks=(*message.blocks, _context(meant)))


def digest(messages: Sequence[SlackMessage], *, dropped: int = 0) -> SlackMessage:
    """One message in place of many (at least one): alerts and the newest are listed, `dropped` ones only counted."""
    if len(messages) == 1 and not dropped:
        return messages[0]
    shown = _worth_listing(messages)
    unlisted = len(messages) - len(shown) + dropped
    title = f"{len(messages) + dropped} messages at once"
    lines = [_section(clipped(it.text, limit=LINE_LIMIT)) for it in shown]
    more = [_context(f"{unlisted} others are not listed")] if unlisted else []
    return SlackMessage(messages[-1].channel, title, (_section(f":package: *{title}*"), *lines, *more))


def _worth_listing(messages: Sequence[SlackMessage]) -> list[SlackMessage]:
    """Alerts first, then the newest, in the order they came."""
    by_worth = sorted(range(len(messages)), key=lambda at: (messages[at].channel is not Channel.ALERT, -at))
    return [messages[at] for at in sorted(by_worth[:DIGEST_LINES])]


def _headline(title: str, *, user: str) -> str:
    return " ".join(it for it in (title, mention(user_id(user))) if it)


def _mrkdwn(text: str, *, limit: int = TEXT_LIMIT) -> Block:
    # `verbatim` keeps Slack from turning bare addresses and #names of error messages into links.
    return {"type": "mrkdwn", "text": clipped(text, limit=limit), "verbatim": True}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _facts(facts: Mapping[str, str]) -> Block:
    fields = [_mrkdwn(f"*{name}*\n{said}", limit=FIELD_LIMIT) for name, said in facts.items()]
    return {"type": "section", "fields": fields}


def _context(text: str) -> Block:
    return {"type": "context", "elements": [_mrkdwn(text)]}
