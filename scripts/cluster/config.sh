# shellcheck shell=bash
# The configuration of Slurm and its controller. Owns slurm.conf, gres.conf, cgroup.conf; knows nothing of namespaces.

CONF=/etc/slurm/slurm.conf
CGROUPS=/sys/fs/cgroup
# What Slurm is allowed to use of cgroup v1: finding every process of a job, and enforcing its memory limit.
CONTROLLERS=(freezer memory)

# On a host with cgroup v2 only, Slurm's plugin wants systemd, so there we go without: processes are then found by their
# parents, and memory limits are not enforced.
with_cgroups() {
  local controller
  [ "${SLURM_FLAME_CLUSTER_CGROUPS:-}" = no ] && return 1
  for controller in "${CONTROLLERS[@]}"; do mountpoint -q "$CGROUPS/$controller" || return 1; done
}

# slurm_conf N: production defaults of the shortened timers are in brackets.
slurm_conf() {
  local i
  cat <<CONF
# $MARK
ClusterName=flame
SlurmctldHost=$(hostname -s)(10.202.0.1)
SlurmUser=slurm
AuthType=auth/munge
AuthInfo=socket=$RUN/munge/socket
StateSaveLocation=$VAR/slurmctld
SlurmctldPidFile=$VAR/slurmctld/pid
SlurmctldLogFile=$LOG/slurmctld.log
SlurmdSpoolDir=$VAR/%n/spool
SlurmdPidFile=$VAR/%n/slurmd.pid
SlurmdLogFile=$LOG/slurmd-%n.log
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
# a node claims more processors and memory than the machine has
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
GresTypes=gpu
PropagateResourceLimits=NONE
ReturnToService=2
# start jobs at once
SchedulerType=sched/backfill
SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1,bf_resolution=1,bf_continue
PriorityType=priority/basic
CompleteWait=0
EpilogMsgTime=0
# KillWait [30], MinJobAge [300], SlurmdTimeout [300], BatchStartTimeout [10], MessageTimeout [10], TCPTimeout [2]
KillWait=5
MinJobAge=20
SlurmdTimeout=9
BatchStartTimeout=3
MessageTimeout=5
TCPTimeout=2
# jobs of the partition preempt give way to those of every other partition
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
CONF
  if with_cgroups; then
    echo "ProctrackType=proctrack/cgroup"
    echo "TaskPlugin=task/cgroup"
  else
    echo "ProctrackType=proctrack/linuxproc"
    echo "TaskPlugin=task/none"
  fi
  for ((i = 1; i <= $1; i++)); do
    echo "NodeName=n$i NodeAddr=10.202.0.$((10 + i)) CPUs=8 RealMemory=4000 Gres=gpu:2 State=UNKNOWN"
  done
  cat <<CONF
PartitionName=DEFAULT Nodes=ALL MaxTime=1-00:00:00 DefaultTime=00:10:00 DefMemPerCPU=250 PriorityTier=10 PreemptMode=OFF
PartitionName=cpu Default=YES
PartitionName=gpu
PartitionName=short MaxTime=00:02:00 DefaultTime=00:01:00
PartitionName=preempt PriorityTier=1 PreemptMode=REQUEUE
PartitionName=closed State=DOWN
CONF
}

# slurmd takes only a character device for a GPU, and hands out its number without ever opening it.
gres_conf() { echo "Name=gpu File=/dev/null,/dev/zero"; }

# Even a slurmd that was told to do without cgroups looks for some at its start, and on a host with systemd finds those of v2,
# which it then insists on. Told v1 it looks no further; releases since 24 can be told to leave it.
cgroup_conf() {
  if with_cgroups; then
    printf '%s\n' CgroupPlugin=cgroup/v1 "CgroupMountpoint=$CGROUPS" ConstrainRAMSpace=yes
  elif [[ $(slurmd -V) == *" 2"[0-3].* ]]; then
    echo "CgroupPlugin=cgroup/v1"
  else
    echo "CgroupPlugin=disabled"
  fi
}

write_config() {
  mkdir -p /etc/slurm
  slurm_conf "$1" >"$CONF"
  gres_conf >/etc/slurm/gres.conf
  cgroup_conf >/etc/slurm/cgroup.conf
}

remove_config() { if grep -qsF "$MARK" "$CONF"; then rm -f "$CONF" /etc/slurm/gres.conf /etc/slurm/cgroup.conf; fi; }

controller_answers() { scontrol ping | grep -q 'is UP'; }
# After a restart slurmctld knows no node until it has asked; one that does not answer becomes UNKNOWN*.
nodes_asked() { ! scontrol show node -o | grep -q ' State=UNKNOWN '; }

start_slurmctld() {
  running slurmctld && return
  local fresh=()
  [ -e "$VAR/slurmctld/job_state" ] || fresh=(-c) # it refuses to start without its state unless told that there is none
  start slurmctld slurmctld -D "${fresh[@]}"
  wait_until 20 "slurmctld to answer ($LOG/slurmctld.log)" controller_answers
}
