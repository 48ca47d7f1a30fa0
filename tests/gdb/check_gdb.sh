#!/usr/bin/env bash
# gdb on the program of this directory: each NAME.gdb is run in batch mode and its output, without addresses, arguments and lines,
# compared with NAME.txt; --rewrite writes them anew. Exit 77: gdb, its Python, ptrace or debug information is missing.
# usage: check_gdb.sh PROGRAM [--rewrite]
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$1
rewrite=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
. "$here/common.sh"

compare election -x "$here/election.gdb" "$program"
compare dropped -x "$here/dropped.gdb" "$program"
compare stepped -x "$here/stepped.gdb" "$program"
compare asked -x "$here/asked.gdb" "$program"
compare wiped -x "$here/wiped.gdb" "$program"
compare two -x "$here/two.gdb" "$program"
compare closed -x "$here/closed.gdb" "$program"
compare broken -x "$here/broken.gdb" "$program"
compare wrong -x "$here/wrong.gdb" "$program"
compare wrong_steps -x "$here/wrong_steps.gdb" "$program"

debugger -ex 'break look_here' -ex run -ex "generate-core-file $work/core" "$program" >"$work/log"
[ -e "$work/core" ] || { cat "$work/log"; echo "no core file was written"; exit 1; }
compare core -x "$here/core.gdb" "$program" "$work/core"

# What may be asked is read from the program: before it runs, and from a core file.
expect "the verbs before it runs" 'vlot kill NODE \[power\]   vlot spawn NODE' -ex vlot "$program"
expect "the verbs in a core file" 'vlot kill NODE \[power\]   vlot spawn NODE' -ex vlot "$program" "$work/core"
expect "a verb's help" 'Stop a node; with power, what it had not synced may be lost: vlot kill NODE' -ex 'help vlot kill' "$program"

# The same core file and a program that was stripped; a core file in which nothing goes on; a program without vlot.
cp "$program" "$work/stripped" && strip "$work/stripped"
for command in 'vlot nodes' 'vlot check' 'vlot why 1'; do
  expect "a stripped program" 'no debug information of the vlot library' -ex "$command" "$work/stripped" "$work/core"
done
for command in 'vlot step' 'vlot kill 1' 'vlot back' 'vlot until 1'; do
  expect "$command on a core file" 'this is a core file' -ex "$command" "$program" "$work/core"
done
for command in 'vlot nodes' 'vlot kill 1' 'vlot step' 'vlot check'; do
  expect "a program without vlot" 'no debug information of the vlot library' -ex starti -ex "$command" -ex kill "$(command -v true)"
done

# A library that describes itself in another version, or in none that is known, is not read.
at=(-ex 'break look_here' -ex run)
expect "another version" 'describes itself in version 99, and these gdb commands read version' "${at[@]}" -ex 'set var vlot_described_raft[0].value = 99' \
  -ex 'vlot nodes' -ex kill "$program"
expect "no description" 'does not say where its fields are' "${at[@]}" -ex 'set var vlot_described_cluster[0].name[0] = 0' -ex 'vlot nodes' -ex kill \
  "$program"

for name in threads obey timers; do
  debugger -x "$here/$name.py" "$program" >"$work/$name.log"
  grep -q "^$name: as it should be" "$work/$name.log" || { cat "$work/$name.log"; failed=1; }
done
exit $failed
