#!/usr/bin/env bash
# Ends the dockerd that setup-test-host.sh started on this machine, with its containers; never any other.
#
#   scripts/stop-test-docker.sh
#
# Which one that is stands in $REHEARSE_DOCKERD_PIDFILE: its number and the moment of its start, so that a process that
# merely inherited the number is left alone. An engine started by hand or by systemd stays. Exit code 0 when none of ours
# runs any more, 1 when it does not end within 30 s (it is not killed: containers would be left behind).
set -euo pipefail

readonly pidfile=${REHEARSE_DOCKERD_PIDFILE:-/run/rehearse-test-dockerd.pid}

if [[ ! -e $pidfile ]]; then
  echo "no dockerd was started by setup-test-host.sh"
  exit 0
fi
read -r pid started <"$pidfile"

# runs: whether that process is still the one we started. In a container whose first process reaps no children, an ended
# one stays as a zombie.
runs() { [[ $(awk '$2 == "(dockerd)" && $3 != "Z" {print $22}' "/proc/$pid/stat" 2>/dev/null) == "$started" ]]; }

if runs; then
  kill -TERM "$pid"
  for ((i = 0; i < 150; i++)); do
    runs || break
    sleep 0.2
  done
  if runs; then
    echo "dockerd, process $pid, was told to end and still runs" >&2
    exit 1
  fi
  echo "dockerd, process $pid, ended"
else
  echo "the dockerd that setup-test-host.sh started, process $pid, is gone already"
fi
rm -f "$pidfile"
