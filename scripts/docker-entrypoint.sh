#!/usr/bin/env bash
# Entrypoint of the rehearse-postgres images: makes a cluster on the first start, then becomes the server.
#
#   docker run -e POSTGRES_PASSWORD=... rehearse-postgres:17                 the server
#   docker run -e POSTGRES_PASSWORD=... rehearse-postgres:17 -c fsync=off    the server with settings
#   docker run rehearse-postgres:17 pg_dump --version                        any other command, as it is
#
# It answers to the same words as the official `postgres` image, so that code which starts one can start the other:
#
#   POSTGRES_PASSWORD            of the superuser; asked for, unless POSTGRES_HOST_AUTH_METHOD is trust
#   POSTGRES_USER                name of the superuser (postgres)
#   POSTGRES_DB                  database to create (the name of the user)
#   POSTGRES_INITDB_ARGS         more arguments for initdb, quoted as in a shell
#   POSTGRES_HOST_AUTH_METHOD    how connections over TCP prove themselves (scram-sha-256)
#   PGDATA                       where the cluster lives (/var/lib/postgresql/data)
#   /docker-entrypoint-initdb.d  *.sh, *.sql and *.sql.gz, run in the order of their names on the first start
#
# The first four may come from a file instead: POSTGRES_PASSWORD_FILE=/run/secrets/pw and so on.
#
# The first start runs two servers, one after the other. The first listens on its socket only, so nobody outside sees a
# half-made database; each says "database system is ready to accept connections", and tools wait for the second time.
# A PGDATA that holds a cluster is started as it is: the variables above change nothing then.
set -euo pipefail

readonly socket_dir=/var/run/postgresql
readonly init_dir=/docker-entrypoint-initdb.d

say() { printf 'docker-entrypoint: %s\n' "$*"; }
die() {
  printf 'docker-entrypoint: error: %s\n' "$*" >&2
  exit 1
}

# from_env_or_file NAME DEFAULT: exports NAME as it is, else from the file that NAME_FILE names, else the default.
from_env_or_file() {
  local name=$1 file_name=$1_FILE value=$2
  if [[ -n ${!name:-} && -n ${!file_name:-} ]]; then die "set $name or $file_name, not both"; fi
  if [[ -n ${!name:-} ]]; then
    value=${!name}
  elif [[ -n ${!file_name:-} ]]; then
    value=$(<"${!file_name}") || die "cannot read the file of $file_name"
  fi
  export "$name=$value"
  unset "$file_name"
}

# read_settings: while still root, who alone may be able to read a secret's file.
read_settings() {
  from_env_or_file POSTGRES_PASSWORD ''
  from_env_or_file POSTGRES_USER postgres
  from_env_or_file POSTGRES_DB "$POSTGRES_USER"
  from_env_or_file POSTGRES_INITDB_ARGS ''
  export POSTGRES_HOST_AUTH_METHOD="${POSTGRES_HOST_AUTH_METHOD:-scram-sha-256}"
  if [[ -z $POSTGRES_PASSWORD && $POSTGRES_HOST_AUTH_METHOD != trust ]]; then
    die "no cluster in $PGDATA and no password to make one with; set POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE" \
      "(or POSTGRES_HOST_AUTH_METHOD=trust: then everyone who reaches the port is superuser)"
  fi
}

# asks_for_words ARGS...: true when postgres would only print something and end, which needs no cluster.
asks_for_words() {
  local arg
  for arg in "$@"; do
    case $arg in '-?' | --help | --describe-config | -V | --version) return 0 ;; esac
  done
  return 1
}

# drop_root COMMAND...: hands the directories to postgres, which refuses to run as root, and becomes COMMAND as that user.
drop_root() {
  mkdir -p "$PGDATA" "$socket_dir"
  find "$PGDATA" "$socket_dir" ! -user postgres -exec chown postgres:postgres {} +
  export HOME=/var/lib/postgresql
  exec setpriv --reuid=postgres --regid=postgres --init-groups "$@"
}

# make_cluster: initdb, and the one line that lets the outside in.
make_cluster() {
  local loopback=scram-sha-256 initdb_args=()
  case $POSTGRES_HOST_AUTH_METHOD in trust | md5) loopback=$POSTGRES_HOST_AUTH_METHOD ;; esac
  eval "initdb_args=($POSTGRES_INITDB_ARGS)"
  # initdb refuses an empty password, and trust needs none.
  if [[ -n $POSTGRES_PASSWORD ]]; then initdb_args=(--pwfile=/dev/stdin "${initdb_args[@]}"); fi
  initdb -D "$PGDATA" --username="$POSTGRES_USER" --auth-local=trust --auth-host="$loopback" "${initdb_args[@]}" \
    <<<"$POSTGRES_PASSWORD"
  printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$PGDATA/pg_hba.conf"
}

# run_init_files FILES...: in the order of the names; a failing one fails the start.
run_init_files() {
  local file psql=(psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password -d "$POSTGRES_DB")
  for file in "$@"; do
    [[ -e $file ]] || continue
    say "init file $file"
    case $file in
      *.sh) if [[ -x $file ]]; then "$file"; else bash "$file"; fi ;;
      *.sql) "${psql[@]}" -f "$file" ;;
      *.sql.gz) gunzip -c "$file" | "${psql[@]}" ;;
      *) say "ignored: neither .sh nor .sql nor .sql.gz" ;;
    esac
  done
}

# undo: after a failed first start, so that the next one does not take a half-made cluster for a whole one. Whatever is
# in PGDATA is ours: initdb accepts an empty directory only.
undo() {
  kill -INT "$server" 2>/dev/null || true
  wait
  find "$PGDATA" -mindepth 1 -delete
}

# init SERVER_ARGS...: everything that happens once. The arguments are the final server's, for what the init files may
# need (shared_preload_libraries); the settings after them keep the temporary server to its socket.
init() {
  if [[ $POSTGRES_HOST_AUTH_METHOD == trust ]]; then
    say "warning: POSTGRES_HOST_AUTH_METHOD=trust, everyone who reaches the port is superuser" >&2
  fi
  make_cluster

  # For psql here and in the init files: the temporary server, and nothing else.
  export PGHOST=$socket_dir PGPORT=5432 PGUSER=$POSTGRES_USER PGPASSWORD=$POSTGRES_PASSWORD
  postgres -D "$PGDATA" "$@" -c listen_addresses= -c unix_socket_directories="$socket_dir" -p "$PGPORT" &
  server=$!
  trap undo EXIT
  # The first process of a container ignores a signal that it does not handle: without this a stop would wait in vain.
  trap 'exit 130' INT TERM
  until pg_isready -q -d postgres; do
    kill -0 "$server" 2>/dev/null || die "the temporary server ended; its last lines say why"
    sleep 0.1
  done

  if [[ $POSTGRES_DB != postgres ]]; then
    psql -v ON_ERROR_STOP=1 --no-psqlrc --no-password -d postgres -v db="$POSTGRES_DB" <<<'CREATE DATABASE :"db";'
  fi
  run_init_files "$init_dir"/*

  kill -INT "$server"
  wait "$server" || die "the temporary server did not stop cleanly"
  trap - EXIT INT TERM
  unset PGHOST PGPORT PGUSER PGPASSWORD POSTGRES_PASSWORD
  # Word for word what the official image says here: tools look for it.
  printf '\nPostgreSQL init process complete; ready for start up.\n\n'
}

main() {
  : "${PGDATA:=/var/lib/postgresql/data}"
  export PGDATA
  if [[ $# -eq 0 || $1 == -* ]]; then set -- postgres "$@"; fi
  if [[ $1 != postgres ]] || asks_for_words "$@"; then exec "$@"; fi

  local fresh=yes
  if [[ -s $PGDATA/PG_VERSION ]]; then fresh=no; fi
  if [[ $fresh == yes ]]; then read_settings; fi
  if [[ $(id -u) -eq 0 ]]; then drop_root "$0" "$@"; fi
  if [[ $fresh == yes ]]; then init "${@:2}"; else say "$PGDATA holds a cluster, starting it as it is"; fi
  exec "$@"
}

main "$@"
