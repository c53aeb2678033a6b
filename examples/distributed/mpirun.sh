#!/bin/bash
# The quickstart's classifier under Open MPI:
#
#   examples/distributed/mpirun.sh HOST:RANKS,HOST:RANKS... [OPTION of train...]
#
# from the repository's root, in a directory that all hosts see; mpirun reaches the hosts over ssh. If a rank fails, mpirun
# ends the others, and the job starts again from its last checkpoint, three times.
set -u

[ $# -ge 1 ] && [[ $1 != -* ]] || {
  sed -n '2,7s/^# \{0,1\}//p' "$0"
  exit 2
}
hosts=$1
shift
ranks=0
for host in ${hosts//,/ }; do
  [[ $host =~ :[1-9][0-9]*$ ]] || host+=:1
  ranks=$((ranks + ${host##*:}))
done

# What ranks must know to join: mpirun says neither. -x hands variables on, by name so that no list of processes shows
# the secret.
HEARTH_JOB_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
MASTER_ADDR=${hosts%%[:,]*}
export HEARTH_JOB_TOKEN MASTER_ADDR HEARTH_NUM_THREADS=${HEARTH_NUM_THREADS:-1}

for attempt in 1 2 3 4; do
  mpirun --host "$hosts" -np $ranks --map-by slot --bind-to none -x HEARTH_JOB_TOKEN -x MASTER_ADDR -x HEARTH_NUM_THREADS \
    "${TRAIN:-bazel-bin/examples/distributed/train}" --out=runs/mpirun "$@" && exit 0
  echo "mpirun.sh: attempt $attempt has failed" >&2
done
exit 1
