#!/usr/bin/env bash
# Includes point down: base <- raft, actor <- cluster; the command sees public headers only.
# Prints every include that does not, and fails if there is one. Likewise mutexes that are taken past
# src/base/lock.h, which counts them (a pool's is an allocator's, below all others), and waits past it.
set -eu
[ $# -eq 0 ] || { echo "usage: ${0##*/}, without arguments"; exit 64; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# What a layer may include besides the headers of its own directory.
public_base='vlot/(base|hooks|version)\.h'
may_include() { # may_include LAYER -> extended regular expression
  case $1 in
  base) echo "base/.*|$public_base" ;;
  raft) echo "base/.*|raft/.*|$public_base|vlot/raft(_[a-z_]+)?\.h" ;;
  actor) echo "base/.*|actor/.*|$public_base|vlot/actor(_[a-z_]+)?\.h" ;;
  cluster) echo "base/.*|cluster/.*|vlot/.*" ;;
  # The one header below that the command sees: it needs none, and holds nothing but a format.
  lab) echo "lab/.*|vlot/.*|\.\./base/describe\.h" ;;
  esac
}
# The core has no thread, lock, clock, input, output or random source of its own.
raft_system='stdalign|stdarg|stdatomic|stdbool|stddef|stdint|inttypes|limits|string'

failures=0
fail() {
  echo "$1"
  failures=$((failures + 1))
}

shopt -s nullglob
checked=0
for layer in base raft actor cluster lab; do
  allowed=$(may_include "$layer")
  for file in src/"$layer"/*.[ch]; do
    checked=$((checked + 1))
    while read -r number header; do
      [[ $header == */* || ! -e src/$layer/$header ]] || continue
      [[ $header =~ ^($allowed)$ ]] || fail "$file:$number: $layer must not include \"$header\""
    done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]+)".*/\1/;T;=;p' "$file" |
      paste -d' ' - -)
    [ "$layer" = raft ] || continue
    while read -r number header; do
      [[ $header =~ ^($raft_system)\.h$ ]] || fail "$file:$number: the core must not include <$header>"
    done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*<([^>]+)>.*/\1/;T;=;p' "$file" |
      paste -d' ' - -)
  done
done

# Public headers include public headers only; those of the lower layers none of the upper ones; and
# vlot.h includes all of them.
for file in include/vlot/*.h; do
  checked=$((checked + 1))
  [ "${file##*/}" = vlot.h ] || grep -qx "#include \"vlot/${file##*/}\"" include/vlot/vlot.h ||
    fail "include/vlot/vlot.h: is everything public, and does not include \"vlot/${file##*/}\""
  case ${file##*/} in
  base.h | version.h) allowed=$public_base ;;
  raft.h | raft_*.h) allowed="$public_base|vlot/raft(_[a-z_]+)?\.h" ;;
  actor.h | actor_*.h) allowed="$public_base|vlot/actor(_[a-z_]+)?\.h" ;;
  *) allowed='vlot/.*' ;;
  esac
  while read -r number header; do
    [[ $header =~ ^($allowed)$ ]] || fail "$file:$number: must not include \"$header\""
  done < <(sed -nE 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*"([^"]+)".*/\1/;T;=;p' "$file" |
    paste -d' ' - -)
done

while read -r place; do
  fail "$place: take and give back a mutex with vlot__lock and vlot__unlock"
done < <(grep -rnoE 'pthread_mutex_(try|timed)?(un)?lock\(' src --include='*.[ch]' --exclude=lock.h --exclude=pool.c)

# Nor a wait in which a thread that is cancelled would leave something behind; timekeeper.c's is its own thread's.
while read -r place; do
  fail "$place: wait with vlot__cond_wait and vlot__thread_join"
done < <(grep -rnoE 'pthread_(cond_(timed)?wait|join)\(' src --include='*.[ch]' --exclude=lock.c --exclude=timekeeper.c)

if [ "$failures" -gt 0 ]; then
  echo "$failures places break the layering"
  exit 1
fi
echo "$checked files include downwards only"
