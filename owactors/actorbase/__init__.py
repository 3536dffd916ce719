"""The project's own Thespian system base. Knows Thespian and the standard library, nothing of OpenWhisk."""
