"""`python -m owactors` is the command `owactors`."""

from owactors.cli import main

if __name__ == "__main__":
    main()
