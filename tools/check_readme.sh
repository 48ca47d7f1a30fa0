#!/usr/bin/env bash
# What README.md shows is run. In README.md
#   <!-- run -->      before a ```sh block: executed by bash in a scratch copy of the tree
#   <!-- compile -->  before a ```c block: compiled against the library and run
#   <!-- compile examples/NAME.c -->  the same, and the block is what follows that file's first comment
# usage: check_readme.sh BUILD_DIR [COMPILER [FLAGS...]]
set -eu
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=$(cd "$1" && pwd)
compiler=${2:-cc}
flags=("${@:3}")
readme=$root/README.md

if [ ! -e "$readme" ]; then
  echo "no README.md yet"
  exit 77
fi

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Blocks go to $work/LINE.sh and $work/LINE.c, named by the line of the README they begin on.
awk -v dir="$work" '
  /^<!-- (run|compile( examples\/[a-z_]+\.c)?) -->$/ {
    want = ($2 == "run") ? "sh" : "c"
    source = NF == 4 ? $3 : ""
    marked = NR
    next
  }
  inside && /^```/ { close(file); inside = 0; next }
  inside { print > file; next }
  /^```/ {
    if (want != "") {
      language = substr($0, 4)
      if (language != want) { printf "README.md:%d: the marked block is %s, not %s\n", NR, language, want; bad = 1 }
      file = sprintf("%s/%04d.%s", dir, NR, want)
      printf "" > file
      if (source != "") print source > (file "_is")
      inside = 1
      want = ""
    } else { inside = 1; file = "/dev/null" }
    next
  }
  want != "" && NF { printf "README.md:%d: a mark without a block after it\n", marked; bad = 1; want = "" }
  END { exit bad }' "$readme"

shopt -s nullglob
blocks=("$work"/*.sh "$work"/*.c)
if [ ${#blocks[@]} -eq 0 ]; then
  echo "README.md has no block marked <!-- run --> or <!-- compile -->"
  exit 1
fi

# The copy has what a clone would have, uncommitted edits included, and nothing that was built.
copy_tree() {
  if git -C "$root" rev-parse --git-dir >"$work/log" 2>&1; then
    git -C "$root" ls-files -z --cached --others --exclude-standard
  else
    (cd "$root" && find . -path ./build -prune -o -type f -print0)
  fi | (cd "$root" && while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done |
    tar --null -T - -cf -) | tar -xf - -C "$work/tree"
}
mkdir "$work/tree"
copy_tree

for block in "${blocks[@]}"; do
  name=${block##*/}
  line=$((10#${name%.*}))
  echo "README.md:$line"
  case $name in
  *.sh) run=(env "PATH=$build:$PATH" VLOT_NO_INSTALL=1 bash -euo pipefail "$block") ;;
  *.c)
    if [ -e "${block}_is" ] && ! awk 'after; /\*\/$/ { after = 1 }' "$root/$(cat "${block}_is")" | diff - "$block"; then
      echo "README.md:$line: the block is not $(cat "${block}_is")"
      exit 1
    fi
    "$compiler" -std=c11 -Wall -Wextra -Werror "${flags[@]}" -I"$root/include" "$block" \
      "$build/libvlot.a" -pthread -o "${block%.c}"
    run=("${block%.c}")
    ;;
  esac
  (cd "$work/tree" && "${run[@]}") || {
    echo "README.md:$line: exit $?"
    exit 1
  }
done
echo "${#blocks[@]} blocks of README.md work as shown"
