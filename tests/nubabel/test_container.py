"""The Dockerfile's steps, followed without Docker: what it copies is enough, what it installs has hashes."""

import asyncio
import fnmatch
import json
import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.nubabel.test_serve import free_port

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
CHECK = ["manage.py", "check", "--deploy", "--fail-level", "WARNING"]
_STEP = re.compile(r"^(FROM|ENV|COPY|RUN|USER|WORKDIR|CMD|HEALTHCHECK|STOPSIGNAL|EXPOSE|ARG)\s+(.*)$", re.DOTALL)


def steps() -> list[tuple[str, str]]:
    """Instructions and what they say, continued lines joined."""
    lines = [line for line in DOCKERFILE.splitlines() if not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines)).splitlines()
    return [(found[1], found[2]) for line in joined if (found := _STEP.match(line))]


def said(word: str) -> list[str]:
    return [text for step, text in steps() if step == word]


def copied() -> list[str]:
    """What comes from the folder the image is built in."""
    return [source for text in said("COPY") if "--from" not in text for source in text.split()[:-1]]


def environment() -> dict[str, str]:
    return dict(pair.split("=", 1) for text in said("ENV") for pair in shlex.split(text))


def production(port: int, data: Path) -> dict[str, str]:
    """The image's variables, and those an operator sets."""
    ours = environment() | {"DATA_DIR": str(data), "HOST": "127.0.0.1", "PORT": str(port)}
    keys = {"SECRET_KEY": secrets.token_urlsafe(60), "ENCRYPTION_KEY": secrets.token_hex(32)}
    stores = {"DATABASE_URL": f"sqlite:///{data}/db.sqlite3", "REDIS_URL": "rediss://127.0.0.1:1/0"}
    return {
        **ours,
        **keys,
        **stores,
        "ALLOWED_HOSTS": "pool.example.com",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def test_it_runs_as_somebody_without_rights_and_ends_when_told() -> None:
    user = said("USER")[-1]
    assert user.isdigit()
    assert int(user) > 1_000
    assert said("STOPSIGNAL") == ["SIGTERM"]


def test_everything_that_is_installed_is_a_wheel_with_a_hash() -> None:
    (install,) = [text for text in said("RUN") if "pip install" in text]
    assert {"--require-hashes", "--only-binary=:all:", "--no-deps"} <= set(install.split())
    assert "||" not in install


def test_the_linter_has_nothing_to_say() -> None:
    linter = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if linter is None:
        pytest.skip("hadolint is not installed; requirements-dev.txt has it for Linux on x86_64")
    done = subprocess.run([linter, "--no-color", "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_every_requirement_has_a_version_and_a_hash() -> None:
    pinned = re.sub(r"\\\n\s*", " ", (ROOT / "requirements.txt").read_text()).splitlines()
    assert pinned
    assert all(re.match(r"[a-z0-9.\[\],_-]+==\S+ .*--hash=sha256:", line) for line in pinned if line.strip())


def test_what_it_copies_is_there_and_is_let_through() -> None:
    let_through = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    for source in copied():
        assert (ROOT / source).exists(), source
        assert any(fnmatch.fnmatch(source, pattern) for pattern in let_through), source


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The second stage's /app: a folder with what is copied and nothing else."""
    app = tmp_path_factory.mktemp("image") / "app"
    app.mkdir()
    for source in copied():
        place = app / source
        if (ROOT / source).is_dir():
            shutil.copytree(ROOT / source, place, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / source, place)
    return app


def test_the_settings_of_the_image_have_nothing_to_complain_about(image: Path, tmp_path: Path) -> None:
    command = [sys.executable, *CHECK]
    done = subprocess.run(
        command, cwd=image, env=production(1, tmp_path), capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


@pytest.fixture
async def running(image: Path, tmp_path: Path) -> AsyncIterator[tuple[asyncio.subprocess.Process, dict[str, str]]]:
    env = production(free_port(), tmp_path)
    command = json.loads(said("CMD")[-1])
    process = await asyncio.create_subprocess_exec(*command, cwd=image, env=env | {"UNREADY_SECONDS": "0"})
    yield process, env
    if process.returncode is None:
        process.kill()
    await process.wait()


async def test_what_it_starts_passes_its_own_health_check_and_stops_with_zero(
    image: Path, running: tuple[asyncio.subprocess.Process, dict[str, str]]
) -> None:
    process, env = running
    probe = json.loads(said("HEALTHCHECK")[0].partition(" CMD ")[2])
    async with asyncio.timeout(90):
        while await _exit_code(probe, cwd=image, env=env) != 0:
            assert process.returncode is None
        process.terminate()
        assert await process.wait() == 0


async def _exit_code(command: list[str], *, cwd: Path, env: dict[str, str]) -> int:
    quiet = asyncio.subprocess.DEVNULL
    return await (await asyncio.create_subprocess_exec(*command, cwd=cwd, env=env, stderr=quiet)).wait()


@pytest.mark.skipif(
    not os.environ.get("NUBABEL_FOLLOW_DOCKERFILE"), reason="installs everything anew; set NUBABEL_FOLLOW_DOCKERFILE=1"
)
@pytest.mark.timeout(900)
def test_the_first_stage_installs_what_the_second_needs(image: Path, tmp_path: Path) -> None:
    places = {"/venv": str(tmp_path / "venv"), "/build": str(tmp_path / "build")}
    (tmp_path / "build").mkdir()
    for name in ("requirements.txt", "requirements-tracing.txt"):
        shutil.copy(ROOT / name, tmp_path / "build")
    stage = steps()[: [step for step, _ in steps()].index("FROM", 2)]
    for command in (text for step, text in stage if step == "RUN"):
        for theirs, ours in places.items():
            command = command.replace(theirs, ours)  # noqa: PLW2901
        done = subprocess.run(["sh", "-c", command.replace("python -m venv", f"{sys.executable} -m venv")], check=False)
        assert done.returncode == 0, command
    env = production(1, tmp_path)
    check = [f"{places['/venv']}/bin/python", *CHECK]
    assert subprocess.run(check, cwd=image, env=env, check=False, timeout=300).returncode == 0


def test_railway_waits_for_what_is_ready_and_prepares_what_serves() -> None:
    deploy = json.loads((ROOT / "railway.json").read_text())["deploy"]
    assert deploy["healthcheckPath"] == "/health/ready"
    assert deploy["preDeployCommand"] == [_procfile()["release"]]
    assert deploy["startCommand"] == _procfile()["web"]
    assert json.loads((ROOT / "railway.worker.json").read_text())["deploy"]["startCommand"] == _procfile()["worker"]


RAILWAY = {
    "startCommand": str,
    "preDeployCommand": list,
    "healthcheckPath": str,
    "healthcheckTimeout": int,
    "overlapSeconds": int,
    "drainingSeconds": int,
    "restartPolicyType": str,
}
"""What we use of the published schema, and its types there; a setting under another name is ignored silently."""


@pytest.mark.parametrize("file", ["railway.json", "railway.worker.json"])
def test_railway_knows_every_setting_by_this_name_and_type(file: str) -> None:
    said = json.loads((ROOT / file).read_text())
    assert said.keys() == {"$schema", "build", "deploy"}
    assert said["build"] == {"builder": "DOCKERFILE", "dockerfilePath": "Dockerfile"}
    assert {name: type(value) for name, value in said["deploy"].items()}.items() <= RAILWAY.items()


def _procfile() -> dict[str, str]:
    return dict(re.findall(r"^(\w+): (.*)$", (ROOT / "Procfile").read_text(), re.MULTILINE))
