"""Entry point of `make qa`. Exit code 0: all is well; 1: something is wrong there; 2: something is missing here."""

import asyncio
import os
import sys
from pathlib import Path

from nubabel.smoke.running import Mark, Result
from qa.asking import ask
from qa.config import Config, Unusable, config_of
from qa.report import Report
from qa.telling import tell_slack


def main() -> int:
    try:
        config = config_of(os.environ)
    except Unusable as unusable:
        print(unusable, file=sys.stderr)  # noqa: T201
        return 2
    return asyncio.run(_qa(config))


async def _qa(config: Config) -> int:
    for old in _screenshots(config.screenshots):
        old.unlink()
    results = await ask(config, tell=_say)
    pictures = [shot.name for shot in _screenshots(config.screenshots)]
    report = Report(config.base_url, results, pictures, config.run_url)
    told = await tell_slack(report, config.slack)
    _say(told)
    for name in report.screenshots:
        print(f"  {config.screenshots / name}")  # noqa: T201
    print(report.summary(), flush=True)  # noqa: T201
    return 0 if report.good and told.mark is not Mark.BAD else 1


def _screenshots(folder: Path) -> list[Path]:
    return sorted(folder.glob("qa-*.png"))


def _say(result: Result) -> None:
    print(result.line(), flush=True)  # noqa: T201


if __name__ == "__main__":
    sys.exit(main())
