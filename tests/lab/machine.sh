#!/usr/bin/env bash
# --machine: a machine of one's own in the command.   usage: machine.sh PROGRAM COUNTER.so ODD-DIRECTORY SCENE
set -u
vlot=$1 counter=$2 odd=$3 scene=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  head -c 1500 "$work/out" "$work/err"
}
# expect CODE NAME COMMAND...: its outputs are in $work/out and $work/err
expect() {
  local code=$1 name=$2 got=0
  shift 2
  "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
  [ "$got" -eq "$code" ] || fail "$name: exit code $got instead of $code"
}
says() { # says NAME FILE TEXT
  grep -qF -- "$3" "$work/$2" || fail "$1: no '$3'"
}

# Scenes, in both drivers; what is saved at the prompt is one.
expect 0 "scene" "$vlot" play --machine "$counter" "$scene"
expect 0 "scene with threads" "$vlot" play --threads --machine="$counter" "$scene"
expect 1 "scene without its machine" "$vlot" play "$scene"
printf 'until leader\npropose add 5\nuntil quiet\nsave %s/saved.scene\n' "$work" >"$work/script"
"$vlot" step --machine "$counter" <"$work/script" >"$work/out" 2>"$work/err" || fail "step"
says "step" out "propose add 5: committed at 2 of term 1; the answer is 5"
expect 0 "saved scene" "$vlot" play "$work/saved.scene" --machine "$counter"
(cd "$(dirname "$counter")" && expect 0 "no slash" "$vlot" play --machine "$(basename "$counter")" "$scene")
[ -s "$work/err" ] && fail "no slash"

# A run, and its history in the machine's words.
for ((k = 1; k <= 100; k++)); do echo "add $k"; done >"$work/input"
for driver in threads lockstep; do
  expect 0 "run $driver" "$vlot" run --machine "$counter" --input "$work/input" --driver $driver \
    --checker --history "$work/history"
  says "run $driver" out "100 acknowledged of 100"
  says "run $driver" out "state              5050"
  says "run $driver" out "5 identical: hash 00000000000013ba"
  grep -q '"op":"propose","key":"counter","value":"add 100",.*"result":"5050"' "$work/history" ||
    fail "run $driver: the history"
done
expect 0 "kill" "$vlot" run --machine "$counter" --input "$work/input" --driver lockstep --kill-leader --json
says "kill" out '"machine":"counter"'
says "kill" out '"replicas_identical":true'
echo "add x" >"$work/bad"
expect 65 "bad line" "$vlot" run --machine "$counter" --input "$work/bad"
says "bad line" err "bad:1: 'add x': no command of counter: expected add N"
expect 64 "no input" "$vlot" run --machine "$counter"
says "no input" err "--machine needs --input"
expect 64 "inflight" "$vlot" run --machine "$counter" --input "$work/input" --inflight 7
says "inflight" err "--inflight 7 with --machine: 1 is allowed"

# A simulated run, the same again; with random bytes where there is no generator.
expect 0 "sim" "$vlot" sim --machine "$counter" --seeds 12 --actions 4000 --hash
cp "$work/out" "$work/hashes"
expect 0 "sim again" "$vlot" sim --machine "$counter" --seeds 12 --actions 4000 --hash --threads
cmp -s "$work/out" "$work/hashes" || fail "sim again: other hashes"
expect 0 "sim without" "$vlot" sim --seeds 12 --actions 4000 --hash
cmp -s "$work/out" "$work/hashes" && fail "sim: the machine makes no difference"
expect 0 "sim of bytes" "$vlot" sim --machine "$odd/odd0.so" --seeds 5 --actions 4000
expect 0 "sim history" "$vlot" sim --machine "$counter" --history "$work/history" --actions 4000
grep -q '"op":"propose","key":"counter"' "$work/history" || fail "sim: the history"
expect 1 "sim of replicas that differ" "$vlot" sim --machine "$odd/odd12.so" --seeds 3 --nodes 3 --actions 4000
says "sim of replicas that differ" out "--machine $odd/odd12.so"

# A recorded run, with its machine and with others.
expect 0 "journal" "$vlot" run --machine "$counter" --input "$work/input" --kill-leader --journal "$work/journal"
expect 0 "replay" "$vlot" replay --machine "$counter" "$work/journal"
expect 65 "replay without" "$vlot" replay "$work/journal"
says "replay without" err "a machine of its own, 'counter': give it with --machine FILE"
expect 65 "replay of another" "$vlot" replay --machine "$odd/odd0.so" "$work/journal"
says "replay of another" err "the run had the machine 'counter', and --machine has 'odd'"
echo kv 2 >"$work/script" # before the kill, whoever leads
"$vlot" replay --until 100 --machine "$counter" "$work/journal" <"$work/script" >"$work/out" 2>"$work/err" ||
  fail "replay by hand"
says "replay by hand" out "n2's counter, applied up to"
expect 0 "journal of keys" "$vlot" run --journal "$work/keys"
expect 65 "replay of keys" "$vlot" replay --machine "$counter" "$work/keys"
says "replay of keys" err "the run had the key-value machine, and not 'counter'"

# What is no machine.
bad() { # bad CODE FILE TEXT
  expect "$1" "$2" "$vlot" step --machine "$2"
  says "$2" err "vlot step: --machine $2: $3"
  expect "$1" "run $2" "$vlot" run --input "$work/input" --machine "$2"
  says "$2" err "vlot run: --machine $2: $3"
}
echo text >"$work/text.so"
bad 66 "$work/nowhere.so" "cannot be read: No such file"
bad 66 "$work" "no file; a shared object is allowed"
bad 65 "$work/text.so" "no shared object that can be loaded: "
bad 65 "$odd/odd1.so" "vlot_machine_entry() returns NULL; a vlot_plugin is allowed"
bad 65 "$odd/odd2.so" "its abi is 2; 1 is allowed"
bad 65 "$odd/odd3.so" "its size is "
bad 65 "$odd/odd4.so" "its name is none; 1 to 63 visible ASCII characters"
bad 65 "$odd/odd5.so" "odd has no machine"
bad 65 "$odd/odd6.so" "the size of odd's machine is "
bad 65 "$odd/odd7.so" "odd's machine has no apply; create, apply and destroy are needed"
bad 65 "$odd/odd11.so" "it has no symbol vlot_machine_entry"

# Words that fail, or are too many. A machine without a hash is not compared.
ask() { # ask NUMBER TEXT
  printf 'until leader\npropose abc\nuntil quiet\n' >"$work/script"
  "$vlot" step --machine "$odd/odd$1.so" <"$work/script" >"$work/out" 2>"$work/err"
  says "words $1" out "$2"
}
ask 0 "committed at 2 of term 1; the answer is y"
ask 8 "odd's function command wrote more than it may (its size: 3; at most 65536 bytes are allowed)"
ask 9 "odd's function answer wrote more than it may: its size is 65537; at most 65536 bytes are allowed"
ask 10 "no command of odd: "
expect 0 "no hash" "$vlot" run --machine "$odd/odd0.so" --input "$work/input"
says "no hash" out "not compared: odd has no hash"

[ "$failures" -eq 0 ] && echo "machines: all as expected"
exit $((failures > 0))
