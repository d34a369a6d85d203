"""`python -m vsspy`, and the command `vsspy`."""

from __future__ import annotations

import signal
import sys


def main() -> int:
    """Runs the command line.

    Returns:
        The exit code; 2 where the command line's packages are not installed.
    """
    try:
        try:
            import click  # noqa: F401
            import rich  # noqa: F401
        except ImportError as error:
            print(
                f"vsspy: the command line needs the package {error.name}; run: pip install 'vsspy[cli]'",
                file=sys.stderr,
            )
            return 2
        from vsspy.cli.main import run

        code = run()
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the interpreter's own end is no place for Ctrl-C
        return code
    except KeyboardInterrupt:  # before the commands take signals over
        return 130


if __name__ == "__main__":
    sys.exit(main())
