# shellcheck shell=bash
# What the host must offer and what is put on it: packages, users, directories, the two bridges. Knows neither nodes nor jobs.

PACKAGES=(munge slurmctld slurmd slurm-client slurm-wlm-basic-plugins iproute2)
BRIDGES=("ib0 10.201.0.1/24" "flame-mgmt 10.202.0.1/24")
IB6=fd00:201:: # the network of the ib0s, of 64 bits; the login node is 1 in it

# Everything that can be known without changing the host.
check_host() {
  [ "$(uname -s)" = Linux ] || impossible "not Linux"
  [ "$(id -u)" = 0 ] || impossible "not root"
  { [ -e /etc/debian_version ] && command -v apt-get >/dev/null; } || impossible "not Debian or Ubuntu (its Slurm packages are needed)"
  if [ -e "$CONF" ] && ! grep -qF "$MARK" "$CONF"; then impossible "this machine already has a Slurm: $CONF is not ours"; fi
  if [ -e /sys/class/net/ib0 ] && ! ours ib0; then impossible "this machine already has a network interface ib0"; fi
  local why
  why=$(unshare --net --uts --pid --mount --fork --mount-proc true 2>&1) || impossible "no namespaces here: $why"
  if command -v ip >/dev/null; then check_network; fi
}

# In a network namespace that ends with the command, so nothing is left.
check_network() {
  local why
  why=$(unshare --net sh -c 'ip link add ib0 type bridge && ip link add flame0 type veth peer name flame1' 2>&1) ||
    impossible "no bridges or veth pairs here: $why"
}

install_packages() {
  local missing=() package guard=/usr/sbin/policy-rc.d
  for package in "${PACKAGES[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} = 0 ] && return
  echo "installing ${missing[*]}"
  mkdir -p "$LOG"
  # The packages would start daemons of their own; policy-rc.d is Debian's way to say no. One that is there already comes back.
  (
    if [ -e $guard ]; then mv $guard $guard.before-slurm-flame; fi
    trap 'rm -f $guard; if [ -e $guard.before-slurm-flame ]; then mv $guard.before-slurm-flame $guard; fi' EXIT
    printf '#!/bin/sh\nexit 101\n' >$guard
    chmod 755 $guard
    export DEBIAN_FRONTEND=noninteractive
    apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"
  ) >"$LOG/apt.log" 2>&1 9>&- ||
    impossible "apt-get could not install ${missing[*]}: $(grep -E '^(E|Err)' "$LOG/apt.log" | tail -1) ($LOG/apt.log)"
}

make_directories() {
  [ -d "$RUN" ] || find "$LOG" -name '*.log' ! -name apt.log -delete 2>/dev/null # those of the last cluster
  mkdir -p "$RUN/munge" "$VAR/slurmctld" "$LOG"
  chmod 755 "$RUN" "$RUN/munge" "$VAR" "$LOG"
  chmod 700 "$VAR/slurmctld"
  chown munge: "$RUN/munge"
  chown slurm: "$VAR/slurmctld"
}

make_users() {
  local user
  for user in flame eve; do
    id "$user" >/dev/null 2>&1 || useradd -m -s /bin/bash -c "$MARK" "$user" || die "cannot create the user $user"
  done
}

# A munged of our own, with its own key and socket: one that the host may run is not touched.
start_munge() {
  running munged && return
  head -c 128 /dev/urandom >"$RUN/munge.key"
  chown munge: "$RUN/munge.key"
  chmod 400 "$RUN/munge.key"
  rm -f "$RUN/munge/socket"
  start munged setpriv --reuid munge --regid munge --clear-groups munged --foreground --key-file "$RUN/munge.key" \
    --socket "$RUN/munge/socket" --pid-file "$RUN/munge/pid" --seed-file "$RUN/munge/seed"
  wait_until 10 "munged ($LOG/munged.log)" munge -n -S "$RUN/munge/socket"
}

# The interface alias tells our interfaces from those of others.
ours() { [ "$(cat "/sys/class/net/$1/ifalias" 2>/dev/null)" = "$MARK" ]; }

start_networks() {
  local bridge name address
  for bridge in "${BRIDGES[@]}"; do
    read -r name address <<<"$bridge"
    if ! ours "$name"; then
      ip link add "$name" type bridge || die "cannot make the bridge $name"
      ip link set "$name" alias "$MARK"
      # Said, it stays: else the bridge has that of its lowest port, which changes when one comes or goes, and nodes know the old one.
      ip link set "$name" address "$(<"/sys/class/net/$name/address")"
    fi
    ip addr replace "$address" dev "$name"
    ip link set "$name" up
  done
  if with_ipv6; then ip -6 addr replace "${IB6}1/64" dev ib0 nodad; fi
}

# nodad: an address that is still being looked for on the link cannot be bound.
with_ipv6() { [ -e /proc/net/if_inet6 ] && [ "$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6)" = 0 ]; }

stop_networks() {
  local name
  for name in /sys/class/net/*; do
    name=${name##*/}
    if ours "$name"; then ip link delete "$name"; fi
  done
}
