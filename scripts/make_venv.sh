# Usage: sh make_venv.sh DIRECTORY NEWEST PYTHON [OPTION ...]
#
# Makes a virtual environment, with the OPTIONs of `python -m venv`, by PYTHON if
# that is of 3.11 to 3.NEWEST, or by such a one that has its usual name.
set -eu

directory=$1
newest=$2
wanted=$3
shift 3

fits() {
    "$1" -c "import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, $newest))" 2>/dev/null
}

for python in "$wanted" python3.13 python3.12 python3.11 python3.14; do
    if fits "$python"; then
        [ "$python" = "$wanted" ] || echo "$wanted does not do; taking $python" >&2
        "$python" -m venv "$@" "$directory" && exit
        rm -rf "$directory"
        exit 1
    fi
done

range="3.11 or later"
[ "$newest" = 99 ] || range="3.11 to 3.$newest"
echo "Python $range is needed, and $wanted is not one. If it goes by another name here:" >&2
echo "    make PYTHON=/path/to/python ..." >&2
exit 1
