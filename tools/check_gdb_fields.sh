#!/usr/bin/env bash
# The gdb commands know no field of a private struct: what they show of one they ask for by the names of the tables that the library exports
# (src/base/describe.h). Held against tools/gdb/vlot_gdb/*.py:
#   - x["name"]: a member of a struct in include/vlot, or a dictionary's key
#   - "struct vlot_name": a struct of include/vlot
#   - vlot__name, vlot_hook_name: something in src or include by that name
#   - a row of a table: some command reads it, or it counts what another row leads to
set -eu
[ $# -eq 0 ] || { echo "usage: ${0##*/}, without arguments"; exit 64; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=(tools/gdb/vlot_gdb/*.py)
mapfile -t tables < <(grep -l "vlot_described_[a-z]*\[\]" src/*/*.c)
dictionaries='kinds|ends' # of Python's own

failures=0
fail() {
  echo "$1"
  failures=$((failures + 1))
}

# Members: what a declaration inside a struct ends in. Comments say a lot of other words.
public=$(sed -E 's:/\*([^*]|\*[^/])*\*/::g; \:/\*:,\:\*/:d' include/vlot/*.h)
members=$(grep -oE '\b[a-z_][a-z0-9_]*(\[[^]]*\])*[,;]' <<<"$public" | sed -E 's/[^a-z0-9_].*//' | sort -u)
structs=$(grep -oE 'struct vlot_[a-z0-9_]+' <<<"$public" | sort -u)

checked=0
while IFS=: read -r file number name; do
  checked=$((checked + 1))
  grep -qxF "$name" <<<"$members" || fail "$file:$number: [\"$name\"] is no member of a struct in include/vlot"
done < <(awk -v dictionaries="^($dictionaries)\$" '
  { rest = $0
    while (match(rest, /[A-Za-z0-9_)\]]+\["[A-Za-z0-9_]+"\]/)) {
      found = substr(rest, RSTART, RLENGTH); rest = substr(rest, RSTART + RLENGTH - 1)
      split(found, part, /\["|"\]/)
      if (part[1] !~ dictionaries) print FILENAME ":" FNR ":" part[2]
    } }' "${python[@]}")

while IFS=: read -r file number name; do
  checked=$((checked + 1))
  grep -qxF "$name" <<<"$structs" || fail "$file:$number: $name is not in include/vlot"
done < <(grep -noE '"struct vlot_[a-z0-9_]+' "${python[@]}" | sed 's/"//')

while IFS=: read -r file number name; do
  checked=$((checked + 1))
  grep -rqw "$name" src include || fail "$file:$number: nothing is called $name any more"
done < <(grep -noE '\b(vlot__[a-z0-9_]+|vlot_hook_[a-z0-9_]+)' "${python[@]}")

while IFS=: read -r file number row; do
  checked=$((checked + 1))
  name=${row##*.}
  grep -qE "\.$name\b|\"$name\"" "${python[@]}" || grep -qE " ($name|[a-z_.]+\.$name)(\)|, VLOT__)" "${tables[@]}" || fail "$file:$number: no command reads \"$row\""
done < <(grep -nE '^ *VLOT__[A-Z_]+\([a-z_]+\.[a-z_]+,' "${tables[@]}" | sed -E 's/^([^:]*:[0-9]+:) *VLOT__[A-Z_]+\(([a-z_.]+),.*/\1\2/')

if [ "$checked" -lt 100 ]; then
  fail "only $checked names were found to check"
fi
if [ "$failures" -gt 0 ]; then
  echo "$failures names are not what tools/gdb may know"
  exit 1
fi
echo "$checked names of tools/gdb are public, or the library's tables have them"
