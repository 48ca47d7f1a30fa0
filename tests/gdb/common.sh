# What the scripts here share: gdb in batch mode, and transcripts of it. Sourced, with $here, $work and $rewrite set.
# shellcheck shell=bash disable=SC2154
script=$here/../../tools/gdb/vlot.py

skip() {
  echo "skipped: $*"
  exit 77
}
debugger() { # debugger ARGUMENTS...: no start-up files, no downloads, plain text
  LC_ALL=C.UTF-8 NO_COLOR=1 timeout -k 5 100 gdb -q -nx -batch -iex 'set debuginfod enabled off' -iex 'set pagination off' -iex 'set width 0' \
    -iex 'set style enabled off' -x "$script" "$@" 2>&1 </dev/null
}
command -v gdb >/dev/null || skip "no gdb"
gdb -q -nx -batch -ex 'python print(6 * 7)' 2>/dev/null | grep -q '^42$' || skip "this gdb has no Python"
gdb -q -nx -batch -ex run -ex 'info inferiors' --args true 2>&1 | grep -q 'exited normally' || skip "gdb may not trace here"
debugger -ex 'python print(bool(gdb.lookup_type("struct vlot_cluster").fields()))' "$program" | grep -q '^True' || skip "built without debug information"

# What depends on machine, compiler or optimisation.
normalise() {
  sed -E -e '/received signal SIGINT/{N;s/\n.*//}' -e '/^\[(New |Thread |Switching|Inferior)/d' -e '/^Using host/d' -e '/^(warning|Saved corefile|Core was|Program terminated|#)/d' \
    -e '/^[0-9]+\t/d' -e '/^$/d' -e '/^(Temporary b|B)reakpoint [0-9]+ at /d' -e '/^(Thread [0-9]+ |Temporary b|B)[^(]* \(/s/ \(.*//' \
    -e 's/^(vlot_[a-z_]+) \(.*\) at .*:[0-9]+$/\1/' -e 's/0x[0-9a-f]+/0x…/g' -e "s|$work|DIRECTORY|g"
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
# expect WHAT TEXT GDB_ARGUMENTS...: gdb's output has such a line.
expect() {
  local what=$1 text=$2
  shift 2
  debugger "$@" >"$work/expect.log"
  grep -q "$text" "$work/expect.log" || {
    cat "$work/expect.log"
    echo "$what: nothing says \"$text\""
    failed=1
  }
}
