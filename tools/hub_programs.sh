#!/bin/sh
# Installs what the tests of deploy/ start beside Python's packages: a browser from the system; the proxy of JupyterHub,
# by the npm of an environment that has the dependency group `hub`, into that environment.
# Usage: tools/hub_programs.sh VENV
set -eu
bin=$(cd "$1/bin" && pwd)

if ! command -v chromium >/dev/null; then
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root='sudo -n'; fi
    echo "Installing with apt-get: chromium"
    $as_root apt-get -qq update
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends chromium >/dev/null
fi

if [ ! -x "$bin/configurable-http-proxy" ] && ! command -v configurable-http-proxy >/dev/null; then
    echo "Installing configurable-http-proxy in $1"
    PATH="$bin:$PATH" "$bin/npm" install --global --prefix "${bin%/bin}" --silent --no-audit --no-fund \
        configurable-http-proxy
fi
