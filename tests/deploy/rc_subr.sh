# shellcheck shell=sh
# A stand-in for FreeBSD's /etc/rc.subr, written after its manual page: what
# rc.subr(8) says of the functions and variables that deploy/freebsd uses. Such as
# there, a daemon is known by its pid file and by the process that has that number:
# its arguments have to begin with the interpreter and the command.
#
# $RC_CONF stands for /etc/rc.conf.

warn() { echo "$0: WARNING: $*" >&2; }

err() {
    status=$1
    shift
    echo "$0: ERROR: $*" >&2
    exit "$status"
}

load_rc_config() {
    [ -n "$1" ] || err 3 "load_rc_config wants a name"
    # shellcheck source=/dev/null
    . "$RC_CONF"
}

checkyesno() {
    eval "value=\${$1}"
    # shellcheck disable=SC2154  # eval has set it
    case $value in
        [Yy][Ee][Ss] | [Tt][Rr][Uu][Ee] | [Oo][Nn] | 1) return 0 ;;
        [Nn][Oo] | [Ff][Aa][Ll][Ss][Ee] | [Oo][Ff][Ff] | 0) return 1 ;;
    esac
    warn "\$$1 is not set properly"
    return 1
}

# check_pidfile pidfile procname [interpreter]
check_pidfile() {
    [ -f "$1" ] || return 0
    found=
    read -r found _ <"$1" || :
    [ -n "$found" ] && [ -r "/proc/$found/cmdline" ] || return 0
    wanted=$2
    if [ -n "${3-}" ]; then
        read -r first_line <"$2"
        [ "${first_line#\#!}" = "$3" ] || warn "\$command_interpreter $3 != ${first_line#\#!}"
        wanted="${first_line#\#!} $2"
    fi
    case "$(tr '\0' ' ' <"/proc/$found/cmdline")" in
        "$wanted "*) echo "$found" ;;
    esac
}

wait_for_pids() {
    for waited in "$@"; do
        while kill -0 "$waited" 2>/dev/null; do sleep 0.1; done
    done
}

as_user() {
    if [ -n "$rc_user" ]; then su -m "$rc_user" -c "sh -c \"$1\""; else eval "$1"; fi
}

# shellcheck disable=SC2154  # the script sets name, command, rcvar ...
run_rc_command() {
    rc_arg=$1 rc_fast='' rc_force='' rc_quiet=''
    case $rc_arg in
        fast*) rc_arg=${rc_arg#fast} rc_fast=yes rc_quiet=yes ;;
        force*) rc_arg=${rc_arg#force} rc_force=yes && eval "$rcvar=YES" ;;
        one*) rc_arg=${rc_arg#one} && eval "$rcvar=YES" ;;
        quiet*) rc_arg=${rc_arg#quiet} rc_quiet=yes ;;
    esac
    eval "rc_flags=\${${name}_flags-} rc_user=\${${name}_user-} rc_chdir=\${${name}_chdir-}"
    eval "rc_env_file=\${${name}_env_file-} command=\${${name}_program:-$command}"
    eval "rc_precmd=\${${rc_arg}_precmd-}"
    if [ -r "$rc_env_file" ]; then
        set -a
        # shellcheck source=/dev/null
        . "$rc_env_file"
        set +a
    fi
    [ "$rc_user" != "$(id -un)" ] || rc_user=
    rc_pid=$(check_pidfile "$pidfile" "${procname:-$command}" "${command_interpreter-}")
    case " start stop restart rcvar status poll ${extra_commands-} " in
        *" $rc_arg "*) ;;
        *) err 1 "unknown directive '$rc_arg'" ;;
    esac
    case $rc_arg in
        rcvar) echo "$rcvar=$(eval "echo \$$rcvar")" && return ;;
        status) ;;
        stop) [ -n "$rc_pid" ] || checkyesno "$rcvar" || return 0 ;;
        *)
            if ! checkyesno "$rcvar"; then
                [ -n "$rc_quiet" ] || echo "Cannot '$rc_arg' $name. Set $rcvar to YES"
                return 0
            fi
            ;;
    esac
    "rc_$rc_arg"
}

run_precmd() {
    [ -z "$rc_precmd" ] || "$rc_precmd" || [ -n "$rc_force" ]
}

rc_start() {
    if [ -z "$rc_fast" ] && [ -n "$rc_pid" ]; then
        echo "$name already running? (pid=$rc_pid)." >&2
        return 1
    fi
    [ -x "$command" ] || { warn "cannot run $command" && return 1; }
    run_precmd || { warn "failed precmd routine for $name" && return 1; }
    echo "Starting $name."
    [ -z "$rc_chdir" ] || cd "$rc_chdir" || return 1
    # shellcheck disable=SC2154
    as_user "$command $rc_flags $command_args" || { warn "failed to start $name" && return 1; }
}

has_pid() {
    [ -n "$rc_pid" ] && return
    echo "$name not running? (check $pidfile)." >&2
    return 1
}

rc_stop() {
    has_pid || return 1
    run_precmd || return 1
    echo "Stopping $name."
    as_user "kill -${sig_stop:-TERM} $rc_pid" && wait_for_pids "$rc_pid"
}

rc_reload() {
    has_pid || return 1
    run_precmd || return 1
    as_user "kill -${sig_reload:-HUP} $rc_pid"
}

rc_restart() {
    (run_rc_command stop)
    (run_rc_command start)
}

rc_status() {
    if [ -z "$rc_pid" ]; then
        echo "$name is not running."
        return 1
    fi
    echo "$name is running as pid $rc_pid."
}

rc_poll() { [ -z "$rc_pid" ] || wait_for_pids "$rc_pid"; }
