#!/usr/bin/env bash
# Measures the copy, in rounds against pg_dump and pg_restore, with and without compression, pgcopydb, and itself without masks and without rows;
# a clone against the copy; and the restore of a snapshot against pg_restore of the same masked data:
# scripts/bench.sh [SCALE [ROUNDS]]. Run it on a quiet machine. BENCH_FLAGS="-who masked,dump" measures less.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./testdata/bench -scale "${1:-10}" -pairs "${2:-5}" ${BENCH_FLAGS:-}
