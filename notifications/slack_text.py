"""Words and numbers as Slack's mrkdwn, safe whatever they contain. Pure.

Slack reads `<…>` as mentions and links and asks for three characters to be escaped; everything that is not
our own literal goes through `quoted`. Our own mention alone is put in unescaped, and only for a user's id.
"""

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

_USER: Final = re.compile(r"[UW][A-Z0-9]{2,30}")
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")
_LAST_INSTANT_MS: Final = 253_402_300_799_000  # 9999-12-31, the last a datetime can hold


def quoted(value: str, *, limit: int) -> str:
    """`value` on one line, escaped, at most `limit` characters *after* escaping, cut between characters."""
    line = " ".join(_UNPRINTABLE.sub(" ", value).split())
    whole = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return whole if len(whole) <= limit else clipped(whole, limit=limit)


def clipped(mrkdwn: str, *, limit: int) -> str:
    """Escaped text cut to `limit` characters, never inside an entity or a mention."""
    if len(mrkdwn) <= limit:
        return mrkdwn
    cut = mrkdwn[: limit - 1]
    for opening, closing in (("&", ";"), ("<", ">")):
        start = cut.rfind(opening)
        if start > cut.rfind(closing):
            cut = cut[:start]
    return cut + "…"


def user_id(value: str) -> str:
    """The user's id in `U…`, `W…` or `<@U…>`; empty if it is none of these."""
    bare = value.strip().removeprefix("<@").removesuffix(">").partition("|")[0]
    return bare if _USER.fullmatch(bare) else ""


def mention(user: str) -> str:
    """`<@U…>` for a user's id, nothing for none."""
    return f"<@{user}>" if user else ""


def utc(at_ms: int) -> str:
    """An instant as people read it, in UTC, to the minute."""
    if at_ms > _LAST_INSTANT_MS:
        return "never"
    return f"{datetime.fromtimestamp(max(0, at_ms) / 1000, tz=UTC):%Y-%m-%d %H:%M} UTC"


def dollars(nano: int) -> str:
    """Nano-dollars as dollars, to a hundredth of a cent."""
    return f"${Decimal(nano).scaleb(-9):,.4f}"


def lasted(ms: int) -> str:
    """A time span as people say it: the two largest units."""
    parts, left = [], max(0, ms) // 1_000
    for length, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        count, left = divmod(left, length)
        parts += [f"{count} {unit}"] if count else []
    return " ".join(parts[:2]) or "less than a second"


def seconds(ms: int) -> str:
    return f"{Decimal(ms).scaleb(-3):,.1f} s"
