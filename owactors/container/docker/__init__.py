"""Containers of a Docker engine (or one that speaks its API).

`factory` makes and sweeps, `container` is one of them, `engine` is all that is asked of the API, `attach`
reads the output, `images` builds the images of the packaged kinds from the programs of this machine. The
package `docker` is imported in `engine` only.
"""
