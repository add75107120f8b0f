"""Names that never change, written into a script as the values they stand for.

# Note [Constants cost nothing only when they are literals]
Redis runs a whole script at each call, so every function in it is made anew each time, and each local it refers to is
looked up in a list of all locals referred to so far. With a hundred named places and keys that was half of a lease
(49 of 100 µs in the server; 19 once they are literals). The functions stay; the names are for the people who read them.
"""

import re
from typing import Final

_VALUE: Final = r"(?:\d+|KEYS\[\d+\])"
_DECLARED: Final = re.compile(rf"^local ([A-Z_]+(?:, [A-Z_]+)*) = ({_VALUE}(?:, {_VALUE})*)(?: *--.*)?\n", re.MULTILINE)
_TOKEN: Final = re.compile(r"""--[^\n]*|'[^']*'|"[^"]*"|\.?\w+|.""", re.DOTALL)


def inline(text: str) -> str:
    """Replaces `local NAMES = numbers or keys`, declared at the left margin in capitals, by what they are."""
    values: dict[str, str] = {}

    def take(declared: re.Match[str]) -> str:
        values.update(zip(declared[1].split(", "), declared[2].split(", "), strict=True))
        return ""

    body = _DECLARED.sub(take, text)
    return "".join(values.get(token, token) for token in _TOKEN.findall(body))
