# shellcheck shell=bash
# A slower fast network on purpose: a delay each way and a rate each way on every node's ib0. Owns how that is done here and what is
# left to undo; the wire that it puts between is relay.py's.
#
# Where the kernel has netem, both are its work. Where it has not, tbf limits the rate, and for the delay the node's link is led
# through a process:
#
#   bridge ib0 - flame-portK = flame-wireK - relay.py - flame-ibK = ib0 of node K
#
# Only nodes' links are shaped: the login node's own bridge takes as much as all of them together.

SHAPED=$RUN/shape # in words, for status; the file is there as long as something may have to be undone

port_end() { echo "flame-port${1#n}"; }
wire_end() { echo "flame-wire${1#n}"; }

with_netem() { unshare --net sh -c 'ip link set lo up && tc qdisc add dev lo root netem delay 1ms' >/dev/null 2>&1; }

# as_nanoseconds 50us: nothing for what is not a time.
as_nanoseconds() {
  [[ $1 =~ ^([0-9]+)(us|ms)$ ]] || return 1
  case ${BASH_REMATCH[2]} in us) echo $((10#${BASH_REMATCH[1]} * 1000)) ;; ms) echo $((10#${BASH_REMATCH[1]} * 1000000)) ;; esac
}

shape() {
  local delay="" rate="" node end
  if [ "${1:-}" = off ] && [ $# = 1 ]; then unshape; echo "the network is as it was"; return; fi
  [ "${1:-}" = ib0 ] || fail_usage "shape ib0 [--delay 50us|1ms] [--rate 1gbit], or shape off"
  shift
  while [ $# -gt 0 ]; do
    case $1 in
      --delay) as_nanoseconds "${2:-}" >/dev/null || fail_usage "--delay takes a whole number of us or ms, as in 50us, not '${2:-}'"; delay=$2 ;;
      --rate) [[ ${2:-} =~ ^[1-9][0-9]*[kmg]bit$ ]] || fail_usage "--rate takes kbit, mbit or gbit, as in 10gbit, not '${2:-}'"; rate=$2 ;;
      *) fail_usage "shape knows --delay and --rate, not '$1'" ;;
    esac
    shift 2
  done
  [ -n "$delay$rate" ] || fail_usage "shape ib0 needs --delay, --rate or both"
  [ -n "$(nodes)" ] || die "no nodes to shape: cluster.sh up"
  unshape
  local how
  if with_netem; then how=netem; else how="${delay:+user-space relay}${delay:+${rate:+, }}${rate:+tbf}"; fi
  echo "ib0 of $(nodes | xargs):${delay:+ $delay}${delay:+${rate:+ and}}${rate:+ $rate} each way ($how)" >"$SHAPED"
  for node in $(nodes); do
    if [ "$how" = netem ]; then
      for_both_ends "$node" "$(host_end "$node" ib0)" netem ${delay:+delay "$delay"} ${rate:+rate "$rate"} limit 100000
      continue
    fi
    end=$(host_end "$node" ib0)
    if [ -n "$delay" ]; then insert_relay "$node" "$(as_nanoseconds "$delay")"; end=$(port_end "$node"); fi
    # A burst of more than a segment of 64 KiB, or tbf would cut each into packets; a queue of as much as TCP may have on the way.
    if [ -n "$rate" ]; then for_both_ends "$node" "$end" tbf rate "$rate" burst 128kb limit 8mb; fi
  done
  shaping
}

# for_both_ends NODE HOST-END QDISC...: what goes to the node leaves by the host's end, what comes from it by its own ib0.
for_both_ends() {
  local node=$1 end=$2
  shift 2
  tc qdisc replace dev "$end" root "$@" || die "tc refuses $* on $end"
  tc -n "$NETNS$node" qdisc replace dev ib0 root "$@" || die "tc refuses $* on ib0 of $node"
}

# Without ARP and IPv6 the machine itself takes no notice of the two ends of the wire: it would answer there in the bridge's name.
quiet() {
  ip link set "$1" arp off
  if [ -e "/proc/sys/net/ipv6/conf/$1/disable_ipv6" ]; then echo 1 >"/proc/sys/net/ipv6/conf/$1/disable_ipv6"; fi
}

insert_relay() {
  local node=$1 delay=$2 end port wire
  command -v python3 >/dev/null || die "a delay needs python3 here, since this kernel has no netem (apt-get install python3)"
  end=$(host_end "$node" ib0) port=$(port_end "$node") wire=$(wire_end "$node")
  ip link add "$port" type veth peer name "$wire" || die "cannot make the wire of $node"
  ip link set "$port" alias "$MARK" && ip link set "$wire" alias "$MARK"
  quiet "$wire"
  quiet "$end"
  ip link set "$wire" up
  : >"$LOG/relay-$node.log"
  start "relay-$node" python3 -I "$PARTS/relay.py" "$end" "$wire" "$delay"
  wait_until 10 "the relay of $node ($LOG/relay-$node.log)" grep -qx ready "$LOG/relay-$node.log"
  ip link set "$end" nomaster
  ip link set "$port" master ib0 up || die "cannot connect the wire of $node"
}

# As if nothing had ever been shaped; whatever was only half done as well.
unshape() {
  local node end
  [ -e "$SHAPED" ] || return 0
  for node in $(nodes); do
    end=$(host_end "$node" ib0)
    tc qdisc delete dev "$end" root 2>/dev/null # each fails where there is none, which is what we want
    tc -n "$NETNS$node" qdisc delete dev ib0 root 2>/dev/null
    stop "relay-$node"
    if [ -e "/sys/class/net/$(port_end "$node")" ]; then ip link delete "$(port_end "$node")"; fi
    if [ -e "/sys/class/net/$end" ]; then
      ip link set "$end" arp on
      if [ -e "/proc/sys/net/ipv6/conf/$end/disable_ipv6" ]; then echo 0 >"/proc/sys/net/ipv6/conf/$end/disable_ipv6"; fi
      ip link set "$end" master ib0
    fi
  done
  rm -f "$SHAPED"
}

# What status says of it.
shaping() {
  local node
  [ -e "$SHAPED" ] || { echo "shape: none"; return; }
  echo "shape: $(<"$SHAPED")"
  for node in $(nodes); do
    if [ -e "/sys/class/net/$(port_end "$node")" ] && ! running "relay-$node"; then echo "$node: its relay is not running ($LOG/relay-$node.log)"; fi
  done
}
