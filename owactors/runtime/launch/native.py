"""Start the proxy for executables and shell scripts."""

import sys

from native_proxy import NativeProxy

del sys.path[0]
NativeProxy().serve()
