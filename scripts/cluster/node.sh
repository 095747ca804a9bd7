# shellcheck shell=bash
# A compute node as a set of namespaces. Owns its networks, its mounts, its first process and the way in.

# For a shell inside a node: sets pid, fails when slurmd is not running. $1 is its pid file.
# shellcheck disable=SC2016
SLURMD_PID='pid=$(cat "$1") && [ "$(cat "/proc/$pid/comm")" = slurmd ]'
# Not from sinfo: for some seconds after a change it leaves out nodes that are partly used.
UP_STATES=' State=(IDLE|MIXED|ALLOCATED)(\+(COMPLETING|PLANNED))? '

nodes() { find /run/netns -name "${NETNS}n*" -printf '%f\n' 2>/dev/null | sed "s/^$NETNS//" | sort -V; }

# The node's process 1 as the host numbers it; nothing when the node is off.
node_pid() {
  local pid
  for pid in $(ip netns pids "$NETNS$1" 2>/dev/null); do
    # NSpid lists the numbers of a process from our namespace inwards: "NSpid: 4711 1" is what we look for.
    awk '$1 == "NSpid:" && NF == 3 && $3 == 1 { print $2 }' "/proc/$pid/status" 2>/dev/null
  done
  return 0
}

node_on() { [ -n "$(node_pid "$1")" ]; }
node_off() { ! node_on "$1"; }
require_node() { [ -e "/run/netns/$NETNS$1" ] || die "no node '$1' (there are: $(nodes | xargs))"; }

# add_link NODE NAME-IN-NODE BRIDGE ADDRESS: the host's end is called flame-ib1, flame-eth1.
host_end() { echo "flame-${2%0}${1#n}"; }
add_link() {
  local node=$1 name=$2 bridge=$3 address=$4 end
  end=$(host_end "$node" "$name")
  if [ ! -e "/sys/class/net/$end" ]; then
    { ip link add "$end" type veth peer name "$name" netns "$NETNS$node" && ip link set "$end" alias "$MARK" master "$bridge"; } ||
      die "cannot connect $node to $bridge"
  fi
  ip link set "$end" up
  ip -n "$NETNS$node" addr replace "$address" dev "$name"
  ip -n "$NETNS$node" link set "$name" up
}

# start_node NODE: power on and connect; only the links change on one that is on.
start_node() {
  local node=$1 i=${1#n} dir=$VAR/$1 extra=() controller
  [ -e "/run/netns/$NETNS$node" ] || ip netns add "$NETNS$node" || die "cannot make a network namespace"
  ip -n "$NETNS$node" link set lo up
  add_link "$node" ib0 ib0 "10.201.0.$((10 + i))/24"
  if with_ipv6; then ip -n "$NETNS$node" -6 addr replace "$IB6$((10 + i))/64" dev ib0 nodad; fi
  add_link "$node" eth0 flame-mgmt "10.202.0.$((10 + i))/24"
  node_on "$node" && return
  mkdir -p "$dir/spool" "$dir/tmp"
  chmod 1777 "$dir/tmp"
  { echo "127.0.0.1 localhost"; for i in $(nodes); do echo "10.202.0.$((10 + ${i#n})) $i"; done; } >"$dir/hosts"
  if with_cgroups; then
    extra=(--cgroup)
    for controller in "${CONTROLLERS[@]}"; do mkdir -p "$CGROUPS/$controller/slurm-flame/$node"; done
  fi
  # The process enters the node's cgroups before it unshares, so that these become the root of what the node sees.
  # nsenter and not `ip netns exec`, which mounts a new /sys without the cgroups.
  # shellcheck disable=SC2016
  start "$node" bash -c '
    node=$1 netns=$2 self=$3; shift 3
    for dir in '"$CGROUPS"'/*/slurm-flame/$node/cgroup.procs; do if [ -e "$dir" ]; then echo $$ >"$dir"; fi; done
    exec nsenter --net="/run/netns/$netns" unshare --mount --uts --pid --fork --kill-child --mount-proc "$@" \
      env -i PATH="$PATH" LC_ALL=C bash "$self" __boot "$node"' _ "$node" "$NETNS$node" "$SELF" "${extra[@]}"
  wait_until 10 "$node to start ($LOG/$node.log)" node_on "$node"
}

# mend NODE: whatever was done to it, without waiting for Slurm.
mend() {
  local node=$1 was_on=no
  if node_on "$node"; then
    was_on=yes
    (in_node "$node" bash -c 'kill -CONT -1')
  fi
  start_node "$node"
  # Not after a boot, which starts slurmd itself.
  if [ $was_on = yes ]; then
    (in_node "$node" bash -c "{ $SLURMD_PID; } 2>/dev/null"' || setsid -f slurmd' _ "$VAR/$node/slurmd.pid")
  fi
}

await_node() { wait_until 30 "$1 to be up in Slurm ($LOG has the logs)" node_up "$1"; }

# A node is up when its slurmd answers, slurmctld has heard of this very slurmd, and gives it jobs. A node that slurmctld
# had given up on needs to be told that it is back.
node_up() {
  local started seen
  started=$( (in_node "$1" scontrol show slurmd) | sed -n 's/^Boot time *= //p')
  seen=$(scontrol show node "$1" -o)
  [ -n "$started" ] && [[ $seen == *" SlurmdStartTime=$started "* ]] || return 1
  [[ $seen =~ $UP_STATES ]] && return
  scontrol update "nodename=$1" state=resume
  return 1
}

# Process 1 of a node.
boot_node() {
  local node=$1 dir=$VAR/$1 controller
  set -e
  hostname "$node"
  mount --bind "$dir/tmp" /tmp
  mount --bind "$dir/hosts" /etc/hosts
  cat /proc/sys/kernel/random/uuid >"$dir/boot_id" # each start of a machine has another, and no two machines the same
  mount --bind "$dir/boot_id" /proc/sys/kernel/random/boot_id
  mount -t tmpfs -o mode=1777 shm /dev/shm
  if [ -e "$CGROUPS/${CONTROLLERS[0]}/slurm-flame/$node" ]; then
    mount -t tmpfs -o mode=755 cgroup "$CGROUPS"
    for controller in "${CONTROLLERS[@]}"; do
      mkdir "$CGROUPS/$controller"
      mount -t cgroup -o "$controller" cgroup "$CGROUPS/$controller"
    done
  fi
  set +e
  cd /
  setsid slurmd -D -b & # -b: a boot, which the uptime in here does not show, since it is the host's
  while :; do
    sleep infinity &
    wait $! # bash also reaps the orphans that end up at process 1
  done
}

# Power off, then everything that belongs to the node. SIGKILL to its process 1 ends all of its processes.
kill_node() {
  local pid
  pid=$(node_pid "$1")
  if [ -n "$pid" ]; then
    kill -KILL "$pid"
    wait_until 10 "$1 to end" node_off "$1"
  fi
}

no_processes() { [ -z "$(ip netns pids "$NETNS$1")" ]; }

stop_node() {
  local node=$1 name
  kill_node "$node"
  wait_until 10 "the processes of $node to end" no_processes "$node"
  for name in ib0 eth0; do
    if [ -e "/sys/class/net/$(host_end "$node" "$name")" ]; then ip link delete "$(host_end "$node" "$name")"; fi
  done
  ip netns delete "$NETNS$node"
  find "$CGROUPS"/*/"slurm-flame/$node" -depth -type d -exec rmdir {} + 2>/dev/null
  rmdir "$CGROUPS"/*/slurm-flame 2>/dev/null # only after the last node
}

# in_node [-u USER] NODE CMD...
in_node() {
  local user="" pid as=()
  if [ "${1:-}" = -u ]; then user=${2:-} && shift 2; fi
  [ $# -ge 2 ] || fail_usage "exec [-u USER] NODE CMD..."
  require_node "$1"
  pid=$(node_pid "$1")
  [ -n "$pid" ] || die "$1 is off"
  shift
  if [ -n "$user" ]; then
    as=(setpriv --reuid "$user" --regid "$(id -g "$user")" --init-groups env -i "HOME=$(getent passwd "$user" | cut -d: -f6)"
      "USER=$user" "LOGNAME=$user" "PATH=$PATH" LANG=C.UTF-8)
  fi
  exec nsenter --target "$pid" --net --uts --pid --mount -- "${as[@]}" "$@"
}
