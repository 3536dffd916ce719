"""A network for sandboxes: addresses behind the node's, a way out, and none to the node or to each other.

Belongs here: bridge, veth pairs, network namespaces, firewall rules, names. Linux, and only as root. It does not belong
here what runs in a namespace.
"""
