#!/usr/bin/env python
"""Django's command line for the pool; `manage.py serve` runs everything."""

import os
import sys


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "nubabel.settings")
    from nubabel.command_line import run

    run(sys.argv)


if __name__ == "__main__":
    main()
