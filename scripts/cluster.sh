#!/usr/bin/env bash
# A real Slurm cluster on this one machine, for the cluster tests. Owns the commands and their order; the parts are in cluster/*.sh.
#
# The machine itself is the login node and runs slurmctld. Every compute node nK is a set of namespaces (network, host name,
# processes, mounts) with its own slurmd and two networks, so that each can be cut alone:
#   ib0   10.201.0.(10+K)  the fast network that runners dial over   (login node: ib0, 10.201.0.1)
#         fd00:201::(10+K) where the kernel has IPv6                 (login node: fd00:201::1)
#   eth0  10.202.0.(10+K)  slurmctld <-> slurmd                      (login node: flame-mgmt, 10.202.0.1)
# A node has a /tmp, /dev/shm, /proc, /etc/hosts and boot id of its own; everything else, /home above all, is shared.
# There is no slurmdbd: sacct answers that accounting is disabled.
# The user flame submits; eve is somebody else on the same cluster.
# shellcheck source-path=SCRIPTDIR
set -uo pipefail
export LC_ALL=C PATH=/usr/sbin:/usr/bin:/sbin:/bin:$PATH
SELF=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/$(basename "${BASH_SOURCE[0]}")
PARTS=${SELF%.sh}
# shellcheck source=cluster/common.sh
. "$PARTS/common.sh"
# shellcheck source=cluster/host.sh
. "$PARTS/host.sh"
# shellcheck source=cluster/config.sh
. "$PARTS/config.sh"
# shellcheck source=cluster/node.sh
. "$PARTS/node.sh"
# shellcheck source=cluster/faults.sh
. "$PARTS/faults.sh"
# shellcheck source=cluster/shape.sh
. "$PARTS/shape.sh"

usage() {
  cat <<'TEXT'
usage: cluster.sh check                       exit 0 if the cluster can run here, else say why not and exit 3
       cluster.sh up [N=3]                    install what is missing, start slurmctld and nodes n1..nN; mends a running cluster
       cluster.sh down                        take everything down again (packages, users and logs stay)
       cluster.sh status                      exit 1 when it is down
       cluster.sh exec [-u USER] NODE CMD...  run a command inside a node (as root, or as USER with a clean environment)
       cluster.sh fail NODE slurmd|power|ib|eth|hang
              slurmd: killed, its jobs run on     power: the node is gone, its peers get no FIN
              ib: only ib0 is cut                 eth: only Slurm loses the node
              hang: every process on the node stands still
       cluster.sh fail ctld                   stop slurmctld
       cluster.sh heal NODE|ctld              undo every fault of that node, or start slurmctld again
       cluster.sh shape ib0 [--delay 50us] [--rate 1gbit]
              each way, on the ib0 of every node; nothing of an earlier shape stays
       cluster.sh shape off
env:   SLURM_FLAME_CLUSTER_CGROUPS=no         go without cgroups (and so without memory limits) even where they would work
TEXT
}

up() {
  local n=${1:-3} begin=$EPOCHREALTIME i
  [[ $n =~ ^[1-9][0-9]?$ ]] || fail_usage "up takes a number of nodes between 1 and 99, not '$n'"
  check_host
  lock
  install_packages
  check_network
  make_directories
  make_users
  if [ -e "$CONF" ] && ! slurm_conf "$n" | cmp -s - "$CONF"; then
    echo "the configuration changed: starting afresh"
    take_down
    make_directories
  fi
  write_config "$n"
  start_munge
  start_networks
  start_slurmctld
  for ((i = 1; i <= n; i++)); do mend "n$i"; done
  for ((i = 1; i <= n; i++)); do await_node "n$i"; done
  awk -v n="$n" -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "cluster of %d nodes is up (%.1f s)\n", n, b - a }'
}

# The order matters: daemons before the networks they sit on, nodes before the bridges.
take_down() {
  local node
  stop slurmctld
  unshape
  for node in $(nodes); do stop_node "$node"; done
  stop munged
  stop_networks
  remove_config
  rm -rf "$VAR" "$RUN"
}

down() {
  need_root
  lock
  take_down
  echo "cluster is down"
}

status() {
  local node pid
  [ -e "$RUN/slurmctld" ] || [ -n "$(nodes)" ] || { echo "down"; return 1; }
  for pid in munged slurmctld; do running "$pid" && echo "$pid: up" || echo "$pid: not running"; done
  for node in $(nodes); do
    pid=$(node_pid "$node")
    echo "$node: ${pid:-off} ib0 $(ip -n "$NETNS$node" -br -4 addr show ib0 | awk '{ print $3, $2 }')"
  done
  shaping
  timeout 10 sinfo -N -o '%N %P %T %C %G %E'
  timeout 10 squeue
}

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
  check) check_host; echo "a Slurm cluster can run here" ;;
  up) up "$@" ;;
  down) down ;;
  status) status ;;
  exec) need_root; in_node "$@" ;;
  fail) need_root; inject_fault "$@" ;;
  heal) need_root; heal "$@" ;;
  shape) need_root; lock; shape "$@" ;;
  __boot) boot_node "$@" ;;
  *) usage >&2; exit 2 ;;
esac
