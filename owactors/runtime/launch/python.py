"""Start the proxy for Python. Kept tiny: the main program is compiled anew at each start, modules are not."""

import sys

from python_proxy import PythonProxy

# The action may have modules of the same names as ours.
del sys.path[0], sys.modules["python_proxy"], sys.modules["server"], sys.modules["quickjson"]
PythonProxy().serve()
