#!/usr/bin/env bash
# Builds a PostgreSQL image from Debian packages, for machines that reach a Debian mirror but no image registry.
#
#   scripts/build-pg-image.sh MAJOR [TAG]     e.g. 17; TAG is rehearse-postgres:MAJOR unless given
#
# A major version is taken from the Debian release that ships it: 13 bullseye, 15 bookworm, 17 trixie, 18 forky. The
# image is one layer: debootstrap's smallest system, postgresql-MAJOR with contrib, locales, and docker-entrypoint.sh from
# beside this script. From outside it is used like the official `postgres` image (environment, arguments, port, signals,
# paths); it differs in declaring no volume, so that removing a container leaves nothing behind. It is meant for tests:
# security updates come when the release's own archive has them, and on a rebuild.
#
# Needs root, debootstrap, debian-archive-keyring and a Docker engine. About a minute and 1.5 GB under $TMPDIR meanwhile.
#
#   IMAGE_LOCALES="en_US.UTF-8 de_DE.UTF-8"   locales to generate besides C.UTF-8 (en_US.UTF-8)
#   DEBIAN_MIRROR=URL                          instead of the mirror in this machine's own apt sources
#   DEBIAN_KEYRING=FILE                        the archive's keys, when this machine's package is older than the release
#   DEBIAN_EXPIRED=ok                          take a release whose mirror is frozen: its index is past its date
#
# Packages are always checked against that keyring; there is no way to switch this off.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly here keyring=${DEBIAN_KEYRING:-/usr/share/keyrings/debian-archive-keyring.gpg}
readonly release_names='(bullseye|bookworm|trixie|forky|sid|oldoldstable|oldstable|stable|testing|unstable)'

# redact: a mirror's address may carry a password.
redact() { sed -E 's#(//)[^/@ ]*@#\1***@#g'; }
say() { printf 'build-pg-image: %s\n' "$*" | redact; }
die() {
  printf 'build-pg-image: error: %s\n' "$*" | redact >&2
  exit 1
}

# logged COMMAND...: runs it in silence; shows its last lines when it fails.
logged() {
  "$@" >"$work/log" 2>&1 && return 0
  tail -n 15 "$work/log" | redact >&2
  if grep -qi 'unknown key\|invalid release signature' "$work/log"; then
    say "the keyring is older than the release: install a newer debian-archive-keyring," \
      "or name its file in DEBIAN_KEYRING" >&2
  fi
  if grep -q 'Release file .* is expired' "$work/log"; then
    say "the mirror is frozen: name another in DEBIAN_MIRROR, or take it as it is with DEBIAN_EXPIRED=ok" >&2
  fi
  die "failed: $*"
}

suite_of() {
  case $1 in
    13) echo bullseye ;;
    15) echo bookworm ;;
    17) echo trixie ;;
    18) echo forky ;;
    *) return 1 ;;
  esac
}

# machine_mirror: the first mirror of Debian itself in apt's sources. apt reads them for us, in either of their formats,
# and prints what it would fetch; nothing is fetched. Prints nothing on a machine without such a mirror (debootstrap then
# takes its default). Third parties use Debian's release names too; what is asked for is `debian` in the path.
machine_mirror() {
  local uri=
  if command -v apt-get >/dev/null; then
    uri=$(apt-get update --print-uris 2>/dev/null | sed -nE \
      "s#^'(mirror[+]file:.*|https?://.*/[^/]*debian[^/]*(/[0-9TZ]+)?)/dists/$release_names/InRelease'.*#\1#p" |
      grep -vE -- '-security|/linux/debian' | head -n 1 || true)
  fi
  # Cloud images name a file that lists mirrors.
  if [[ $uri == mirror+file:* ]]; then uri=$(grep -oE '^https?:[^[:space:]]+' "${uri#mirror+file:}" | head -n 1 || true); fi
  printf '%s\n' "$uri"
}

# use_apt_proxy: wget (in debootstrap) and apt (in the new system) know a proxy from the environment, apt here from a file.
use_apt_proxy() {
  local proxy=
  eval "$(apt-config shell proxy Acquire::http::Proxy 2>/dev/null || true)"
  if [[ -n $proxy && $proxy != DIRECT ]]; then export http_proxy="${http_proxy:-$proxy}"; fi
}

# base SUITE ROOT: the smallest Debian of that release.
base() {
  local suite=$1 root=$2 mirror=${DEBIAN_MIRROR:-$(machine_mirror)}
  local args=(--variant=minbase --force-check-gpg --keyring="$keyring")
  if [[ $mirror == https:* ]]; then args+=(--include=ca-certificates); fi
  args+=("$suite" "$root" ${mirror:+"$mirror"})
  # A release younger than this machine's debootstrap is made the way sid is.
  if [[ ! -e /usr/share/debootstrap/scripts/$suite ]]; then
    if [[ -z $mirror ]]; then die "debootstrap here does not know $suite; set DEBIAN_MIRROR, and it is built as sid is"; fi
    args+=(/usr/share/debootstrap/scripts/sid)
  fi
  say "from ${mirror:-the default mirror of debootstrap}, checked with $keyring"
  logged debootstrap "${args[@]}"
}

# postgres_into MAJOR ROOT: the server and its locales, without a cluster and without starting anything.
postgres_into() {
  local major=$1 root=$2 locale packages=("postgresql-$1" locales)
  printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
  mkdir -p "$root/etc/postgresql-common/createcluster.d"
  echo 'create_main_cluster = false' >"$root/etc/postgresql-common/createcluster.d/no-main.conf"
  # The ids of the official image, so that a volume can move between the two.
  chroot "$root" groupadd --system --gid 999 postgres
  chroot "$root" useradd --system --uid 999 --gid postgres --home-dir /var/lib/postgresql --shell /bin/bash postgres
  mount -t proc proc "$root/proc" # forky's packages configure themselves with systemd-tmpfiles, which wants it
  logged chroot "$root" apt-get -q ${DEBIAN_EXPIRED:+-o Acquire::Check-Valid-Until=false} update
  # From 18 on the JIT compiler is a package of its own; plans and timings depend on it.
  if chroot "$root" apt-cache show "postgresql-$major-jit" >/dev/null 2>&1; then packages+=("postgresql-$major-jit"); fi
  logged chroot "$root" apt-get -q install -y --no-install-recommends "${packages[@]}"
  for locale in ${IMAGE_LOCALES:-en_US.UTF-8}; do echo "$locale ${locale#*.}"; done >"$root/etc/locale.gen"
  logged chroot "$root" locale-gen
  umount "$root/proc"

  sed -ri "s/^#?(listen_addresses) *=.*/\1 = '*'/" "$root/usr/share/postgresql/$major/postgresql.conf.sample"
  install -m 755 "$here/docker-entrypoint.sh" "$root/usr/local/bin/docker-entrypoint.sh"
  # Open directories, because a container may be run as any user.
  chroot "$root" install -d -o postgres -g postgres -m 1777 /var/lib/postgresql/data
  chroot "$root" install -d -o postgres -g postgres -m 3777 /var/run/postgresql
  mkdir -p "$root/docker-entrypoint-initdb.d"
}

# slim ROOT: removes what a container never reads. Copyright files stay.
slim() {
  local root=$1
  find "$root/usr/share/doc" -type f ! -name copyright -delete
  find "$root/usr/share/doc" -depth -type d -empty -delete
  find "$root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -rf {} +
  rm -rf "$root"/usr/share/{man,info,lintian}/* "$root"/var/lib/apt/lists/* "$root"/var/log/*.log "$root"/var/log/apt
  rm -rf "$root"/var/cache/apt/{archives,*.bin} "$root"/var/cache/debconf/*-old "$root"/var/cache/ldconfig/* "$root"/tmp/*
  # What is this machine's own: the password of its mirror, its resolver, its name.
  sed -Ei 's#(//)[^/@ ]*@#\1#' "$root/etc/apt/sources.list"
  : >"$root/etc/resolv.conf"
  : >"$root/etc/hostname"
}

# image_config VERSION MAJOR ARCHITECTURE LAYER_SHA256: what the official image says of itself, less the volume.
image_config() {
  local version=$1 major=$2 arch=$3 layer=$4 now
  now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
  cat <<EOT
{
  "architecture": "$arch", "os": "linux", "created": "$now",
  "config": {
    "Entrypoint": ["docker-entrypoint.sh"],
    "Cmd": ["postgres"],
    "ExposedPorts": {"5432/tcp": {}},
    "StopSignal": "SIGINT",
    "Env": [
      "PATH=/usr/lib/postgresql/$major/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "PGDATA=/var/lib/postgresql/data", "LANG=C.UTF-8", "PG_MAJOR=$major", "PG_VERSION=$version"
    ],
    "Labels": {"org.opencontainers.image.title": "rehearse-postgres", "org.opencontainers.image.version": "$version"}
  },
  "rootfs": {"type": "layers", "diff_ids": ["sha256:$layer"]},
  "history": [{"created": "$now", "created_by": "build-pg-image.sh $major"}]
}
EOT
}

# load MAJOR ROOT TAG: the directory as an image of one layer. Not `docker import`, which cannot set a stop signal (a
# server that gets TERM waits for its clients), and not `docker build`, whose builders differ in what they see offline.
load() {
  local major=$1 root=$2 tag=$3 version arch layer former image=$work/image
  version=$(chroot "$root" "/usr/lib/postgresql/$major/bin/postgres" --version | awk '{print $3}')
  arch=$(chroot "$root" dpkg --print-architecture)
  mkdir "$image"
  tar -C "$root" --numeric-owner --one-file-system -cf "$image/layer.tar" .
  layer=$(sha256sum "$image/layer.tar")
  image_config "$version" "$major" "$arch" "${layer%% *}" >"$image/config.json"
  printf '[{"Config": "config.json", "RepoTags": ["%s"], "Layers": ["layer.tar"]}]\n' "$tag" >"$image/manifest.json"
  former=$(docker image inspect -f '{{.Id}}' "$tag" 2>/dev/null || true)
  tar -C "$image" -c manifest.json config.json layer.tar | docker load --quiet >/dev/null
  # The image that bore the tag goes, unless it has another name or a container still stands on it.
  if [[ -n $former && $(docker image inspect -f '{{len .RepoTags}}' "$former" 2>/dev/null) == 0 ]]; then
    docker rmi "$former" >/dev/null 2>&1 || true
  fi
}

# remove_work: also on failure; nothing of this machine's may be mounted below what is removed.
remove_work() {
  local mounted
  while read -r mounted; do
    umount "$mounted" || true
  done < <(awk -v under="$work/" 'index($2, under) == 1 {print $2}' /proc/mounts | sort -r)
  rm -rf --one-file-system "$work"
}

main() {
  if [[ $# -lt 1 || $# -gt 2 || $1 == -* ]]; then
    sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' "${BASH_SOURCE[0]}"
    [[ ${1:-} == -h || ${1:-} == --help ]] && exit 0
    exit 2
  fi
  local major=$1 tag=${2:-rehearse-postgres:$1} suite
  [[ ${tag##*/} == *:* ]] || tag+=:latest
  suite=$(suite_of "$major") || die "no Debian release known here ships PostgreSQL $major: 13, 15, 17 or 18"
  [[ $(id -u) -eq 0 ]] || die "needs root, for debootstrap: sudo $0 $*"
  command -v debootstrap >/dev/null || die "debootstrap is missing: apt-get install debootstrap debian-archive-keyring"
  [[ -r $keyring ]] || die "no keyring at $keyring: apt-get install debian-archive-keyring"
  docker info >/dev/null 2>&1 || die "no Docker engine answers: scripts/setup-test-host.sh docker"

  export DEBIAN_FRONTEND=noninteractive LC_ALL=C
  use_apt_proxy
  work=$(mktemp -d "${TMPDIR:-/tmp}/build-pg-image.XXXXXX")
  trap remove_work EXIT
  trap 'exit 130' INT TERM

  say "$tag: making Debian $suite"
  base "$suite" "$work/root"
  say "$tag: installing postgresql-$major"
  postgres_into "$major" "$work/root"
  slim "$work/root"
  say "$tag: loading"
  load "$major" "$work/root" "$tag"
  say "$tag: PostgreSQL $(docker image inspect -f '{{index .Config.Labels "org.opencontainers.image.version"}}' "$tag")," \
    "$(($(docker image inspect -f '{{.Size}}' "$tag") / 1000000)) MB, in $SECONDS s"
}

main "$@"
