# Usage: sh install_packages.sh PROGRAM=PACKAGE ...
#
# Installs each PACKAGE whose PROGRAM is missing by the system's packages, for the
# tests that run the real thing. Where it can't, it says so and does no harm:
# those tests are skipped then, and say why.
set -eu

missing=
for pair; do
    command -v "${pair%%=*}" >/dev/null || missing="$missing ${pair#*=}"
done
[ -n "$missing" ] || exit 0

complain() {
    echo "$1:$missing; their tests are skipped" >&2
    exit 0
}

[ "$(id -u)" = 0 ] || complain "Only root can install what is not here"
# Unquoted: $missing is a list.
if command -v apt-get >/dev/null; then
    # RUNLEVEL: no package is to start a service of its own.
    { apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends $missing; } >/dev/null 2>&1 ||
        complain "Could not be installed"
elif command -v pkg >/dev/null; then
    pkg install --yes $missing >/dev/null 2>&1 || complain "Could not be installed"
else
    complain "No known way to install what is not here"
fi
