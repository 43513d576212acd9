# Usage: sh spare_machine.sh DIRECTORY NSPAWN_OPTION ...
#
# Runs a machine with this one's files, and keeps what it writes in memory. Started
# in a mount namespace of its own, so that everything goes with its last process.
set -eu
directory=$1
shift
mount -t tmpfs tmpfs "$directory"
mkdir "$directory/upper" "$directory/work" "$directory/root"
mount -t overlay overlay \
    -o "lowerdir=/,upperdir=$directory/upper,workdir=$directory/work" "$directory/root"
# Of the services that are installed here, none is to start there.
ln -sf /lib/systemd/system/basic.target "$directory/root/etc/systemd/system/default.target"
: >"$directory/root/etc/spare-machine"
exec systemd-nspawn --quiet --register=no --keep-unit --private-network --link-journal=no \
    --console=pipe --directory="$directory/root" "$@"
