#!/usr/bin/env bash
# Measures the copy, in pairs against pg_dump and pg_restore: scripts/bench.sh [SCALE [PAIRS]]. Run it on a quiet machine.
set -euo pipefail
cd "$(dirname "$0")/.."
exec go run ./testdata/bench -scale "${1:-10}" -pairs "${2:-3}" ${BENCH_FLAGS:-}
