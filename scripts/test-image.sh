#!/usr/bin/env bash
# Tries an image as its users will: starts containers, connects from outside, restarts, stops. Run by hand after a change
# of docker-entrypoint.sh or build-pg-image.sh; it holds for the official `postgres` image too, but for what is marked.
#
#   scripts/test-image.sh [IMAGE...]          default: rehearse-postgres:15 rehearse-postgres:17
#
# Needs a Docker engine and psql. Every container bears a label of this run and is removed at the end, whatever happens.
set -euo pipefail

readonly label=rehearse-test-image=$$ password="p' w\$%"
work=$(mktemp -d "${TMPDIR:-/tmp}/test-image.XXXXXX")
chmod 755 "$work"
failures=0

# shellcheck disable=SC2317 # called by the trap
clean() {
  docker ps -aq --filter "label=$label" | xargs -r docker rm -f -v >/dev/null
  rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM

# check WHAT WANTED GOT
check() {
  if [[ $3 == "$2" ]]; then
    echo "ok    $1"
  else
    echo "FAIL  $1: got '$3', want '$2'"
    failures=$((failures + 1))
  fi
}

start() { docker run -d --label "$label" -p 127.0.0.1::5432 "$@"; }

# ready CONTAINER N: waits until its log has said N times that it accepts connections.
ready() {
  local i
  for ((i = 0; i < 300; i++)); do
    [[ $(docker logs "$1" 2>&1 | grep -c 'database system is ready to accept connections') -ge $2 ]] && return 0
    sleep 0.1
  done
  docker logs "$1" 2>&1 | tail -n 20
  return 1
}

# sql CONTAINER USER DATABASE STATEMENT: from this machine, over the published port.
sql() {
  local address
  address=$(docker port "$1" 5432/tcp | head -n 1)
  PGCONNECT_TIMEOUT=5 psql -XAtw -h 127.0.0.1 -p "${address##*:}" -U "$2" -d "$3" -c "$4" 2>&1
}

# try COMMAND...: prints how it ended.
try() { if "$@" >/dev/null 2>&1; then echo ends well; else echo fails; fi; }

first_start() {
  local image=$1 c before
  export PGPASSWORD=$password
  c=$(start -e POSTGRES_PASSWORD="$password" "$image" postgres -c fsync=on -c work_mem=12MB)
  ready "$c" 2
  check "settings from the arguments" on12MB \
    "$(sql "$c" postgres postgres "select current_setting('fsync') || current_setting('work_mem')")"
  check "contrib is there" "CREATE EXTENSION" "$(sql "$c" postgres postgres 'create extension pgstattuple')"
  check "another locale is there" "CREATE DATABASE" \
    "$(sql "$c" postgres postgres "create database us template template0 locale 'en_US.UTF-8'")"
  check "a wrong password" fails "$(PGPASSWORD=wrong try sql "$c" postgres postgres 'select 1')"
  check "no password" fails "$(PGPASSWORD='' try sql "$c" postgres postgres 'select 1')"
  check "the server is process 1" postgres "$(docker exec "$c" cat /proc/1/comm)"
  check "client of the same version inside" \
    "$(docker exec "$c" postgres --version | awk '{print $3}')" "$(docker exec "$c" pg_dump --version | awk '{print $3}')"
  sql "$c" postgres postgres 'create table kept as select 7 as n' >/dev/null
  docker restart "$c" >/dev/null
  ready "$c" 3
  check "a restart keeps data" 7 "$(sql "$c" postgres postgres 'select n from kept')"
  before=$SECONDS
  docker stop "$c" >/dev/null
  check "stops within 3 s" 1 "$((SECONDS - before <= 3))"
  check "stops cleanly" 0 "$(docker inspect -f '{{.State.ExitCode}}' "$c")"
}

init_files() {
  local image=$1 c
  rm -f "$work"/*
  printf '%s\n' 'create table t(n int);' >"$work/1.sql"
  printf '%s\n' 'insert into t values (1);' | gzip >"$work/2.sql.gz"
  # shellcheck disable=SC2016 # expanded in the container
  printf '%s\n' 'psql -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "insert into t values (2)"' >"$work/3.sh"
  printf '%s' "$password" >"$work/password"
  chmod 644 "$work"/*
  export PGPASSWORD=$password
  c=$(start -v "$work:/docker-entrypoint-initdb.d:ro" -e POSTGRES_PASSWORD_FILE=/docker-entrypoint-initdb.d/password \
    -e POSTGRES_USER='Own er' -e POSTGRES_DB='the"db' \
    -e POSTGRES_INITDB_ARGS='--data-checksums --locale="en_US.UTF-8"' "$image")
  ready "$c" 2
  check "init files, user and database" 3 "$(sql "$c" 'Own er' 'the"db' 'select sum(n) from t')"
  check "arguments of initdb" 'on|en_US.UTF-8' "$(sql "$c" 'Own er' 'the"db' \
    "select current_setting('data_checksums'), datcollate from pg_database where datname = 'template1'")"

  printf '%s\n' 'select 1/0;' >"$work/4.sql"
  c=$(start -v "$work:/docker-entrypoint-initdb.d:ro" -e POSTGRES_PASSWORD=x "$image")
  check "a failing init file fails the start" 3 "$(docker wait "$c")"
  check "and so it does again (not with the official image)" 3 "$(docker start "$c" >/dev/null && docker wait "$c")"
}

other_starts() {
  local image=$1 c
  unset PGPASSWORD
  c=$(start "$image")
  check "refuses to start without a password" 1 "$(docker wait "$c")"
  c=$(start -e POSTGRES_HOST_AUTH_METHOD=trust "$image" -c max_connections=7)
  ready "$c" 2
  check "trust, arguments that start with a dash" 7 "$(sql "$c" postgres postgres 'show max_connections')"
  check "another command is run as it is" root "$(docker run --rm --label "$label" "$image" id -un)"
  check "--version needs no password" "ends well" "$(try docker run --rm --label "$label" "$image" --version)"
  c=$(start --user postgres --tmpfs /var/lib/postgresql/data:uid=999,mode=0700 -e POSTGRES_HOST_AUTH_METHOD=trust "$image")
  ready "$c" 2
  check "as a user, on a tmpfs" 1 "$(sql "$c" postgres postgres 'select 1')"
  # How rehearse bounds a staging server's life: INT, because TERM would wait for its clients.
  c=$(start -e POSTGRES_HOST_AUTH_METHOD=trust --entrypoint timeout "$image" -s INT 20 docker-entrypoint.sh postgres)
  ready "$c" 2
  sql "$c" postgres postgres 'select pg_sleep(60)' >/dev/null &
  check "ends by itself under timeout, with a client connected" 124 "$(docker wait "$c")"
  wait $! || true
}

if [[ $# -eq 0 ]]; then set -- rehearse-postgres:15 rehearse-postgres:17; fi
for image in "$@"; do
  echo "# $image"
  first_start "$image"
  init_files "$image"
  other_starts "$image"
done
exit $((failures > 0))
