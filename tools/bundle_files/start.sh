#!/bin/sh
# Starts fwtool on Linux and macOS from the files beside this one, without network: sh start.sh [COMMAND ...]
# A Python environment is made once, in the user's own folder; the stick is not written to.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
place="${XDG_DATA_HOME:-$HOME/.local/share}/fwtool/tool-@ID@"
system=linux
[ "$(uname -s)" != Darwin ] || system=macos
[ $# -gt 0 ] || set -- visit

if [ -f "$here/frozen/$system/fwtool" ]; then
    # A stick may be mounted so that nothing on it can be run.
    if [ ! -f "$place/complete" ]; then
        mkdir -p "$place"
        cp "$here/frozen/$system/fwtool" "$place/fwtool"
        chmod 755 "$place/fwtool"
        : >"$place/complete"
    fi
    exec "$place/fwtool" "$@"
fi

if [ ! -f "$place/complete" ]; then
    python=
    for name in python3 $(for version in @PYTHONS@; do echo "python$version"; done); do
        if "$name" -c 'import sys, venv, ensurepip; sys.exit(not ((@LOW@) <= sys.version_info[:2] <= (@HIGH@)))' 2>/dev/null; then
            python=$name
            break
        fi
    done
    if [ -z "$python" ]; then
        echo "fwtool needs Python @OLDEST@ to @NEWEST@ with venv (on Debian and Ubuntu: python3-venv)." >&2
        exit 9
    fi
    echo "Setting fwtool up, once ..." >&2
    rm -rf "$place"
    mkdir -p "$(dirname "$place")"
    "$python" -m venv "$place"
    PIP_CONFIG_FILE=/dev/null "$place/bin/python" -m pip --isolated --quiet --disable-pip-version-check install \
        --no-index --find-links "$here/wheels" --require-hashes --no-deps --only-binary :all: -r "$here/requirements.txt"
    : >"$place/complete"
fi
exec "$place/bin/fwtool" "$@"
