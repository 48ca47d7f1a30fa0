#!/usr/bin/env bash
# Installs a build to a scratch prefix: gdb, told to trust it, knows the commands as soon as it loads vlot or libvlot.so.
# usage: check_auto_load.sh BUILD_DIR
set -eu
command -v gdb >/dev/null && gdb -q -nx -batch -ex 'python print(6 * 7)' 2>/dev/null | grep -q '^42$' || {
  echo "skipped: no gdb, or none with Python"
  exit 77
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
prefix=$work/prefix
cmake --install "$1" --prefix "$prefix" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }

# A file is found under its real path, which a scratch directory's name need not be.
prefix=$(cd "$prefix" && pwd -P)
for file in "$prefix"/bin/vlot "$(find "$prefix" -name 'libvlot.so.*[0-9]' -type f)"; do
  gdb -q -nx -batch -iex 'set debuginfod enabled off' -iex "add-auto-load-safe-path $prefix" \
    -iex "add-auto-load-scripts-directory $prefix/share/gdb/auto-load" -ex vlot "$file" >"$work/log" 2>&1 </dev/null || true
  grep -q 'vlot nodes  *one line per node' "$work/log" || { echo "$file:"; cat "$work/log"; exit 1; }
done
