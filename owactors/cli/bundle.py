"""The code of an action, made from what a person has: a source file, a zip, or a folder with its libraries.

A folder becomes a zip. With requirements.txt (Python) its packages are installed into `virtualenv/` inside the zip,
with package.json (Node.js) into `node_modules/`; both are what OpenWhisk's runtimes look for.
"""

from __future__ import annotations

import base64
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

from attrs import frozen

from owactors.cli.failure import USAGE, Failure

KINDS = {
    ".py": "python:default",
    ".js": "nodejs:default",
    ".mjs": "nodejs:default",
    ".rb": "ruby:default",
    ".php": "php:default",
    ".go": "go:default",
    ".swift": "swift:default",
    ".jar": "java:default",
    ".sh": "native:default",
}
#: How scripts and programs of Linux begin.
_EXECUTABLE = (b"#!", b"\x7fELF")
_LEFT_OUT = {".git", ".venv", "__pycache__", "node_modules", ".DS_Store", "virtualenv"}
#: Sets the paths of a virtualenv in a running interpreter, as virtualenv's own script of this name does.
_ACTIVATE = """import glob, os, site, sys
prefix = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
for folder in glob.glob(os.path.join(glob.escape(prefix), "lib", "python3*", "site-packages")):
    before = len(sys.path)
    site.addsitedir(folder)
    sys.path[:] = sys.path[before:] + sys.path[:before]
"""


@frozen
class Bundle:
    """Code for the `exec` of an action: its kind if that is plain, and the source text or a zip."""

    kind: str | None
    content: bytes
    binary: bool

    @property
    def code(self) -> str:
        """As it stands in `exec.code`."""
        return base64.b64encode(self.content).decode() if self.binary else self.content.decode()


def bundle(source: Path) -> Bundle:
    """The bundle of a file or folder; Failure if nothing can be made of it."""
    if source.is_dir():
        return _from_folder(source)
    try:
        content = source.read_bytes()
    except OSError as problem:
        raise Failure(f"{source} cannot be read: {problem.strerror}.", USAGE) from problem
    kind = KINDS.get(source.suffix) or (KINDS[".sh"] if content.startswith(_EXECUTABLE) else None)
    if source.suffix in (".zip", ".jar"):
        return Bundle(_kind_in_zip(source) if source.suffix == ".zip" else kind, content, True)
    try:
        content.decode()
    except UnicodeDecodeError:
        return Bundle(kind, content, True)
    return Bundle(kind, content, False)


def _kind_in_zip(file: Path) -> str | None:
    try:
        with zipfile.ZipFile(file) as archive:
            return _kind_of(archive.namelist())
    except (OSError, zipfile.BadZipFile) as problem:
        raise Failure(f"{file} is no zip archive: {problem}.", USAGE) from problem


def _kind_of(names: Sequence[str]) -> str | None:
    """The kind that starts with one of these files at the root."""
    if "__main__.py" in names:
        return KINDS[".py"]
    if "package.json" in names or "index.js" in names:
        return KINDS[".js"]
    return KINDS[".sh"] if "exec" in names else None


def _from_folder(folder: Path) -> Bundle:
    names = [path.name for path in folder.iterdir()]
    kind = _kind_of(names)
    if kind is None:
        raise Failure(
            f"{folder} is no action: it has neither __main__.py (Python), package.json or index.js (Node.js), "
            "nor an executable `exec`.",
            USAGE,
        )
    if not {"requirements.txt", "package.json"} & set(names):
        return Bundle(kind, zipped([folder]), True)
    with tempfile.TemporaryDirectory(prefix="owactors-deploy-") as temporary:
        installed = Path(temporary)
        if "requirements.txt" in names:
            install_python(folder / "requirements.txt", installed)
        if "package.json" in names:
            install_node(folder, installed)
        return Bundle(kind, zipped([folder, installed]), True)


def install_python(requirements: Path, target: Path) -> None:
    """Installs the packages into `target`/virtualenv, for the Python that runs this command."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    packages = target / "virtualenv" / "lib" / version / "site-packages"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-input", "--disable-pip-version-check"]
    _run([*command, "--target", str(packages), "-r", requirements.name], requirements.parent, "pip")
    script = target / "virtualenv" / "bin" / "activate_this.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(_ACTIVATE)


def install_node(folder: Path, target: Path) -> None:
    """Installs the dependencies of `folder`/package.json into `target`/node_modules."""
    npm = shutil.which("npm")
    if npm is None:
        raise Failure("package.json needs npm, which is not in PATH (Debian: apt-get install npm).", USAGE)
    locked = (folder / "package-lock.json").is_file()
    for name in ("package.json", "package-lock.json"):
        if (folder / name).is_file():
            shutil.copy(folder / name, target)
    _run([npm, "ci" if locked else "install", "--omit=dev", "--no-audit", "--no-fund", "--silent"], target, "npm")
    for name in ("package.json", "package-lock.json"):
        (target / name).unlink(missing_ok=True)


def _run(command: list[str], folder: Path, tool: str) -> None:
    """Runs a tool; Failure with the end of what it said."""
    try:
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=900)
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise Failure(f"{tool} could not be run: {problem}.", USAGE) from problem
    if ended.returncode != 0:
        said = (ended.stderr.strip() or ended.stdout.strip()).splitlines()[-5:]
        raise Failure(f"{tool} could not install the action's packages:\n  " + "\n  ".join(said), USAGE)


def zipped(folders: Sequence[Path]) -> bytes:
    """A zip of the folders' contents, in a fixed order and without times, so that equal input gives equal bytes."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for folder in folders:
            left_out = _LEFT_OUT if folder == folders[0] else {"__pycache__"}
            for file in _files(folder, left_out):
                entry = zipfile.ZipInfo(str(file.relative_to(folder)))
                entry.external_attr = (0o100000 | (file.stat().st_mode & 0o777)) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                archive.writestr(entry, file.read_bytes())
    return buffer.getvalue()


def _files(folder: Path, left_out: set[str]) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.name in left_out:
            continue
        if path.is_dir():
            yield from _files(path, left_out)
        elif path.is_file():
            yield path
