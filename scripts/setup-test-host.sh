#!/usr/bin/env bash
# Makes this machine able to run every test of the project: PostgreSQL's programs, a Docker engine, PostgreSQL images, a pooler.
#
#   scripts/setup-test-host.sh [--any] [postgres] [docker] [pgbouncer]     which parts; all unless named
#
#   postgres   initdb, postgres, psql and pg_dump of any major version. Searched in PATH, pg_config --bindir,
#              /usr/lib/postgresql/*/bin and /usr/pgsql-*/bin.
#   docker     an engine that answers, and the images rehearse-postgres:15 and rehearse-postgres:17
#              (REHEARSE_TEST_PG_MAJORS="15 17" names others; build-pg-image.sh says which there are). Where they
#              cannot be built, the official images are pulled and given these names.
#   pgbouncer  the pooler's program; none of it is left running.
#   --any      one complete part is enough: the parts are tried in the order given, up to the first that is complete.
#
# What is there is left alone, so it may be run before every test run; one line a step says what was found or done. What
# is missing is installed when this is Debian or Ubuntu and the user root; elsewhere it says what to install, and the exit
# code is 1. No PostgreSQL server is left running. A dockerd started here is a process of this machine until
# scripts/stop-test-docker.sh ends it, which ends no other; $REHEARSE_DOCKERD_PIDFILE is where the two meet.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here pidfile=${REHEARSE_DOCKERD_PIDFILE:-/run/rehearse-test-dockerd.pid}
readonly dockerd_log=${REHEARSE_DOCKERD_LOG:-/var/log/rehearse-test-dockerd.log}
missing=''

say() { printf '%-9s %s\n' "$1" "${*:2}"; }
# lack PART WHAT_TO_DO...: a part that stays missing; the others are still looked at.
lack() {
  printf '%-9s missing: %s\n' "$1" "${*:2}" >&2
  missing=yes
}

# may_install: whether packages can be installed here without asking anyone.
may_install() { [[ $(id -u) -eq 0 && -e /etc/debian_version ]] && command -v apt-get >/dev/null; }

# install PART PACKAGES...: in silence, unless it fails. Whether every source of packages could be read is not asked; a
# broken one of a third party should not stand in the way.
install() {
  local part=$1 log
  log=$(mktemp)
  say "$part" "installing ${*:2}"
  apt-get -q update >"$log" 2>&1 || true
  if ! DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 \
    install -y --no-install-recommends "${@:2}" >>"$log" 2>&1; then
    tail -n 15 "$log" >&2
    lack "$part" "apt-get could not install ${*:2}, see above"
    rm -f "$log"
    return 1
  fi
  rm -f "$log"
}

# server_dirs: the directories that hold a server's programs, newest major first, one a line.
server_dirs() {
  local dir
  {
    if command -v initdb >/dev/null; then dirname "$(readlink -f "$(command -v initdb)")"; fi
    if command -v pg_config >/dev/null; then pg_config --bindir; fi
    printf '%s\n' /usr/lib/postgresql/*/bin /usr/pgsql-*/bin | sort -rV
  } | awk '!seen[$0]++' | while read -r dir; do
    if [[ -x $dir/initdb && -x $dir/postgres ]]; then printf '%s\n' "$dir"; fi
  done
}

# install_postgres: without the cluster that Debian's package makes and starts by default.
install_postgres() {
  local drop_in=
  if ! [[ -e /etc/postgresql-common/createcluster.conf ]]; then
    drop_in=/etc/postgresql-common/createcluster.d/rehearse-no-main.conf
    mkdir -p "${drop_in%/*}"
    echo 'create_main_cluster = false' >"$drop_in"
  fi
  install postgres postgresql || { rm -f "$drop_in"; return 1; }
  # Only this installation is special: a later one by the machine's owner makes its cluster.
  rm -f "$drop_in"
}

setup_postgres() {
  local dirs dir program
  dirs=$(server_dirs)
  if [[ -z $dirs ]]; then
    if ! may_install; then
      lack postgres "install PostgreSQL's server and client programs (Debian, Ubuntu: apt-get install postgresql;" \
        "Fedora: dnf install postgresql-server; macOS: brew install postgresql@17), or run this as root on Debian"
      return
    fi
    install_postgres || return 0
    dirs=$(server_dirs)
  fi
  while read -r dir; do say postgres "$("$dir/postgres" --version | awk '{print $3}') in $dir"; done <<<"$dirs"
  dir=${dirs%%$'\n'*}
  for program in psql pg_dump; do
    if ! command -v "$program" >/dev/null && [[ ! -x $dir/$program ]]; then
      lack postgres "$program: install PostgreSQL's client programs"
    fi
  done
}

# pooler: the path of pgbouncer, which Debian keeps where only root's PATH leads.
pooler() { PATH=$PATH:/usr/sbin command -v pgbouncer; }

# install_pgbouncer: without the pooler that Debian's package starts; a policy of the machine's own is left alone.
install_pgbouncer() {
  local policy=/usr/sbin/policy-rc.d done=0
  if [[ -e $policy ]]; then policy=''; fi
  if [[ -n $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
  fi
  install pgbouncer pgbouncer || done=1
  if [[ -n $policy ]]; then rm -f "$policy"; fi
  return "$done"
}

setup_pgbouncer() {
  if ! pooler >/dev/null; then
    if ! may_install; then
      lack pgbouncer "install pgbouncer (Debian, Ubuntu: apt-get install pgbouncer; Fedora: dnf install pgbouncer;" \
        "macOS: brew install pgbouncer), or run this as root on Debian"
      return
    fi
    install_pgbouncer || return 0
  fi
  say pgbouncer "$("$(pooler)" --version | awk 'NR == 1 {print $2}') in $(pooler)"
}

# complaint: why no engine answers, in Docker's words.
complaint() { docker version 2>&1 >/dev/null | tail -n 1; }

# engine: the version of the engine that answers; fails when none does.
engine() { docker version --format '{{.Server.Version}}' 2>/dev/null; }

# start_dockerd MODE: starts it and waits until it answers. It is told to use the iptables of MODE:
#   system   as found in PATH
#   legacy   iptables-legacy, for kernels without nf_tables: by a directory of links before PATH, the machine's own
#            choice stays
#   none     no rules at all, for sandboxes that forbid them: published ports still work, by docker-proxy
start_dockerd() {
  local mode=$1 path=$PATH args=() links=/run/rehearse-test-iptables name pid i
  case $mode in
    legacy)
      command -v iptables-legacy >/dev/null || return 1
      mkdir -p "$links"
      for name in iptables ip6tables; do ln -sf "$(command -v "$name-legacy")" "$links/$name"; done
      path=$links:$PATH
      ;;
    none) args=(--iptables=false --ip6tables=false) ;;
  esac
  PATH=$path setsid dockerd "${args[@]}" >"$dockerd_log" 2>&1 </dev/null &
  pid=$!
  for ((i = 0; i < 150; i++)); do
    if engine >/dev/null; then
      # With its start time: by the time someone wants to end it, the number may be another process's.
      printf '%s %s\n' "$pid" "$(awk '{print $22}' "/proc/$pid/stat")" >"$pidfile"
      return 0
    fi
    kill -0 "$pid" 2>/dev/null || return 1
    sleep 0.2
  done
  kill "$pid" 2>/dev/null || true
  wait "$pid" || true
  return 1
}

# ensure_engine: an engine that answers, found or started.
ensure_engine() {
  local mode packages=(docker.io iptables)
  if engine >/dev/null; then
    say docker "engine $(engine) answers"
    return
  fi
  if [[ -n ${DOCKER_HOST:-} ]]; then
    lack docker "no engine answers at DOCKER_HOST ($(complaint)); start it, or unset DOCKER_HOST"
    return 1
  fi
  if ! may_install; then
    lack docker "no engine answers ($(complaint)); start Docker, or join the group that may" \
      "use it, or run this as root on Debian, which installs docker.io and starts dockerd"
    return 1
  fi
  if ! { command -v dockerd && command -v docker && command -v iptables; } >/dev/null; then
    # Newer releases package the client apart.
    if apt-cache show docker-cli >/dev/null 2>&1; then packages+=(docker-cli); fi
    install docker "${packages[@]}" || return 1
  fi
  if [[ -d /run/systemd/system ]]; then
    systemctl start docker || true
    if engine >/dev/null; then
      say docker "engine $(engine) answers, started by systemd, which also stops it"
      return
    fi
  fi
  for mode in system legacy none; do
    if start_dockerd "$mode"; then
      say docker "engine $(engine) started, process $(cut -d ' ' -f 1 "$pidfile"), log $dockerd_log"
      if [[ $mode != system ]]; then say docker "it runs with iptables: $mode (see start_dockerd in this script)"; fi
      return
    fi
    # Other failures would be the same with other rules.
    if [[ $mode == system ]] && ! grep -qi 'iptables\|nf_tables' "$dockerd_log"; then break; fi
  done
  grep -E '^(failed|panic:)|level=(error|fatal)' "$dockerd_log" | tail -n 8 >&2 || true
  lack docker "dockerd does not start here, see above and $dockerd_log; it needs control groups, and rights to mount and" \
    "to make network devices (a container must be --privileged)"
  return 1
}

# version_of TAG: of the PostgreSQL in that image.
version_of() {
  docker image inspect -f '{{range .Config.Env}}{{println .}}{{end}}' "$1" | sed -n 's/^PG_VERSION=//p'
}

# pull MAJOR TAG: the official image under our name, for machines that cannot build but reach a registry.
pull() {
  local major=$1 tag=$2
  say docker "pulling postgres:$major"
  if docker pull --quiet "postgres:$major" >/dev/null && docker tag "postgres:$major" "$tag"; then
    say docker "image $tag is postgres:$major, PostgreSQL $(version_of "$tag")"
  else
    lack docker "image $tag: neither built nor pulled; as root on Debian, scripts/build-pg-image.sh $major builds it"
  fi
}

setup_docker() {
  local major tag
  ensure_engine || return 0
  for major in ${REHEARSE_TEST_PG_MAJORS:-15 17}; do
    tag=rehearse-postgres:$major
    if docker image inspect "$tag" >/dev/null 2>&1; then
      say docker "image $tag, PostgreSQL $(version_of "$tag")"
      continue
    fi
    if ! may_install; then
      pull "$major" "$tag"
      continue
    fi
    if ! command -v debootstrap >/dev/null || [[ ! -e /usr/share/keyrings/debian-archive-keyring.gpg ]]; then
      install docker debootstrap debian-archive-keyring || return 0
    fi
    "$here/build-pg-image.sh" "$major" "$tag" || pull "$major" "$tag"
  done
}

usage() { sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"; }

main() {
  local any='' part complete='' incomplete=''
  if [[ ${1:-} == -h || ${1:-} == --help ]]; then usage; exit; fi
  if [[ ${1:-} == --any ]]; then any=yes; shift; fi
  if [[ $# -eq 0 ]]; then set -- postgres docker pgbouncer; fi
  for part in "$@"; do
    if [[ $part != postgres && $part != docker && $part != pgbouncer ]]; then
      echo "setup-test-host: no part is called $part: postgres, docker, pgbouncer" >&2
      exit 2
    fi
  done
  for part in "$@"; do
    missing=''
    case $part in postgres) setup_postgres ;; docker) setup_docker ;; pgbouncer) setup_pgbouncer ;; esac
    if [[ -n $missing ]]; then incomplete=yes; continue; fi
    complete=yes
    if [[ -n $any ]]; then break; fi
  done
  [[ -n $complete && (-n $any || -z $incomplete) ]]
}

main "$@"
