#!/usr/bin/env bash
# What hooks cost: the library built twice, as it is and with -DVLOT_HOOKS=OFF, run in turns on one core.
# usage: hooks.sh [--rounds N] [--seconds X] [--cpu N] [--quick] [--json]
# Two builds of the release preset's flags in a temporary directory: about a minute before the first figure.
set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rounds=9 seconds=1 cpu= json=0 ops=20000

usage() {
  sed -n '2,4s/^# //p' "$0"
  echo 'Figures: commands per second with 256 in flight, actions per second in lockstep (rate with hooks / rate without),'
  echo 'and, where valgrind is there, instructions of a lockstep run, which are the same each time (with / without).'
}
refuse() {
  echo "hooks.sh: $1" >&2
  exit 64
}
while [ $# -gt 0 ]; do
  case $1 in
  --rounds | --seconds | --cpu)
    [ $# -ge 2 ] || refuse "$1 needs a number"
    [[ $2 =~ ^[0-9]+(\.[0-9]+)?$ ]] || refuse "$1 '$2': a number is needed"
    case $1 in
    --rounds) [[ $2 =~ ^[1-9][0-9]{0,2}$ ]] || refuse "--rounds '$2': 1 to 999"; rounds=$2 ;;
    --seconds) seconds=$2 ;;
    --cpu) cpu=$2 ;;
    esac
    shift
    ;;
  --quick) rounds=3 seconds=0.3 ops=5000 ;;
  --json) json=1 ;;
  --help | -h)
    usage
    exit 0
    ;;
  *) refuse "'$1': see --help" ;;
  esac
  shift
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
say() { if [ -t 2 ]; then echo "$1" >&2; fi; }

if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
for hooks in ON OFF; do
  say "building with VLOT_HOOKS=$hooks"
  { cmake -S "$root" -B "$work/$hooks" -DCMAKE_BUILD_TYPE=RelWithDebInfo -DCMAKE_C_FLAGS_RELWITHDEBINFO="-O3 -g" \
    -DVLOT_HARDEN=ON -DVLOT_TESTS=OFF -DVLOT_EXAMPLES=OFF -DVLOT_BUILD_SHARED=OFF -DVLOT_HOOKS=$hooks &&
    cmake --build "$work/$hooks" --target vlot-bench --parallel "$(nproc)"; } >"$work/log" 2>&1 || {
    cat "$work/log" >&2
    exit 70
  }
done

# measure HOOKS ROW FIELD: one round; its figure joins a list, its place is kept
measure() {
  "$work/$1/bench/vlot-bench" "$2" --rounds 1 --seconds "$seconds" ${cpu:+--cpu "$cpu"} --json >"$work/out"
  place=$(sed -n 's/.*"place":"\([^"]*\)".*/\1/p' "$work/out" | head -n 1)
  sed -n "/\"round\":/s/.*\"$3\":\([^,}]*\).*/\1/p" "$work/out" | head -n 1 >>"$work/$2.$1"
}

# of FILE: median, least, greatest
spread() {
  sort -g "$1" | awk '{ v[NR] = $1 } END { m = NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2
    form = m >= 1000 ? "%.0f %.0f %.0f" : "%.4f %.4f %.4f"
    printf form, m, v[1], v[NR] }'
}

report() { # report ROW PLACE UNIT
  read -r on on_min on_max < <(spread "$work/$1.ON"; echo)
  read -r off off_min off_max < <(spread "$work/$1.OFF"; echo)
  read -r ratio least most < <(paste "$work/$1.ON" "$work/$1.OFF" | awk '{ print $1 / $2 }' >"$work/ratio"; spread "$work/ratio"; echo)
  if [ $json -eq 1 ]; then
    printf '{"row":"hooks","of":"%s","place":"%s","unit":"%s","rounds":%d,"with":%s,"with_min":%s,"with_max":%s,"without":%s,"without_min":%s,"without_max":%s,"ratio_median":%s,"ratio_min":%s,"ratio_max":%s}\n' \
      "$1" "$2" "$3" "$(wc -l <"$work/$1.ON")" "$on" "$on_min" "$on_max" "$off" "$off_min" "$off_max" "$ratio" "$least" "$most"
  else
    printf '%-12s %-18s with %s (%s..%s), without %s (%s..%s) %s; ratio %s (%s..%s)\n' \
      "$1" "$2" "$on" "$on_min" "$on_max" "$off" "$off_min" "$off_max" "$3" "$ratio" "$least" "$most"
  fi
}

for row in ops-256:ops_per_second:ops/s lockstep:actions_checker_off:"million actions/s"; do
  IFS=: read -r name field unit <<<"$row"
  for ((round = 1; round <= rounds; round++)); do
    say "$name, round $round of $rounds"
    order="ON OFF"
    [ $((round % 2)) -eq 1 ] || order="OFF ON" # who comes first may find a warmer or a cooler machine
    for hooks in $order; do measure $hooks "$name" "$field"; done
  done
  report "$name" "$place" "$unit"
done

if command -v valgrind >/dev/null; then
  say "counting instructions"
  for hooks in ON OFF; do
    valgrind --tool=callgrind --callgrind-out-file=/dev/null "$work/$hooks/bench/vlot-bench" lockstep --rounds 1 --ops $ops \
      >/dev/null 2>"$work/err" || { cat "$work/err" >&2; exit 70; }
    sed -n 's/.*Collected *: *\([0-9]*\).*/\1/p' "$work/err" >"$work/instructions.$hooks"
  done
  report instructions "simulated" "instructions of $ops operations in lockstep, with all that surrounds them"
else
  say "no valgrind: instructions are not counted"
fi
