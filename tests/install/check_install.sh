#!/usr/bin/env bash
# Installs a build to a scratch prefix, moves it, and builds and runs programs outside the tree. Each does what consumer.h says
# and prints the version: a word more, on standard output or error, and vlot has printed something.
# usage: check_install.sh BUILD_DIR [CC [CXX]]
set -eu
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
build=$(cd "$1" && pwd)
cc=${2:-cc}
cxx=${3:-$(command -v c++ g++ clang++ | head -n 1)}

# The build tool that is there is the one that built vlot.
CMAKE_GENERATOR=$(sed -n 's/^CMAKE_GENERATOR:INTERNAL=//p' "$build/CMakeCache.txt")
export CMAKE_GENERATOR

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

quietly() { # shows the output only of what fails
  "$@" >"$work/log" 2>&1 || {
    cat "$work/log"
    echo "failed: $*"
    exit 1
  }
}

version=$(sed -nE 's/^#define +VLOT_VERSION_STRING +"(.*)"/\1/p' "$root/include/vlot/version.h")
prints_version() { # prints_version NAME COMMAND...
  local name=$1 said
  shift
  said=$("$@" 2>&1) || {
    echo "$name: exit $?: $said"
    exit 1
  }
  [ "$said" = "$version" ] || {
    echo "$name: says \"$said\", not \"$version\""
    exit 1
  }
  echo "$name: $said"
}

# Moved after installing: nothing in it may remember where it was installed to.
quietly cmake --install "$build" --prefix "$work/first"
mv "$work/first" "$work/prefix"
prefix=$work/prefix
libdir=$(dirname "$(find "$prefix" -name libvlot.a)")
for file in include/vlot/vlot.h include/vlot/version.h share/doc/vlot/LICENSE; do
  [ -e "$prefix/$file" ] || {
    echo "not installed: $file"
    exit 1
  }
done
export LD_LIBRARY_PATH=$libdir

# Debug information aside, nothing says where it was built, and assertions name files from the root of the sources.
names_no_place() { # names_no_place PLACE FILE...
  local place=$1 file
  shift
  for file; do
    strip --strip-debug -o "$work/stripped" "$file"
    strings -a "$work/stripped" >"$work/strings"
    ! grep -F "$place" "$work/strings" || {
      echo "${file##*/} says where it was built"
      exit 1
    }
    [ "${file##*/}" = vlot ] || grep -Eqx 'src/raft/[a-z]+[.]c' "$work/strings" || {
      echo "${file##*/} does not name its files from the root of the sources"
      exit 1
    }
  done
}
programs=()
[ ! -e "$prefix/bin/vlot" ] || programs=("$prefix/bin/vlot")
names_no_place "$root" "$libdir/libvlot.a" "$libdir/libvlot.so" "${programs[@]}"

# Hidden visibility: the shared library exports the public interface and nothing else.
foreign=$(nm -D --defined-only "$libdir/libvlot.so" | awk '{ print $NF }' |
  grep -vE '^vlot_[a-z0-9]' || true)
[ -z "$foreign" ] || {
  echo "libvlot.so exports more than vlot_*:" "$foreign"
  exit 1
}

strict=(-Wall -Wextra -Wpedantic -Werror)
if command -v pkg-config >"$work/log"; then
  export PKG_CONFIG_PATH=$libdir/pkgconfig
  # Words of pkg-config's answer are meant to be split.
  # shellcheck disable=SC2046
  quietly "$cc" -std=c11 "${strict[@]}" $(pkg-config --cflags vlot) "$here/pkg_config/main.c" \
    -o "$work/pc_shared" $(pkg-config --libs vlot)
  prints_version "pkg-config, C11, shared" "$work/pc_shared"
  # shellcheck disable=SC2046
  quietly "$cc" -std=c11 "${strict[@]}" $(pkg-config --cflags vlot) "$here/pkg_config/main.c" \
    -o "$work/pc_static" -Wl,-Bstatic $(pkg-config --libs vlot) -Wl,-Bdynamic -pthread
  prints_version "pkg-config, C11, static" env -u LD_LIBRARY_PATH "$work/pc_static"
  pkg-config --exact-version="$version" vlot
else
  echo "pkg-config is not installed: that way is not tried"
fi

if [ -n "$cxx" ]; then
  quietly cmake -S "$here/find_package" -B "$work/find" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_CXX_COMPILER="$cxx" -DCMAKE_CXX_FLAGS="${strict[*]}"
  quietly cmake --build "$work/find"
  for library in vlot shared static; do
    prints_version "find_package, C++17, vlot::$library" "$work/find/with_$library"
  done
else
  echo "no C++ compiler: find_package is not tried"
fi

# Sources below the build directory, as FetchContent has them.
fetched=$work/fetch/_deps/vlot-src
mkdir -p "$fetched"
cp -r "$root/CMakeLists.txt" "$root/cmake" "$root/include" "$root/src" "$fetched"
quietly cmake -S "$here/fetch_content" -B "$work/fetch" -DVLOT_SOURCE="$fetched" \
  -DCMAKE_C_COMPILER="$cc"
quietly cmake --build "$work/fetch" --parallel 2
names_no_place "$work" "$(find "$work/fetch" -name libvlot.a)"
prints_version "FetchContent, C11" "$work/fetch/embedded"
quietly cmake -S "$here/fetch_content" -B "$work/fetch" -DWANTS_SHARED=ON
quietly cmake --build "$work/fetch" --parallel 2
prints_version "FetchContent, C11, shared" "$work/fetch/embedded_shared"

if [ -e "$prefix/bin/vlot" ]; then
  env -u LD_LIBRARY_PATH "$prefix/bin/vlot" --version
fi
