#!/usr/bin/env python
"""Django's command line for the pool; `manage.py serve` runs everything."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nubabel.settings")
    try:
        from nubabel.command_line import run

        run(sys.argv)
    except KeyboardInterrupt:  # while modules are still being imported; later `run` sees to it
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
