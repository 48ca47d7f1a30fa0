#!/usr/bin/env bash
# The vlot command from outside: what it prints, and its exit codes.   usage: cli.sh PROGRAM
set -u
vlot=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
unset VLOT_SEED NO_COLOR

# expect CODE NAME COMMAND...: runs it; its outputs are in $work/out and $work/err
expect() {
  local code=$1 name=$2 got=0
  shift 2
  "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
  [ "$got" -eq "$code" ] || fail "$name: exit code $got instead of $code"
}
fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  head -c 1000 "$work/out" "$work/err"
}
says() { # says NAME FILE TEXT
  grep -qF -- "$3" "$work/$2" || fail "$1: no '$3'"
}
is_json() { # every line of a file is a JSON value; without python3 only its ends are looked at
  if command -v python3 >/dev/null; then
    python3 -c 'import json,sys
for line in open(sys.argv[1]): json.loads(line)' "$1"
  else
    ! grep -qvE '^\{.*\}$' "$1"
  fi
}

# --- words ---
expect 0 version "$vlot" --version
grep -qE '^vlot [0-9]+\.[0-9]+\.[0-9]+$' "$work/out" || fail "version"
expect 0 help "$vlot" help
says help out "run"
says help out "sim"
for verb in run sim; do
  expect 0 "help $verb" "$vlot" help $verb
  says "help $verb" out "usage: vlot $verb"
  says "help $verb" out "--seed S"
  cp "$work/out" "$work/help"
  expect 0 "$verb --help" "$vlot" $verb --help
  cmp -s "$work/out" "$work/help" || fail "$verb --help is not help $verb"
done
expect 64 "nothing said" "$vlot"
expect 64 "mistyped verb" "$vlot" rum
says "mistyped verb" err "did you mean 'run'?"
expect 64 "no process" "$vlot" gdb -p
expect 64 "no number of a process" "$vlot" gdb -p abc
expect 66 "a process that is not there" "$vlot" gdb -p 2147483646
expect 64 "help of a mistyped verb" "$vlot" help smi
expect 64 "mistyped option" "$vlot" run --node 3
says "mistyped option" err "did you mean --nodes?"
expect 64 "out of range" "$vlot" run --nodes 0
says "out of range" err "--nodes 0: 1 to 1024 is allowed"
expect 64 "no value" "$vlot" sim --seeds
expect 64 "all learners" "$vlot" run --nodes 2 --learners 2
expect 64 "heartbeat too slow" "$vlot" run --election 10 --heartbeat 10
expect 64 "events of many seeds" "$vlot" sim --seeds 2 --events "$work/e"

# --- run ---
for driver in threads lockstep; do
  for nodes in 1 2 3 5; do
    expect 0 "run $driver $nodes" "$vlot" run --driver $driver --nodes $nodes --kill-leader --tick 1 --json
    is_json "$work/out" || fail "run $driver $nodes: not JSON"
    says "run $driver $nodes" out '"lost":0,'
    says "run $driver $nodes" out '"replicas_identical":true'
    says "run $driver $nodes" out '"verified":816,'
    grep -q '"killed":0,' "$work/out" && fail "run $driver $nodes: nobody was killed"
  done
done
expect 0 "learners" "$vlot" run --nodes 5 --learners 2 --tick 1 --kill-leader --checker
says "learners" out "all is well"
says "learners" out "lost acknowledged  0"
says "learners" out "5 identical"
grep -q $'\033' "$work/out" && fail "escape sequences in a pipe"
expect 0 "quiet" "$vlot" run --quiet --tick 1
[ -s "$work/out" ] && fail "quiet run prints"

# The same seed is the same run; in lockstep the seed decides how far the commands in flight get before the kill.
for seed in 2 5 20; do
  for k in 1 2; do
    "$vlot" run --driver lockstep --kill-leader --seed $seed --events "$work/events$k" --json >"$work/json$k" ||
      fail "lockstep seed $seed"
  done
  cmp -s "$work/events1" "$work/events2" || fail "lockstep seed $seed: two runs differ"
done
is_json "$work/events1" || fail "events are not JSON lines"
for kind in campaign leader append commit apply start kill sent received step; do
  grep -qF "\"event\":\"$kind\"" "$work/events1" || fail "no event $kind"
done

# --- input ---
cat >"$work/good" <<'END'
# every command
set a 1
incr a 5
cas a 6 seven
cas a 6 eight
get a
set b some words
del b
get b
incr c -3
incr c
END
for driver in threads lockstep; do
  expect 0 "input $driver" "$vlot" run --driver $driver --input "$work/good" --history "$work/history" --kill-leader --tick 1
  says "input $driver" out "10 acknowledged of 10"
  says "input $driver" out "3 of 3 keys"
  [ "$(wc -l <"$work/history")" -eq 13 ] || fail "history $driver: not the 10 commands and the 3 keys read back"
  is_json "$work/history" || fail "history $driver: not JSON lines"
done
# --- lints: bad settings are told beside the output, once ---
expect 0 "good settings" "$vlot" run --input "$work/good" --tick 1
[ -s "$work/err" ] && fail "good settings: something is told on stderr"
for driver in threads lockstep; do
  expect 0 "bad settings $driver" "$vlot" run --driver $driver --input "$work/good" --nodes 4 --election 20 --heartbeat 10 --json
  says "bad settings $driver" err "note: 4 voters need a quorum of 3"
  says "bad settings $driver" err "note: heartbeat_ticks 10 is at least half"
  [ "$(wc -l <"$work/err")" -eq 2 ] || fail "bad settings $driver: not two lines"
  is_json "$work/out" || fail "bad settings $driver: the output is disturbed"
done
expect 0 "bad settings of seeds" "$vlot" sim --seeds 3 --actions 500 --nodes 4
[ "$(grep -c '^note: ' "$work/err")" -eq 1 ] || fail "bad settings of seeds: not told once"
expect 0 "seeds that draw their nodes" "$vlot" sim --seeds 3 --actions 500
grep -q '^note: ' "$work/err" && fail "seeds that draw their nodes: a setting that nobody has made is told"

"$vlot" run --tick 1 --input - <"$work/good" >"$work/out" 2>"$work/err" || fail "stdin"
says stdin out "10 acknowledged of 10"
printf 'set a 1\nsot b 2\nget\n' >"$work/bad"
expect 65 "bad lines" "$vlot" run --input "$work/bad"
says "bad lines" err "$work/bad:2: 'sot': unknown command"
says "bad lines" err "$work/bad:3: the key is missing; expected get KEY"
[ -s "$work/out" ] && fail "bad lines: something was run"
expect 65 "keep going" "$vlot" run --input "$work/bad" --keep-going --tick 1
says "keep going" out "1 acknowledged of 1"
says "keep going" out "bad lines          2"
: >"$work/empty"
expect 0 "empty input" "$vlot" run --input "$work/empty" --tick 1 --kill-leader
expect 66 "missing input" "$vlot" run --input "$work/missing"
expect 66 "directory as input" "$vlot" run --input "$work"
says "directory as input" err "it is a directory"
if [ -r /dev/zero ]; then
  expect 65 "input without end" "$vlot" run --input /dev/zero
  says "input without end" err "at most 256 MiB, and this is more"
fi
# An output is neither an input nor another output, whatever its name is; and nothing is lost.
mkdir -p "$work/d"
printf 'set boat vlot\n' >"$work/commands"
cp "$work/commands" "$work/same"
ln -s commands "$work/link"
ln "$work/commands" "$work/hard"
ln -s new "$work/dangling"
for option in --journal --events --history; do
  for name in commands link hard d/../commands; do
    expect 64 "$option on its input" "$vlot" run --quiet --input "$work/commands" $option "$work/$name"
    says "$option on its input" err "the file that --input reads"
    "$vlot" run --quiet --input - $option "$work/$name" <"$work/commands" 2>"$work/err" && fail "$option on its standard input: it runs"
    cmp -s "$work/commands" "$work/same" || fail "$option $name: the input is not what it was"
  done
  expect 64 "$option -" "$vlot" run --quiet $option -
done
expect 0 "a device, as often as one likes" "$vlot" run --quiet --tick 1 --journal /dev/null --events /dev/null --history /dev/null
expect 64 "one new file" "$vlot" run --quiet --events "$work/new" --journal "$work/d/../new"
says "one new file" err "--events and --journal are the same file"
expect 64 "one new file, by a link" "$vlot" run --quiet --history "$work/dangling" --journal "$work/new"
[ ! -e "$work/new" ] || fail "one new file: it was made"
expect 64 "sim, one file" "$vlot" sim --seeds 1 --events "$work/new" --history "$work/new"
cp "$work/same" "$work/out2"
"$vlot" run --events "$work/out2" >>"$work/out2" 2>"$work/err" && fail "events into the output: it runs"
says "events into the output" err "the standard output goes to"
cp "$work/same" "$work/kept"
expect 64 "bad arguments" "$vlot" run --quiet --events "$work/kept" --journal "$work/kept2" --election 10 --heartbeat 10
expect 73 "another file cannot be written" "$vlot" run --quiet --events "$work/kept" --journal "$work/missing/j"
cmp -s "$work/kept" "$work/same" || fail "a run that does not begin destroys what was there"
expect 73 "unwritable events" "$vlot" run --events "$work/missing/e"
[ -e /dev/full ] && expect 73 "full events" "$vlot" run --tick 1 --events /dev/full

# --- little memory: whatever comes of it, it is said, and nobody waits for it ---
if (ulimit -v 24000 && "$vlot" --version) >/dev/null 2>&1; then # not under AddressSanitizer
  short=0
  for kilobytes in 12000 14000 16000 18000 20000 22000 24000; do
    code=0
    (ulimit -v $kilobytes && exec "$vlot" run --quiet) >"$work/out" 2>"$work/err" </dev/null || code=$?
    case $code in
    0 | 70 | 127) ;; # enough; or no cluster; or no program
    71)
      short=$((short + 1))
      grep -qE 'fenced because memory ran out: at tick [0-9]+|OUT OF MEMORY' "$work/err" || fail "$kilobytes KB: not said"
      ;;
    *) fail "$kilobytes KB: exit code $code" ;;
    esac
  done
  [ "$short" -gt 0 ] || echo "no size was too small for a run and large enough for a cluster"
fi

# --- quiet is quiet, whatever an expert would warn of ---
expect 0 "quiet" "$vlot" run --quiet --nodes 4 --tick 1 --election 10 --heartbeat 9
[ ! -s "$work/out" ] && [ ! -s "$work/err" ] || fail "quiet: it says something"

# --- sim ---
expect 0 "sim" "$vlot" sim --seeds 20
says sim out "0 violated, 0 stuck"
says sim out "leaders elected"
expect 3 "sim, not all is covered" "$vlot" sim --seeds 1 --actions 100 --coverage
says sim err "never in 1 seeds: snapshots installed over a conflict"
expect 0 "sim json" "$vlot" sim --seeds 3 --json
is_json "$work/out" || fail "sim: not JSON"
for nodes in 1 2 3 5 7 9; do
  expect 0 "sim $nodes nodes" "$vlot" sim --seeds 3 --nodes $nodes --actions 5000 --hash
  cp "$work/out" "$work/inline"
  [ "$(wc -l <"$work/inline")" -eq 3 ] || fail "sim $nodes nodes: not 3 hashes"
  expect 0 "sim $nodes nodes, threads" "$vlot" sim --seeds 3 --nodes $nodes --actions 5000 --hash --threads
  cmp -s "$work/out" "$work/inline" || fail "sim $nodes nodes: threads and inline differ"
done
expect 0 "sim records" "$vlot" sim --seed 3 --events "$work/events" --history "$work/history"
is_json "$work/events" || fail "sim: events are not JSON lines"
is_json "$work/history" || fail "sim: history is not JSON lines"
[ -s "$work/history" ] || fail "sim: empty history"

# --- the live view, where a terminal can be had ---
if script -qec true /dev/null >/dev/null 2>&1; then
  seq 200000 | sed 's/.*/set key& value&/' >"$work/many"
  view() { # view ENVIRONMENT... : what a terminal of 60 columns gets
    env TERM=xterm "$@" script -qec "stty cols 60 rows 24; '$vlot' run --kill-leader --tick 1 --input $work/many $extra" \
      /dev/null </dev/null >"$work/out" 2>"$work/err"
  }
  extra=
  view LC_ALL=C.UTF-8
  says "live view" out "▲"
  says "live view" out "is killed after"
  says "live view" out "all is well"
  grep -q $'\033\[1;32m' "$work/out" || fail "live view: no colour"
  view LC_ALL=C.UTF-8 NO_COLOR=1
  grep -q $'\033\[1;32m' "$work/out" && fail "NO_COLOR: colours"
  view LC_ALL=C
  grep -q "▲" "$work/out" && fail "a locale without UTF-8: glyphs"
  extra=--ascii
  view LC_ALL=C.UTF-8
  grep -q "▲" "$work/out" && fail "--ascii: glyphs"
  says "--ascii" out "L n"
fi

[ "$failures" -eq 0 ] || exit 1
echo "the command does what it says"
