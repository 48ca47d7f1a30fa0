#!/usr/bin/env bash
# The library where its users build it: another C library, other machines, one translation unit a
# library. For each: it builds with warnings as errors, a program links and runs, 10 seeds give the
# event hashes that they give here, the scenes play, and the race programs (which have no Criterion)
# run. What this machine lacks is named and left out.
# usage: check_other_builds.sh [musl] [unity] [i686] [aarch64]     all of them unless said
set -u
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
if command -v ninja >/dev/null; then export CMAKE_GENERATOR=Ninja; fi
failed=0 tried=0

give_up() { # give_up WHERE WHAT [LOG]
  failed=1
  echo "$1: $2"
  [ -z "${3:-}" ] || tail -n 20 "$3"
  return 1
}

build() { # build NAME CMAKE_ARGUMENTS...
  local name=$1
  shift
  cmake -S "$root" -B "$work/$name" -DVLOT_WERROR=ON -DVLOT_LIBEDIT=OFF "$@" >"$work/log" 2>&1 ||
    give_up "$name" "it is not configured" "$work/log" || return
  cmake --build "$work/$name" --parallel "$(nproc)" >"$work/log" 2>&1 || give_up "$name" "it is not built" "$work/log"
}

# compare NAME RUNNER...: the vlot command of a build, by what can run it
compare() {
  local name=$1 scene
  shift
  "$@" "$work/$name/vlot" sim --seeds 10 --hash >"$work/$name.txt" || give_up "$name" "vlot sim exits with $?" || return
  cmp -s "$work/here.txt" "$work/$name.txt" || {
    diff "$work/here.txt" "$work/$name.txt" | head -n 5
    give_up "$name" "its seeds have other event hashes than here"
    return
  }
  for scene in "$root"/scenes/*.scene; do
    "$@" "$work/$name/vlot" play "$scene" >"$work/log" 2>&1 || give_up "$name" "$(basename "$scene") does not play" "$work/log"
  done
}

races() { # races NAME EXCEPT
  ctest --test-dir "$work/$1" --label-regex race --parallel "$(nproc)" --timeout 200 >"$work/log" 2>&1 ||
    give_up "$1" "race programs fail" "$work/log"
}

# A program of a user's, linked against the static library by a compiler.
link() { # link NAME COMPILER RUNNER...
  local name=$1 compiler=$2
  shift 2
  "$compiler" -static -I"$root/include" "$root/examples/hello.c" "$work/$name/libvlot.a" -o "$work/$name/hello" -pthread >"$work/log" 2>&1 ||
    give_up "$name" "a program does not link" "$work/log" || return
  [ "$("$@" "$work/$name/hello")" = "boat = vlot" ] || give_up "$name" "a program that is linked does not run"
}

try_musl() {
  command -v musl-gcc >/dev/null || { echo "musl: no musl-gcc here (Debian: musl-tools)"; return; }
  CC=musl-gcc build musl -DVLOT_BUILD_SHARED=OFF -DVLOT_TESTS=OFF -DVLOT_BENCH=OFF -DVLOT_EXAMPLES=OFF || return
  link musl musl-gcc && compare musl
}

# A host may have set CMAKE_UNITY_BUILD for everything that it takes in.
try_unity() {
  build unity -DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0 -DVLOT_TESTS=OFF || return
  link unity cc && compare unity
}

# cross NAME TRIPLE RUNNER...
cross() {
  local name=$1 triple=$2
  shift 2
  build "$name" -DCMAKE_SYSTEM_NAME=Linux -DCMAKE_SYSTEM_PROCESSOR="$name" -DCMAKE_C_COMPILER="$triple-gcc" \
    "-DCMAKE_CROSSCOMPILING_EMULATOR=$(IFS=';' && echo "$*")" -DVLOT_BUILD_SHARED=OFF -DVLOT_TESTS=ON || return
  link "$name" "$triple-gcc" "$@" && compare "$name" "$@" && races "$name"
}

# By the kernel itself, where it runs 32-bit programs: qemu-i386 7.2 loses wake-ups of threads.
try_i686() {
  command -v i686-linux-gnu-gcc >/dev/null || { echo "i686: no compiler here (Debian: gcc-i686-linux-gnu libc6-dev-i386-cross)"; return; }
  local libraries=/usr/i686-linux-gnu/lib
  "$libraries/ld-linux.so.2" --version >/dev/null 2>&1 || { echo "i686: this kernel runs no 32-bit programs"; return; }
  cross i686 i686-linux-gnu "$libraries/ld-linux.so.2" --library-path "$libraries"
}

try_aarch64() {
  command -v aarch64-linux-gnu-gcc >/dev/null || { echo "aarch64: no compiler here (Debian: gcc-aarch64-linux-gnu libc6-dev-arm64-cross)"; return; }
  command -v qemu-aarch64 >/dev/null || { echo "aarch64: no emulator here (Debian: qemu-user)"; return; }
  cross aarch64 aarch64-linux-gnu qemu-aarch64 -L /usr/aarch64-linux-gnu
}

[ $# -gt 0 ] || set -- musl unity i686 aarch64
for name; do
  case $name in
  musl | unity | i686 | aarch64) ;;
  *)
    echo "check_other_builds.sh: \"$name\" is not known; allowed: musl unity i686 aarch64" >&2
    exit 64
    ;;
  esac
done

build here -DVLOT_BUILD_SHARED=OFF -DVLOT_TESTS=OFF -DVLOT_BENCH=OFF -DVLOT_EXAMPLES=OFF || exit 1
"$work/here/vlot" sim --seeds 10 --hash >"$work/here.txt" || exit 1
for name; do
  begin=$SECONDS
  before=$failed
  failed=0
  "try_$name" >"$work/said" 2>&1
  cat "$work/said"
  bad=$failed
  [ "$before" -eq 0 ] || failed=1
  grep -q "here (Debian\|runs no 32-bit" "$work/said" && continue
  tried=$((tried + 1))
  [ "$bad" -ne 0 ] || echo "$name: builds, links, and runs as here ($((SECONDS - begin)) s)"
done
[ "$failed" -eq 0 ] || exit 1
[ "$tried" -gt 0 ] || exit 77
