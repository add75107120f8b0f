"""The repository to clone from: this checkout's commits, with the two releases that the documents speak of."""

import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
OLDER, NEWER = "v1.4.2", "v1.5.0"


def git(*arguments: str, cwd: Path = ROOT) -> str:
    command = ["git", "-c", "safe.directory=*", *arguments]
    return subprocess.run(command, cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


def release_before(head: str = "HEAD") -> str:
    """The commit of the release before: the newest version tag before this commit. While there is none: the newest
    commit of the main line to which this one adds migrations. Raises LookupError.
    """
    tags = git("tag", "--list", "v*", "--merged", f"{head}^", "--sort=-version:refname").split()
    if tags:
        return git("rev-parse", f"{tags[0]}^{{commit}}")
    ours = _migrations(head)
    for commit in git("rev-list", "--first-parent", f"{head}^").split():
        if _migrations(commit) < ours:
            return commit
    raise LookupError("no commit of the main line has fewer migrations than this one, and there is no version tag")


def _migrations(commit: str) -> frozenset[str]:
    files = git("ls-tree", "-r", "--name-only", commit).split("\n")
    return frozenset(file for file in files if "/migrations/0" in file)


def mirror(place: Path, **releases: str) -> Path:
    """A bare clone that knows these releases: tags and their commits."""
    git("clone", "--bare", "--quiet", str(ROOT), str(place))
    for tag, commit in releases.items():
        git("tag", "--force", tag, commit, cwd=place)
    return place


def uncommitted() -> list[str]:
    return git("status", "--porcelain", "--untracked-files=no").splitlines()
