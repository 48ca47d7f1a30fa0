#!/usr/bin/env bash
# `vlot play` from outside: what it says of a scene that differs, its limits, --rewrite.
# usage: scenes.sh PROGRAM SCENES
set -u
vlot=$1 scenes=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

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

# --- all of them, in one call ---
expect 0 "all scenes" "$vlot" play "$scenes"/*.scene

# --- a difference is told with its place, line by line ---
printf 'nodes\n----\n  node  role           term  vote  last  of term  commit  applied\n  wrong\n' >"$work/a.scene"
expect 1 "a difference" "$vlot" play "$work/a.scene"
says "a difference" out "a.scene:4: "
says "a difference" out "-  wrong"
says "a difference" out "+  n1    follower"
grep -qE '^[-+]  node' "$work/out" && fail "a difference: a line that is the same was told"
printf 'spawn 1\n----\n  spawn 1\n        ^\n' >"$work/a.scene"
expect 1 "lines are missing" "$vlot" play "$work/a.scene"
says "lines are missing" out "+error: this node is up"
[ "$(wc -l <"$work/out")" -eq 2 ] || fail "lines are missing: more was told than these"
printf 'spawn 1\n----\nthis node is up\n  spawn 1\n        ^\n' >"$work/a.scene"
expect 1 "a line is part of another" "$vlot" play "$work/a.scene"
says "a line is part of another" out "-this node is up"
says "a line is part of another" out "+error: this node is up"
printf 'seed 1\n----\nsomething\n' >"$work/a.scene"
expect 1 "nothing seen" "$vlot" play "$work/a.scene"
says "nothing seen" out "-something"
printf 'seed 1\nkill 7\n\nkill 1\n' >"$work/a.scene"
expect 1 "nothing expected" "$vlot" play "$work/a.scene"
says "nothing expected" out "+error: expected a node, 1 to 3"
says "nothing expected" out "+       ^"

# --- rewriting gives a scene that plays, keeps the story, and does nothing twice ---
printf '# the story\nnodes 5\nuntil leader\n----\nold\n\n# its end\ncheck' >"$work/a.scene"
expect 0 rewrite "$vlot" play --rewrite "$work/a.scene"
expect 0 "after rewriting" "$vlot" play "$work/a.scene"
says "after rewriting" out "a.scene: ok"
grep -qF '# the story' "$work/a.scene" && grep -qF '# its end' "$work/a.scene" || fail "rewrite: the story is lost"
grep -qF 'old' "$work/a.scene" && fail "rewrite: the old transcript is still there"
cp "$work/a.scene" "$work/b.scene"
expect 0 "rewrite again" "$vlot" play "$work/b.scene" --rewrite
cmp -s "$work/a.scene" "$work/b.scene" || fail "rewrite again: it changed something"
printf 'kil 1\n' >"$work/a.scene"
expect 0 "rewrite a mistake" "$vlot" play --rewrite "$work/a.scene"
says "rewrite a mistake" err "a.scene:1: unknown verb; did you mean 'kill'?"

# --- threads see the same as one thread, whatever the seed ---
for seed in 1 2 3 4 5; do
  printf 'seed %s\nnodes 5\nlink * * loss 10 delay 1 upto 3\nuntil leader\npropose x=1\ntick 100\nkill 1 power\ntick 100\nspawn 1\ntick 50\nlog\nevents 2 20\ncheck\n' $seed >"$work/a.scene"
  expect 0 "seed $seed" "$vlot" play --rewrite "$work/a.scene"
  expect 0 "seed $seed with threads" "$vlot" play --threads "$work/a.scene"
done

# --- a byte-order mark and carriage returns say nothing, and stay ---
for scene in "$scenes"/0*.scene; do
  { printf '\357\273\277'; sed 's/$/\r/' "$scene"; } >"$work/a.scene"
  expect 0 "as an editor wrote it" "$vlot" play "$work/a.scene"
done
printf '\357\273\277# a story\r\nnodes 5\r\nstatus\r\n----\r\nold\r\n' >"$work/a.scene"
expect 1 "as an editor wrote it, something else" "$vlot" play "$work/a.scene"
says "as an editor wrote it, something else" out "a.scene:5: "
expect 0 "rewriting what an editor wrote" "$vlot" play --rewrite "$work/a.scene"
printf '\357\273\277# a story\r\nnodes 5\r\nstatus\r\n----\r\n  tick 0, 0 actions, no leader, committed 0\r\n' |
  cmp -s - "$work/a.scene" || fail "rewriting what an editor wrote: it is written in another way"
printf '# no end\r\nnodes 5\r' >"$work/a.scene"
expect 0 "a return at the end" "$vlot" play "$work/a.scene"
printf 'nodes 3\nstatus\240\n\nst\357\273\277atus\n\nnodes \302\2405\n\nkill \302\2402\n' >"$work/a.scene"
expect 1 "bytes that nobody sees" "$vlot" play "$work/a.scene"
says "bytes that nobody sees" out "+error: unknown verb (byte 0xA0 at column 7); did you mean 'status'?"
says "bytes that nobody sees" out "+error: unknown verb (byte 0xEF at column 3)"
says "bytes that nobody sees" out "+error: expected a number from 1 to 32 (byte 0xC2 at column 7)"
says "bytes that nobody sees" out "+error: expected a node, 1 to 3 (byte 0xC2 at column 6)"

# --- limits and other mistakes ---
printf 'until term 1000000 1000000\n' >"$work/a.scene"
expect 1 "no end" "$vlot" play "$work/a.scene"
says "no end" out "too many actions"
head -c 1048577 /dev/zero | tr '\0' '#' >"$work/a.scene"
expect 65 "too long" "$vlot" play "$work/a.scene"
printf 'nodes\0\n' >"$work/a.scene"
expect 65 "a zero byte" "$vlot" play "$work/a.scene"
{ printf 'propose x='; head -c 5000 /dev/zero | tr '\0' 'y'; echo; } >"$work/a.scene"
expect 1 "a long line" "$vlot" play "$work/a.scene"
says "a long line" out "less than 4096 characters"
head -c 1500 /dev/zero | sed 's/\x00/1 /g' | sed 's/^/start 1 log /' >"$work/a.scene"
expect 1 "many words" "$vlot" play "$work/a.scene"
says "many words" out "at most 512 words"
: >"$work/a.scene"
expect 0 "an empty scene" "$vlot" play "$work/a.scene"
if [ -r /dev/zero ]; then
  expect 65 "a file without end" "$vlot" play --rewrite /dev/zero
  says "a file without end" err "at most 1 MiB, and this is more"
fi
expect 66 "a directory" "$vlot" play "$work"
says "a directory" err "it is a directory"
expect 66 "no such file" "$vlot" play "$work/none.scene"
expect 64 "no file" "$vlot" play
expect 64 "unknown option" "$vlot" play --rewrit "$work/a.scene"
says "unknown option" err "did you mean --rewrite?"

# --- every verb is explained ---
printf 'help all\n' >"$work/a.scene"
"$vlot" play "$work/a.scene" | sed -nE 's/^\+([a-z]+) .*/\1/p' >"$work/verbs"
[ "$(wc -l <"$work/verbs")" -ge 38 ] || fail "help: verbs are missing"
while read -r verb; do
  printf 'help %s\n' "$verb" >"$work/a.scene"
  expect 1 "help $verb" "$vlot" play "$work/a.scene"
  says "help $verb" out "+usage: $verb"
done <"$work/verbs"

[ "$failures" -eq 0 ] && echo "all well"
exit $((failures > 0))
