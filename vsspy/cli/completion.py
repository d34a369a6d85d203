"""`vsspy completion`: what a shell needs to complete vsspy's command line."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from .main import cli, guarded

__all__ = ["command"]

VARIABLE = "_VSSPY_COMPLETE"  # by which a shell's script asks for completions


@click.command(name="completion", short_help="Print a script that lets a shell complete vsspy's commands.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@guarded
def command(shell: str) -> int:
    """Print a script for SHELL that completes vsspy's commands and options.

    There is none for PowerShell.

    \b
    Examples:
      eval "$(vsspy completion bash)"                                         # in ~/.bashrc
      eval "$(vsspy completion zsh)"                                          # in ~/.zshrc
      vsspy completion fish > ~/.config/fish/completions/vsspy.fish

    \b
    Exit codes:
      0    printed
      2    no such shell
    """
    found = get_completion_class(shell)
    assert found is not None
    click.echo(found(cli, {}, "vsspy", VARIABLE).source())
    return 0
