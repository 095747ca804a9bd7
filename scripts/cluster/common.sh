# shellcheck shell=bash
# Names, places and small helpers of the test cluster. Owns how a daemon is started, remembered and stopped; knows no Slurm.

RUN=/run/slurm-flame-cluster
VAR=/var/lib/slurm-flame-cluster
LOG=/var/log/slurm-flame-cluster
MARK="slurm-flame test cluster" # on everything of ours that somebody else could have made under the same name
NETNS=flame-                    # node n1 lives in the network namespace flame-n1
export RUN VAR LOG MARK NETNS

die() { echo "cluster.sh: $*" >&2; exit 1; }
fail_usage() { echo "cluster.sh: $*" >&2; exit 2; }
# One line on stdout, which the test setup shows as the reason for skipping.
impossible() { echo "$*"; exit 3; }
need_root() { [ "$(id -u)" = 0 ] || die "needs root"; }

# One change at a time. The daemons close descriptor 9 (see start), or they would keep the lock.
lock() {
  exec 9>/run/slurm-flame-cluster.lock
  flock -w 120 9 || die "another cluster.sh has been working for two minutes"
}

# wait_until SECONDS WHAT CMD...: dies naming WHAT. Daemons give no other sign of being ready than an answer.
wait_until() {
  local seconds=$1 what=$2 deadline
  shift 2
  deadline=$((SECONDS + seconds))
  until "$@" >/dev/null 2>&1; do
    [ "$SECONDS" -lt "$deadline" ] || die "waited $seconds s for $what"
    sleep 0.05
  done
}

# Kernel start time of a process: with the pid it names one process for good, while a pid alone comes back after a reboot.
# Fails for a process that is gone or a zombie.
birth() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
  read -ra stat <<<"${stat##*) }" # what follows the command name, which may itself hold spaces
  [ "${stat[0]}" != Z ] && echo "${stat[19]}"
}

# start NAME CMD...: a daemon in a session of its own, remembered under NAME.
start() {
  local name=$1 pid
  shift
  setsid "$@" </dev/null >>"$LOG/$name.log" 2>&1 9>&- &
  pid=$!
  echo "$pid $(birth "$pid")" >"$RUN/$name"
}

running() {
  local pid born
  read -r pid born 2>/dev/null <"$RUN/$1" && [ "$(birth "$pid")" = "$born" ]
}

gone() { ! running "$1"; }

# stop NAME [SIGNAL]: KILL unless told otherwise, because nothing the cluster knows is wanted after it.
stop() {
  local pid
  if running "$1"; then
    read -r pid _ <"$RUN/$1"
    kill "-${2:-KILL}" "$pid"
    wait_until 15 "$1 to end" gone "$1"
  fi
  rm -f "$RUN/$1"
}
