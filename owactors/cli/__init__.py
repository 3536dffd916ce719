"""The command owactors. Speaks HTTP to a node, or starts one; holds no rules of OpenWhisk."""


def main() -> None:
    """Entry point of the command `owactors`."""
    raise SystemExit("owactors: the command line is not there yet")
