#!/usr/bin/env bash
# A private Slurm of two nodes on this machine: munge, slurmctld and a slurmd for each node, all
# below one folder and without systemd. Needs root and Debian's slurmctld, slurmd, slurm-client,
# munge.
#
#   tests/servers/slurm-start.sh FOLDER && . FOLDER/env.sh && srun -N2 hostname
#   tests/servers/slurm-stop.sh FOLDER
#
# SLURM_TEST_CONF: more lines for slurm.conf.
set -euo pipefail

folder=$(realpath -m "${1:?the folder for configuration, state and logs}")
nodes=2
cores=3         # that a node claims; there may be fewer
memory=4000     # MB, the same
port=${SLURM_TEST_PORT:-27817}

if [[ $(id -u) -ne 0 ]]; then
  echo 'slurm-start: only root can start the daemons' >&2
  exit 77
fi
for program in munged slurmctld slurmd sinfo; do
  if ! command -v "$program" >/dev/null; then
    echo "slurm-start: $program is not installed" >&2
    exit 77
  fi
done
umask 022
mkdir -p "$folder"/{etc,run,log,state,spool}
host=$(hostname -s)

# Nodes of their own names and /dev/shm need namespaces. Where there are none, all nodes are this
# host, and Open MPI must not mistake ranks of two nodes for neighbours that share memory.
own_names=yes
unshare --mount --uts true 2>/dev/null || own_names=no

if [[ ! -s $folder/etc/munge.key ]]; then
  (umask 077 && head -c 128 /dev/urandom >"$folder/etc/munge.key")
fi
munged --key-file="$folder/etc/munge.key" --socket="$folder/run/munge.socket" --num-threads=2 \
  --pid-file="$folder/run/munged.pid" --log-file="$folder/log/munged.log" \
  --seed-file="$folder/state/munged.seed"

configuration() {
  local i name
  cat <<END
ClusterName=segue
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$folder/run/munge.socket
CredType=cred/munge
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool/%n
# PMIx makes a folder in TmpFS, and two nodes on one host must not share it.
TmpFS=$folder/spool/%n/tmp
SlurmctldPidFile=$folder/run/slurmctld.pid
SlurmdPidFile=$folder/run/slurmd.%n.pid
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd.%n.log
MailProg=/bin/true
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=2,sched_min_interval=0
MpiDefault=pmix
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobRequeue=1
KillWait=20
MinJobAge=3600
ReturnToService=2
SlurmdParameters=config_overrides
DefMemPerCPU=$((memory / cores))
${SLURM_TEST_CONF:-}
END
  for ((i = 1; i <= nodes; i++)); do
    name=$host
    [[ $own_names == no ]] || name=node$i
    echo "NodeName=node$i NodeHostname=$name NodeAddr=127.0.0.1 Port=$((port + i)) Sockets=1 CoresPerSocket=$cores ThreadsPerCore=1 RealMemory=$memory State=UNKNOWN"
  done
  echo "PartitionName=main Nodes=node[1-$nodes] Default=YES MaxTime=INFINITE State=UP"
}
configuration >"$folder/etc/slurm.conf"
# slurmd 22.05 loads a cgroup plugin in any case; without a name it looks for what may not be there.
echo 'CgroupPlugin=cgroup/v1' >"$folder/etc/cgroup.conf"
{
  echo "127.0.0.1 localhost $host"
  for ((i = 1; i <= nodes; i++)); do echo "127.0.0.1 node$i"; done
} >"$folder/etc/hosts"
{
  echo "export SLURM_CONF=$folder/etc/slurm.conf"
  echo 'export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo'
  [[ $own_names == yes ]] || echo 'export OMPI_MCA_btl=self,tcp'
} >"$folder/env.sh"
export SLURM_CONF=$folder/etc/slurm.conf

slurmctld
for ((i = 1; i <= nodes; i++)); do
  mkdir -p "$folder/spool/node$i/tmp"
  if [[ $own_names == no ]]; then
    slurmd -N "node$i"
  else
    # shellcheck disable=SC2016 # the inner shell has its own arguments
    unshare --mount --uts --propagation private sh -euc '
      hostname "$1"
      mount -t tmpfs -o mode=1777 tmpfs /dev/shm
      mount --bind "$2/etc/hosts" /etc/hosts
      exec slurmd -N "$1"' sh "node$i" "$folder"
  fi
done

for ((i = 0; i < 150; i++)); do
  if [[ $(sinfo -h -N -t idle -o %N 2>/dev/null | sort -u | wc -l) -eq $nodes ]]; then
    exit 0
  fi
  sleep 0.2
done
echo 'slurm-start: the nodes did not come up' >&2
tail -n 20 "$folder"/log/*.log >&2
exit 1
