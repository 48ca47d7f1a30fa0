#!/usr/bin/env bash
# gdb on the program of this directory: each NAME.gdb is run in batch mode and its output, without addresses, arguments and lines,
# compared with NAME.txt; --rewrite writes them anew. Exit 77: gdb, its Python, ptrace or debug information is missing.
# usage: check_gdb.sh PROGRAM [--rewrite]
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
script=$here/../../tools/gdb/vlot.py
program=$1
rewrite=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

skip() {
  echo "skipped: $*"
  exit 77
}
debugger() { # debugger ARGUMENTS...: no start-up files, no downloads, plain text
  LC_ALL=C.UTF-8 NO_COLOR=1 timeout 100 gdb -q -nx -batch -iex 'set debuginfod enabled off' -iex 'set pagination off' -iex 'set width 0' \
    -iex 'set style enabled off' -x "$script" "$@" 2>&1 </dev/null
}
command -v gdb >/dev/null || skip "no gdb"
gdb -q -nx -batch -ex 'python print(6 * 7)' 2>/dev/null | grep -q '^42$' || skip "this gdb has no Python"
gdb -q -nx -batch -ex run -ex 'info inferiors' --args true 2>&1 | grep -q 'exited normally' || skip "gdb may not trace here"
debugger -ex 'ptype struct vlot__node' "$program" | grep -q 'vlot_raft \*raft' || skip "built without debug information"

# What depends on machine, compiler or optimisation.
normalise() {
  sed -E -e '/^\[(New |Thread |Switching|Inferior)/d' -e '/^Using host/d' -e '/^(warning|Saved corefile|Core was|Program terminated|#)/d' \
    -e '/^[0-9]+\t/d' -e '/^$/d' -e '/^(Temporary b|B)reakpoint [0-9]+ at /d' -e '/^(Thread [0-9]+ |Temporary b|B)[^(]* \(/s/ \(.*//' \
    -e 's/0x[0-9a-f]+/0x…/g'
}
failed=0
compare() { # compare NAME GDB_ARGUMENTS...
  local name=$1
  shift
  debugger "$@" | normalise >"$work/$name.txt"
  if [ "$rewrite" = --rewrite ]; then
    cp "$work/$name.txt" "$here/$name.txt"
  elif ! diff -u "$here/$name.txt" "$work/$name.txt"; then
    echo "$name: another transcript than $name.txt (left), see $here"
    failed=1
  fi
}

compare election -x "$here/election.gdb" "$program"
compare dropped -x "$here/dropped.gdb" "$program"
compare wrong -x "$here/wrong.gdb" "$program"

debugger -ex 'break look_here' -ex run -ex "generate-core-file $work/core" "$program" >"$work/log"
[ -e "$work/core" ] || { cat "$work/log"; echo "no core file was written"; exit 1; }
compare core -x "$here/core.gdb" "$program" "$work/core"

# The same core file and a program that was stripped: it is said what is missing.
cp "$program" "$work/stripped" && strip "$work/stripped"
debugger -ex 'vlot nodes' "$work/stripped" "$work/core" | grep -q 'no debug information of the vlot library' || {
  echo "a stripped program: nothing says that debug information is missing"
  failed=1
}

debugger -x "$here/threads.py" "$program" >"$work/threads.log"
grep -q '^threads: as it should be' "$work/threads.log" || { cat "$work/threads.log"; failed=1; }
exit $failed
