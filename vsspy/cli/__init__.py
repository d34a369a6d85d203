"""The command line of vsspy. `vsspy.cli.main` needs the packages of the extra `cli`; the other modules need nothing."""
