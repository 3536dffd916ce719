"""The default back end: actions as processes of this machine, held back by what the kernel offers here.

`factory` probes and makes, `container` is one sandbox, `cgroup` limits and freezes, `bubblewrap` builds the
namespaces, `leftovers` knows what lies on disk and removes what dead nodes left. For code you trust: the
kernel and, by default, the network are shared. Not here: how a kind is started (owactors.runtime).
"""
