"""Functions a script does not use are left out; those it uses become fields of one table.

# Note [One table of functions]
Redis makes every function of a script anew at each call, and finds each outer local it refers to in a list of all such
locals. Functions that call each other as fields of one table `F` refer to one local instead of a dozen, and the list
stays short. In the files they are plain local functions.
"""

import re
from typing import Final

_FUNCTION: Final = re.compile(
    r"^local function (\w+)(\((?:[^\n]* end\n|[^\n]*\n(?:(?!end\n)[^\n]*\n)*end\n))",
    re.MULTILINE,
)
_TOKEN: Final = re.compile(r"""--[^\n]*|'[^']*'|"[^"]*"|\.?\w+|.""", re.DOTALL)


def trim(text: str) -> str:
    """Gathers the `local function`s at the left margin that the script needs behind its last declaration.

    A name that is a function here must not be a variable there: Redis would refuse the script.
    """
    found = list(_FUNCTION.finditer(text))
    if not found:
        return text
    bodies = {one[1]: one[2] for one in found}
    declared, main = _FUNCTION.sub("", text[: found[-1].end()]), text[found[-1].end() :]
    needed = _reached(main, bodies)
    fields = "".join(
        f"{name} = function{_qualified(bodies[name], bodies)[:-1]},\n" for name in bodies if name in needed
    )
    return f"{declared}local F\nF = {{\n{fields}}}\n{_qualified(main, bodies)}"


def _reached(main: str, bodies: dict[str, str]) -> set[str]:
    reached: set[str] = set()
    waiting = _words(main) & bodies.keys()
    while waiting:
        name = waiting.pop()
        reached.add(name)
        waiting |= (_words(bodies[name]) & bodies.keys()) - reached
    return reached


def _words(text: str) -> set[str]:
    return set(_TOKEN.findall(text))


def _qualified(text: str, bodies: dict[str, str]) -> str:
    return "".join(f"F.{token}" if token in bodies else token for token in _TOKEN.findall(text))
