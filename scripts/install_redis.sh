# Usage: sh install_redis.sh
#
# Installs redis-server by the system's packages, for the tests that need a real
# Redis. Where it can't, it says so and does no harm: those tests are skipped then.
set -eu

if command -v redis-server >/dev/null; then
    exit
fi

if [ "$(id -u)" != 0 ]; then
    echo "No redis-server here, and only root can install one; its tests are skipped" >&2
elif command -v apt-get >/dev/null; then
    # RUNLEVEL: the package is not to start a Redis of its own.
    { apt-get update && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install --yes --no-install-recommends redis-server; } >/dev/null 2>&1 ||
        echo "redis-server could not be installed; its tests are skipped" >&2
elif command -v pkg >/dev/null; then
    pkg install --yes redis >/dev/null 2>&1 ||
        echo "redis could not be installed; its tests are skipped" >&2
else
    echo "No redis-server here, and no known way to install one; its tests are skipped" >&2
fi
