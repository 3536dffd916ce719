"""The action proxy for Python: the action is a module in this process, its `main` a function in it."""

import os
import sys

from server import MEMORY_EXIT, NOT_A_DICTIONARY, Proxy, Refused, encode, unzip

MODULE = "main__"
SOURCES = {}


class PythonProxy(Proxy):
    """Loads source text or a zip with `__main__.py` at its root (and perhaps `virtualenv/`)."""

    def load(self, code, main, binary):
        """See Proxy.load; whatever the code raises while it is imported makes the start fail."""
        sys.path.insert(0, os.getcwd())
        if binary:
            code = self._unpack(code)
        try:
            self.function = self._function(code, main)
        except MemoryError:
            self._out_of_memory()
        except BaseException as error:
            print_exception(error)
            raise Refused(502, f"Cannot start action. Check logs for details. ({describe(error)})") from None

    def call(self, value):
        """See Proxy.call; an exception in the action is its own answer (200 with `error`), as upstream."""
        try:
            result = self.function(value)
        except MemoryError as error:
            print_exception(error)
            self._out_of_memory()
        except Exception as error:
            print_exception(error)
            return encode({"error": str(error)})
        except BaseException as error:
            print_exception(error)
            raise Refused(400, f"command exited ({describe(error)})") from None
        return self._encoded(result)

    def _encoded(self, result):
        try:
            return encode(result)
        except MemoryError:
            self._out_of_memory()
        except (TypeError, ValueError, RecursionError) as error:
            raise Refused(502, f"{NOT_A_DICTIONARY} ({error})") from None

    def _unpack(self, data):
        target = os.getcwd()
        unzip(data, target)
        forget_hiding(os.listdir(target))
        if os.path.isdir("virtualenv"):
            activate(os.path.join(target, "virtualenv"))
        if not os.path.isfile("__main__.py"):
            raise Refused(502, "Zip file does not include mandatory files: __main__.py")
        with open("__main__.py", "rb") as file:
            return file.read()

    def _function(self, code, main):
        module = type(sys)(MODULE)
        module.__file__ = os.path.join(os.getcwd(), MODULE + ".py")
        sys.modules[MODULE] = module
        remember_source(module.__file__, code)
        exec(compile(code, module.__file__, "exec"), module.__dict__)
        function = getattr(module, main, None)
        if not callable(function):
            raise AttributeError(f"the action has no function {main!r}")
        return function

    def _out_of_memory(self):
        self.streams.sentinels()
        os._exit(MEMORY_EXIT)


def forget_hiding(names):
    """Modules that are loaded already must not hide what came with the action."""
    own = {name.removesuffix(".py") for name in names}
    for module in [name for name in sys.modules if name.partition(".")[0] in own]:
        if module != "__main__":
            del sys.modules[module]


def activate(virtualenv):
    """Put the packages of a virtual environment that came in the zip on the path. Raises Refused(502)."""
    script = os.path.join(virtualenv, "bin", "activate_this.py")
    if os.path.isfile(script):
        with open(script, "rb") as file:
            exec(compile(file.read(), script, "exec"), {"__file__": script, "__name__": "__main__"})
        return
    import glob

    folders = glob.glob(os.path.join(glob.escape(virtualenv), "lib", "python3*", "site-packages"))
    if not folders:
        raise Refused(502, "Invalid virtualenv. Zip file does not include 'activate_this.py'.")
    import site

    for folder in folders:
        sys.path.insert(1, folder)
        site.addsitedir(folder)


def remember_source(path, code):
    """Let tracebacks show the action's lines although there is no file."""
    lines = code.decode("utf-8", "replace").splitlines(True)
    SOURCES[path] = (len(code), None, lines, path)


def print_exception(error):
    """The traceback of the action on stderr, without the frames of this proxy."""
    import linecache
    import traceback

    linecache.cache.update(SOURCES)
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename == __file__:
        trace = trace.tb_next
    try:
        traceback.print_exception(type(error), error, trace, file=sys.stderr)
    except (ValueError, OSError):
        pass


def describe(error):
    """One line for an exception: its type and text."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
