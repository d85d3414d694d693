#!/bin/sh
# Installs the servers that tests start: nginx, XRootD, VOMS clients from the system; Rucio in an environment of its own.
# Usage: tools/test_servers.sh PYTHON RUCIO_VENV
set -eu
python=$1
rucio=$2

wanted=
command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] || wanted="$wanted nginx-light"
command -v xrootd >/dev/null || wanted="$wanted xrootd-server xrootd-client"
command -v voms-proxy-info >/dev/null || wanted="$wanted voms-clients"
if [ -n "$wanted" ]; then
    if [ "$(id -u)" = 0 ]; then as_root=; else as_root='sudo -n'; fi
    echo "Installing with apt-get:$wanted"
    $as_root apt-get -qq update
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $wanted >/dev/null
fi

# The server brings its own generation of libraries.
if [ ! -x "$rucio/bin/python" ]; then
    echo "Installing a Rucio server in $rucio"
    "$python" -m venv "$rucio"
    "$rucio/bin/python" -m pip --disable-pip-version-check --quiet install rucio rucio-clients werkzeug ||
        { rm -rf "$rucio"; exit 1; }
fi
