# Sourced by the other scripts: makes .venv/ with the project and its development tools, once per change of setup.cfg.
# Shell variables set: PROJECT (the checkout), VENV (its environment).
PROJECT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
VENV=$PROJECT/.venv

find_python() {
    local candidate
    for candidate in "${PYTHON:-python3}" python3.13 python3.12 python3.11 python3 /usr/bin/python3; do
        if command -v "$candidate" >/dev/null 2>&1 &&
            "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            command -v "$candidate"
            return 0
        fi
    done
    echo "No Python 3.11 or newer with venv was found. On Debian: apt-get install python3-venv; or set PYTHON=/path/to/python3." >&2
    return 1
}

install_project() {  # $1: what to install; retried once, since package downloads sometimes break off
    local log=$VENV/install.log
    "$VENV/bin/python" -m pip install --quiet --no-input --root-user-action=ignore -e "$1" >"$log" 2>&1 && return 0
    sleep 3
    "$VENV/bin/python" -m pip install --quiet --no-input --root-user-action=ignore -e "$1" >"$log" 2>&1 && return 0
    cat "$log" >&2
    echo "Installing $1 failed; the lines above say why. Nothing outside $VENV was changed." >&2
    return 1
}

# environment run|dev: the extras wanted.
environment() {
    local extras=$1 wanted python
    wanted=$(cksum <"$PROJECT/setup.cfg")
    if [ -f "$VENV/.made-$extras" ] && [ "$(cat "$VENV/.made-$extras")" = "$wanted" ]; then
        return 0
    fi
    python=$(find_python)
    if [ ! -x "$VENV/bin/python" ] || ! "$VENV/bin/python" -c '' 2>/dev/null; then
        echo "Making the environment in .venv (only the first time) ..." >&2
        rm -rf "$VENV"
        "$python" -m venv "$VENV"
    fi
    case $extras in
        dev) install_project "$PROJECT[dev]" ;;
        *) install_project "$PROJECT" ;;
    esac
    echo "$wanted" >"$VENV/.made-$extras"
    if [ "$extras" = dev ]; then echo "$wanted" >"$VENV/.made-run"; fi
}
