"""The Lua scripts as Redis gets them: each with the parts its header requires put in front."""

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_REQUIRES = re.compile(r"^-- requires:(.*)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    text: str

    @property
    def sha(self) -> str:
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


@cache
def script(name: str) -> Script:
    """`lua/<name>.lua` with its required parts."""
    body = source(name)
    required = _REQUIRES.search(body)
    parts = required.group(1).split() if required else []
    return Script(name, _COMMENT.sub("", "\n".join([*map(source, parts), body])))


def source(part: str) -> str:
    """One file as it stands."""
    return files("quota.engine").joinpath(f"lua/{part}.lua").read_text()


NAMES = ("lease", "settle", "renew", "expire", "configure", "snapshot", "control")
