"""What must stay true of the imports. The contracts themselves stand in pyproject.toml."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("nubabel", "accounts", "quota", "gateway", "notifications", "simulator")
SETTINGS_READERS = {"accounts/wiring.py", "quota/wiring.py", "gateway/wiring.py", "notifications/wiring.py"}


def sources(*packages: str) -> Iterator[Path]:
    for package in packages:
        yield from (path for path in sorted((ROOT / package).rglob("*.py")) if "migrations" not in path.parts)


def reads_settings(path: Path) -> bool:
    """Whether a module imports django.conf.settings in any spelling."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "django.conf":
            return True
        if isinstance(node, ast.Import) and any(name.name == "django.conf" for name in node.names):
            return True
    return False


def test_the_contracts_of_pyproject_hold() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:]


def test_the_engine_imports_nothing_of_ours_but_itself() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    engine = {"quota.engine", *graph.find_descendants("quota.engine")}
    strays = {
        (module, imported)
        for module in engine
        for imported in graph.find_modules_directly_imported_by(module)
        if imported.partition(".")[0] in PACKAGES and imported not in engine
    }
    assert not strays


def test_settings_are_read_in_one_module_per_app() -> None:
    readers = {
        str(path.relative_to(ROOT))
        for path in sources("accounts", "quota", "gateway", "notifications", "simulator")
        if reads_settings(path)
    }
    assert readers <= SETTINGS_READERS


def test_no_module_of_the_product_is_longer_than_a_screenful_of_screens() -> None:
    long = {str(path.relative_to(ROOT)): lines for path in sources(*PACKAGES) if (lines := _lines(path)) > 400}
    assert not long


@pytest.mark.parametrize("package", PACKAGES)
def test_importing_a_package_does_not_import_the_slow_sdk(package: str) -> None:
    """`import anthropic` costs 1.5 s of CPU; only the call that needs it may pay."""
    code = (
        "import os, sys, django; os.environ['DJANGO_SETTINGS_MODULE'] = 'tests.settings'; django.setup();"
        f"import {package}; sys.exit('anthropic' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())
