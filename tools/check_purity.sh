#!/usr/bin/env bash
# The core is pure: its plain -O2 objects need no symbol but those of tools/raft_symbols.txt, and
# hold no data that can change.  usage: check_purity.sh [COMPILER]
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
compiler=${1:-cc}

shopt -s nullglob
sources=(src/raft/*.c)
if [ ${#sources[@]} -eq 0 ]; then
  echo "src/raft is empty: nothing to check"
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

mkdir "$work/objects"
# Without PIC, constant tables of pointers are read-only data, as they are to the language.
for source in "${sources[@]}"; do
  "$compiler" -std=c11 -O2 -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
    -DVLOT_BUILDING -Iinclude -Isrc -c "$source" -o "$work/objects/$(basename "$source" .c).o"
done
ld -r -o "$work/whole.o" "$work"/objects/*.o

failed=0
sed -E 's/#.*//; s/[[:space:]]+//g; /^$/d' tools/raft_symbols.txt >"$work/allowed"
nm -u "$work/whole.o" | awk '{ print $NF }' | sort -u >"$work/undefined"
foreign=$(grep -vxE -f "$work/allowed" "$work/undefined" || true)
if [ -n "$foreign" ]; then
  failed=1
  echo "src/raft uses symbols that are not on tools/raft_symbols.txt:"
  for symbol in $foreign; do
    users=$(cd "$work/objects" && nm -A -u -- *.o |
      awk -v s="$symbol" '$NF == s { sub(/\.o:.*/, ".c", $1); print $1 }' | paste -sd' ')
    echo "  $symbol ($users)"
  done
fi
mutable=$(nm "$work/whole.o" | awk '$2 ~ /^[bBdDcCsSgG]$/ { print "  " $3 " (" $2 ")" }')
if [ -n "$mutable" ]; then
  failed=1
  echo "src/raft has static data that can change:"
  echo "$mutable"
fi
[ "$failed" -eq 0 ] || exit 1
echo "${#sources[@]} files of src/raft are pure ($compiler): $(paste -sd' ' "$work/undefined")"
