#!/usr/bin/env bash
# vlot run --journal and vlot replay from outside.   usage: replay.sh PROGRAM
set -u
vlot=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
unset VLOT_SEED
export NO_COLOR=1 COLUMNS=100

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
  head -c 1500 "$work/out" "$work/err"
}
says() { # says NAME FILE TEXT
  grep -qF -- "$3" "$work/$2" || fail "$1: no '$3'"
}
patch_byte() { # patch_byte FILE PLACE
  local was
  was=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf "\\x$(printf %02x $(((was + 1) % 256)))" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null
}

journal=$work/run.journal

# --- a run, and the same run again ---
expect 0 record "$vlot" run --journal "$journal" --kill-leader --tick 2
says record out "all is well"
expect 0 replay "$vlot" replay "$journal"
says replay out "identical to the recording"
says replay out "kills, restarts    1, 1"
says replay out "elections          2"
expect 0 quiet "$vlot" replay "$journal" --quiet
[ ! -s "$work/out" ] || fail "quiet: it says something"
expect 0 json "$vlot" replay --json "$journal"
says json out '"finished":true,"cut":false,"diverged":false,"text":""'
total=$(sed -E 's/.*"actions_total":([0-9]+).*/\1/' "$work/out")
expect 0 until_json "$vlot" replay "$journal" --until 40 --json
says until_json out '"finished":false'

# --- by hand ---
printf 'nodes\nn\nwhy 1\nq\n' >"$work/script"
got=0
"$vlot" replay "$journal" --until 60 >"$work/out" 2>"$work/err" <"$work/script" || got=$?
[ "$got" -eq 0 ] || fail "by hand: exit code $got"
grep -Eq "after action (60 of $total\.|[0-9]+ of $total, the nearest before 60: a turn of several actions cannot be halved)" "$work/out" ||
  fail "by hand: it does not say where it stands"
printf 'kill 1\nq\n' >"$work/script"
"$vlot" replay "$journal" --until 60 >"$work/out" 2>"$work/err" <"$work/script" && fail "a kill is carried out"
says "a kill is refused" out "recorded run"

printf 'n\ngoto %s\n' "$total" >"$work/script"
"$vlot" replay "$journal" --until 0 >"$work/out" 2>"$work/err" <"$work/script" || fail "from the beginning: exit code"
says "from the beginning" out "next as recorded: action 1 of $total"
says "from the beginning" out "next as recorded: action 2 of $total"
says "from the beginning" out "the recording ends here"
grep -q "nothing is pending" "$work/out" && fail "from the beginning: as if it could not go on"

# --- a turn cannot be halved: from wherever one comes, one stands before it, and that is said ---
halved=0
for k in $(seq 10 60); do
  printf 'goto %s\ntick 0\nback 3\n' "$k" >"$work/script"
  "$vlot" replay "$journal" >"$work/out" 2>"$work/err" <"$work/script" || fail "$k, and back: exit code"
  printf 'goto %s\ngoto 0\ngoto %s\n' "$k" "$k" >"$work/script"
  "$vlot" replay "$journal" --until "$k" >"$work/out" 2>"$work/err" <"$work/script" || fail "until $k: exit code"
  at=$(sed -n 's/^vlot replay: .*, after action \([0-9]*\) of .*/\1/p' "$work/out")
  [ "$(grep -c "^Now action $at of $total, tick" "$work/out")" -ge 2 ] || fail "until $k: goto comes to another place than $at"
  [ "$at" = "$k" ] && continue
  halved=$((halved + 1))
  [ "$at" -lt "$k" ] || fail "until $k: after $at"
  [ "$(grep -c "the nearest before $k: a turn of several actions cannot be halved" "$work/out")" = 3 ] || fail "until $k: it is not said why"
done
[ "$halved" -gt 0 ] || fail "no turn of several actions in the first 60"

# --- what is no journal, or not whole ---
expect 65 "no journal" "$vlot" replay "$vlot"
says "no journal" err "no journal"
expect 66 "no file" "$vlot" replay "$work/none"
expect 66 "a directory" "$vlot" replay "$work"
says "a directory" err "it is a directory"
if [ -r /dev/zero ]; then
  expect 65 "a journal without end" "$vlot" replay /dev/zero
  says "a journal without end" err "this is no journal"
fi
expect 64 "no name" "$vlot" replay
expect 64 "two files" "$vlot" replay "$journal" "$journal"
expect 64 "beyond the end" "$vlot" replay "$journal" --until $((total + 1)) --json
says "beyond the end" err "$total actions"
head -c 100 "$journal" >"$work/cut"
expect 65 "cut in its head" "$vlot" replay "$work/cut"
says "cut in its head" err "after 100 bytes"
size=$(wc -c <"$journal")
head -c $((size - 5)) "$journal" >"$work/cut"
expect 65 "cut" "$vlot" replay "$work/cut"
says "cut" out "the journal is cut"
head -c $((size / 2)) "$journal" >"$work/cut"
expect 65 "beyond the cut" "$vlot" replay "$work/cut" --until "$total"
says "beyond the cut" err "actions are whole; the journal is cut: of its"
printf 'nodes\nq\n' >"$work/script"
{ cat "$journal" && printf more; } >"$work/longer"
"$vlot" replay "$work/longer" --until 20 >"$work/out" 2>"$work/err" <"$work/script" || fail "within what is whole: exit code"
says "within what is whole" out "These are whole; the journal is cut"
cp "$journal" "$work/other"
patch_byte "$work/other" 8
expect 65 "another version" "$vlot" replay "$work/other"
says "another version" err "format version 8, and this build reads version 7"
cp "$journal" "$work/changed"
patch_byte "$work/changed" $((size - 20))
expect 65 "a changed byte" "$vlot" replay "$work/changed"
says "a changed byte" out "wrong checksum"

# --- a run that is killed: its journal is whole up to there, and has no end ---
seq 1 100000 | sed 's/^/incr k /' >"$work/many"
head -n 4000 "$work/many" >"$work/some"
"$vlot" run --input "$work/many" --journal "$work/killed" --tick 2 --quiet &
pid=$!
until [ "$(head -c 300000 "$work/killed" 2>/dev/null | tail -c 1000 | tr -d '\0' | wc -c)" -gt 0 ]; do
  kill -0 "$pid" 2>/dev/null || break
done
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
expect 65 "killed" "$vlot" replay "$work/killed" --json
says "killed" out '"finished":true,"cut":true,"diverged":false'
says "killed" out 'it has no end'
says "killed" out '"end":false'
whole=$(sed -E 's/.*"bytes_whole":([0-9]+).*/\1/' "$work/out")
[ "$whole" -ge 300000 ] || fail "killed: only $whole bytes are whole"
expect 65 "killed, as text" "$vlot" replay "$work/killed"
says "killed, as text" out "up to there identical to the recording; the journal is cut: it has no end"
# cut so that nodes are in the middle of turns: one can stand before the first of them
for size in $(seq 200000 37 200800); do
  head -c "$size" "$work/killed" >"$work/middle"
  "$vlot" replay "$work/middle" --json >"$work/out" 2>"$work/err"
  after=$(sed -nE 's/.*"unended_after":([0-9]+).*/\1/p' "$work/out")
  [ -n "$after" ] && break
done
[ -n "$after" ] || fail "in the middle: no turn is"
says "in the middle" err "--until $after stands before the first"
says "in the middle" out "in the middle of a turn: n"
printf 'nodes\nn\nq\n' >"$work/script"
"$vlot" replay "$work/middle" --until "$after" >"$work/out" 2>"$work/err" <"$work/script" || fail "before it: exit code"
says "before it" out "a turn without an end"

# --- a limit is met: the recording ends with an error, and nothing is lost of what was recorded ---
(ulimit -c 0; ulimit -f 200; exec "$vlot" run --input "$work/some" --journal "$work/limited" --tick 2 --quiet --nodes 3) >"$work/out" 2>"$work/err"
[ $? -eq 73 ] || fail "a limit: exit code"
says "a limit" err "is not whole: File too large"
expect 65 "what is left below the limit" "$vlot" replay "$work/limited"
says "what is left below the limit" out "it has no end"

# --- what cannot be recorded ---
expect 64 "lockstep" "$vlot" run --driver lockstep --journal "$work/x"
says "lockstep" err "--journal records threads"
expect 73 "no directory" "$vlot" run --journal "$work/none/x" --quiet
if [ -w /dev/full ]; then
  expect 73 "a full disk" "$vlot" run --journal /dev/full --quiet --tick 2
  says "a full disk" err "cannot write /dev/full: No space left"
fi

[ "$failures" -eq 0 ] && echo "lab.replay: all as it must be"
exit "$((failures > 0))"
