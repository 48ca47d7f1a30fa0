#!/usr/bin/env bash
# docs/raft-map.md leads from the paper to the code to the tests: every function and test it names
# must exist, and it must name every test of tests/paper.  usage: check_raft_map.sh
set -eu
[ $# -eq 0 ] || { echo "usage: ${0##*/}, without arguments"; exit 64; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
map=docs/raft-map.md
failed=0

complain() {
  echo "$map: $1"
  failed=1
}

# Functions are declared at the start of a line; tests may be broken over two lines by the formatter.
tests=$(cat tests/paper/*_test.c tests/raft/*_test.c tests/cluster/*_test.c | tr '\n' ' ' |
  grep -oE 'Test\( *[a-z0-9_]+, *[a-z0-9_]+' | sed -E 's/Test\( *//; s/, */./' | sort -u)
paper=$(cat tests/paper/*_test.c | tr '\n' ' ' |
  grep -oE 'Test\( *[a-z0-9_]+, *[a-z0-9_]+' | sed -E 's/Test\( *//; s/, */./' | sort -u)
named=$(grep '^|' "$map" | grep -oE '`[^`]+`' | tr -d '`' | sort -u)

functions=0
for name in $named; do
  case $name in
  *.c:*)
    file=src/raft/${name%%:*}
    case $name in cluster/*) file=src/${name%%:*} ;; esac
    function=${name##*:}
    functions=$((functions + 1))
    grep -qE "^[a-z].*[ *]$function\(" "$file" 2>/dev/null || complain "there is no $function in $file"
    ;;
  *.*) grep -qxF "$name" <<<"$tests" || complain "there is no test $name" ;;
  *) complain "what is $name?" ;;
  esac
done
for name in $paper; do
  grep -qxF "$name" <<<"$named" || complain "the test $name is missing"
done

[ "$failed" -eq 0 ] || exit 1
echo "$functions functions and $(grep -cE '^[a-z0-9_]+\.[a-z0-9_]+$' <<<"$(grep -v '\.c:' <<<"$named")") tests of $map exist"
