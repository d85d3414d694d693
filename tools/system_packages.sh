#!/bin/sh
# Installs what a build needs from the system and does not find: compiler, headers of Python, compression libraries.
# Usage: tools/system_packages.sh PYTHON
# Where it may not install (no root, no sudo without a password) it prints the command and leaves the verdict to the build.
set -eu
python=$1
cxx=${CXX:-c++}
trial=$(mktemp -d)
trap 'rm -rf "$trial"' EXIT

# Prints what is missing, in words that `packages` below turns into package names.
missing() {
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then echo venv; fi
    if ! "$python" -c 'import pathlib, sys, sysconfig
sys.exit(not pathlib.Path(sysconfig.get_path("include"), "Python.h").exists())'; then echo python; fi
    if ! command -v "$cxx" >/dev/null; then
        echo compiler
        cxx=false
    fi
    prefix=${CONDA_PREFIX:-/usr/local}
    for pair in deflate:libdeflate.h zstd:zstd.h lz4:lz4.h lzma:lzma.h xxhash:xxhash.h; do
        printf '#include <stddef.h>\n#include <%s>\nint main() {}\n' "${pair#*:}" >"$trial/have.cpp"
        "$cxx" -I"$prefix/include" "$trial/have.cpp" -o "$trial/have" -L"$prefix/lib" "-l${pair%:*}" 2>/dev/null ||
            echo "${pair%:*}"
    done
}

# Debian's and Fedora's names for them. Python's packages carry the version where the system's Python is not the default.
packages() {
    version=$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
    while read -r word; do
        case "$1:$word" in
            apt-get:venv) echo "python$version-venv" ;;
            apt-get:python) echo "python$version-dev" ;;
            apt-get:compiler) echo g++ ;;
            apt-get:*) echo "lib$word-dev" ;;
            dnf:venv) echo "python$version" ;;
            dnf:python) if [ "$(readlink -f /usr/bin/python3)" = "/usr/bin/python$version" ]; then
                echo python3-devel
            else
                echo "python$version-devel"
            fi ;;
            dnf:compiler) echo gcc-c++ ;;
            dnf:deflate | dnf:zstd) echo "lib$word-devel" ;;
            dnf:lzma) echo xz-devel ;;
            dnf:*) echo "$word-devel" ;;
        esac
    done
}

missing=$(missing)
[ -n "$missing" ] || exit 0

for manager in apt-get dnf none; do
    if command -v $manager >/dev/null; then break; fi
done
if [ $manager = none ]; then
    echo "Not found:" $missing "(the build names the packages to install)"
    exit 0
fi
wanted=$(echo "$missing" | packages $manager | sort | tr '\n' ' ')

if [ "$(id -u)" = 0 ]; then
    as_root=
elif sudo -n true 2>/dev/null; then
    as_root='sudo -n'
else
    echo "The build will need these packages, and installing them needs your password. Please type:"
    echo "  sudo $manager install $wanted"
    exit 0
fi

echo "Installing with $manager: $wanted"
if [ $manager = apt-get ]; then
    $as_root apt-get -qq update
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o Dpkg::Use-Pty=0 install -y --no-install-recommends $wanted >"$trial/log" ||
        { cat "$trial/log"; exit 1; }
else
    $as_root dnf -q -y install $wanted
fi
