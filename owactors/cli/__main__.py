"""`python -m owactors.cli`, the same as the command `owactors`."""

from owactors.cli import main

main()
