"""The Lua scripts as Redis gets them: with the parts their headers require in front, and constants written out."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files

from quota.engine.inlining import inline
from quota.engine.trimming import trim

NAMES = ("lease", "settle", "renew", "expire", "configure", "snapshot", "control", "foreign")
_REQUIRES = re.compile(r"^-- requires:(.*)$", re.MULTILINE)
_COMMENT = re.compile(r"^\s*--.*\n", re.MULTILINE)


@dataclass(frozen=True)
class Script:
    name: str
    text: str

    @cached_property
    def sha(self) -> str:
        """What EVALSHA calls it by."""
        return hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()


Scripts = dict[str, Script]


def source(part: str) -> str:
    """One file of `lua/` as it stands."""
    return files("quota.engine").joinpath(f"lua/{part}.lua").read_text()


def assemble(read: Callable[[str], str]) -> Scripts:
    """All scripts, made of what `read` gives for each part."""
    return {name: _assemble(name, read) for name in NAMES}


@cache
def scripts() -> Scripts:
    """All scripts as they ship."""
    return assemble(source)


def _assemble(name: str, read: Callable[[str], str]) -> Script:
    body = read(name)
    required = _REQUIRES.search(body)
    parts = required.group(1).split() if required else []
    return Script(name, trim(inline(_COMMENT.sub("", "\n".join([*map(read, parts), body])))))
