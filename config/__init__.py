"""Defaults a person may read and change: settings (owactors.toml), runtimes manifest (runtimes.json).

Belongs here: data files, in the formats that users write themselves. No code.
In the installed product this folder is the package `owactors.defaults`.
"""
