# shellcheck shell=bash
# Breaking the cluster on purpose, and mending it. Owns what each fault means; every heal ends with a node that Slurm calls up.

inject_fault() {
  local node=${1:-} how=${2:-}
  # TERM, because a controller that was not allowed to save its state forgets the latest jobs.
  if [ "$node" = ctld ]; then stop slurmctld TERM; return; fi
  require_node "$node"
  case $how in
    slurmd)
      # shellcheck disable=SC2016
      (in_node "$node" bash -c "$SLURMD_PID"' && kill -KILL $pid' _ "$VAR/$node/slurmd.pid") || die "no slurmd on $node"
      ;;
    power)
      cut_link "$node" ib0 # first the links: a machine without power sends no FIN
      cut_link "$node" eth0
      kill_node "$node"
      ;;
    ib) cut_link "$node" ib0 ;;
    eth) cut_link "$node" eth0 ;;
    hang) (in_node "$node" bash -c 'kill -STOP -1') ;; # spares process 1 and the shell that says it
    *) fail_usage "fail NODE slurmd|power|ib|eth|hang, or fail ctld" ;;
  esac
}

cut_link() { ip link set "$(host_end "$1" "$2")" down; }

heal() {
  local node=${1:-}
  if [ "$node" = ctld ]; then
    start_slurmctld
    wait_until 30 "slurmctld to hear of its nodes" nodes_asked
    return
  fi
  require_node "$node"
  mend "$node"
  await_node "$node"
}
