#!/usr/bin/env bash
# Leaves PostgreSQL's own regression database on a server: every kind of object that its developers thought of.
#
#   scripts/regression-database.sh build [MAJOR]   fetches and compiles what the tests need; prints the directory
#   scripts/regression-database.sh built [MAJOR]   whether that is done already
#   scripts/regression-database.sh load [MAJOR]    runs the tests on the server of PGHOST, PGPORT, PGUSER, PGPASSWORD and
#                                                  leaves database "regression" there (an older one is dropped)
#   scripts/regression-database.sh image MAJOR     makes image rehearse-regression:MAJOR of rehearse-postgres:MAJOR and that
#   scripts/regression-database.sh load-in CONTAINER MAJOR   load, in a container of that image
#
# MAJOR is 15 unless given: that of the server, and of a Debian release of this family. `build` takes src/test/regress from
# Debian's source package and compiles its one library against the headers of postgresql-server-dev-MAJOR. Nothing is
# installed; packages are checked against Debian's keyring. What was built stays in REHEARSE_REGRESSION_DIR
# (/var/tmp/rehearse-regression) and is not built again. The server must run on this machine or one that has the same
# directory, because functions in C name the library by its path.
#
# Tests that fail do not matter here, only what they leave: differences are expected where the server was built otherwise.
set -euo pipefail

readonly dir=${REHEARSE_REGRESSION_DIR:-/var/tmp/rehearse-regression}
readonly inside=/opt/regression # in images
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

die() {
  printf 'regression-database: error: %s\n' "$*" >&2
  exit 1
}

# needs COMMAND PACKAGE: says what to install.
needs() { command -v "$1" >/dev/null || die "$1 is missing: apt-get install $2"; }

suite_of() {
  case $1 in
    13) echo bullseye ;;
    15) echo bookworm ;;
    17) echo trixie ;;
    18) echo forky ;;
    *) return 1 ;;
  esac
}

# apt COMMAND...: apt-get for one release, with lists and caches of its own.
apt() {
  apt-get -q -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::Lists="$work/lists" \
    -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false "$@"
}

# fetch MAJOR SUITE: the source and the headers, in $work.
fetch() {
  local mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
  printf '%s [signed-by=%s] %s %s main\n' deb "$keyring" "$mirror" "$2" deb-src "$keyring" "$mirror" "$2" >"$work/sources.list"
  mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
  (cd "$work" && apt update && apt source --download-only "postgresql-$1" && apt download "postgresql-server-dev-$1") \
    >"$work/log" 2>&1 || { tail -n 5 "$work/log" >&2; die "Debian's packages could not be had"; }
}

build() {
  local major=$1 to=$dir/$1 suite server
  if [[ -e $to/lib/regress.so ]]; then return; fi
  suite=$(suite_of "$major") || die "no Debian release known here ships PostgreSQL $major: 13, 15, 17 or 18"
  needs apt-get apt
  needs gcc "gcc libc6-dev"
  needs dpkg-deb dpkg
  needs bzip2 bzip2
  [[ -r $keyring ]] || die "no keyring at $keyring: apt-get install debian-archive-keyring"
  work=$(mktemp -d) # global, for the trap
  trap 'rm -rf "$work"' EXIT
  fetch "$major" "$suite"
  mkdir "$work/src"
  tar -C "$work/src" --strip-components=1 --wildcards -xf "$work"/postgresql-*.orig.tar.* '*/src/test/regress' '*/contrib/spi'
  dpkg-deb -x "$work"/postgresql-server-dev-*.deb "$work/dev"
  server=$work/dev/usr/include/postgresql/$major/server
  mkdir -p "$to/lib"
  local library source
  for source in "$work"/src/src/test/regress/regress.c "$work"/src/contrib/spi/{refint,autoinc}.c; do
    library=$(basename "$source" .c).so
    gcc -shared -fPIC -O1 -w -D_GNU_SOURCE -I"$server" -I"$work/dev/usr/include/postgresql" -I"$work/src/contrib/spi" \
      -o "$to/lib/.$library" "$source" || die "$source could not be compiled: apt-get install libc6-dev"
  done
  cp -r "$work/src/src/test/regress" "$to/"
  for library in refint autoinc regress; do mv "$to/lib/.$library.so" "$to/lib/$library.so"; done # regress last: it is the mark
  chmod -R a+rX "$dir"
  rm -rf "$work"
}

load() {
  local major=$1 bin=/usr/lib/postgresql/$1/bin
  local program=/usr/lib/postgresql/$1/lib/pgxs/src/test/regress/pg_regress
  build "$major"
  [[ -x $bin/psql && -x $program ]] || die "PostgreSQL $major is not here: apt-get install postgresql-$major"
  out=$(mktemp -d) # global, for the trap
  trap 'rm -rf "$out"' EXIT
  mkdir "$out/results"
  chmod 777 "$out" "$out/results" # the server writes there too
  local schedule=$dir/$major/regress/parallel_schedule
  "$program" --bindir="$bin" --dlpath="$dir/$major/lib" --inputdir="$dir/$major/regress" --outputdir="$out" \
    --host="${PGHOST:-/var/run/postgresql}" --port="${PGPORT:-5432}" --user="${PGUSER:-postgres}" \
    --max-concurrent-tests=20 --schedule="$schedule" >"$out/log" 2>&1 || true
  tail -n 1 <<<"$(grep -E 'tests (passed|failed)|[0-9]+ of [0-9]+' "$out/log")" >&2
  "$bin/psql" -XAtq -d regression -c 'SELECT' >/dev/null || { tail -n 5 "$out/log" >&2; die "the tests left no database"; }
}

# image MAJOR: the server's image with the directory under its own path.
image() {
  local major=$1 container
  build "$major"
  docker image inspect "rehearse-postgres:$major" >/dev/null 2>&1 || die "no image: scripts/build-pg-image.sh $major"
  container=$(docker create "rehearse-postgres:$major")
  docker cp "$dir/$major/." "$container:$inside" >/dev/null
  docker commit "$container" "rehearse-regression:$major" >/dev/null
  docker rm "$container" >/dev/null
}

load_in() {
  docker exec -u postgres "$1" bash -c "mkdir -p /tmp/regress/results && cd /tmp/regress &&
    { /usr/lib/postgresql/$2/lib/pgxs/src/test/regress/pg_regress --host=/var/run/postgresql --user=postgres \
      --bindir=/usr/lib/postgresql/$2/bin --dlpath=$inside/lib --inputdir=$inside/regress --outputdir=/tmp/regress \
      --max-concurrent-tests=20 --schedule=$inside/regress/parallel_schedule >log 2>&1 || true; tail -n 1 log; }
    psql -U postgres -XAtq -d regression -c SELECT" >&2 || die "the tests left no database"
}

main() {
  case ${1:-} in
    build) build "${2:-15}" && printf '%s\n' "$dir/${2:-15}" ;;
    built) [[ -e $dir/${2:-15}/lib/regress.so ]] || die "$dir/${2:-15} is not built" ;;
    image) image "${2:?MAJOR}" ;;
    load-in) load_in "${2:?CONTAINER}" "${3:?MAJOR}" ;;
    load) load "${2:-15}" ;;
    *)
      sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
      [[ ${1:-} == -h || ${1:-} == --help ]] || exit 2
      ;;
  esac
}

main "$@"
