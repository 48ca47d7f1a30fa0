#!/usr/bin/env bash
# `vlot gdb`: its mistakes, and a session of `vlot step` in gdb, which goes back and is saved as a scene. And what lies beside it.
# usage: check_step.sh VLOT [--rewrite]
set -u
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
program=$1
rewrite=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failed=0

says() { # says CODE TEXT ARGUMENTS...: what vlot gdb ARGUMENTS comes to (programs are looked for in $path)
  local code=$1 text=$2 status
  shift 2
  PATH=${path:-$PATH} "$program" gdb "$@" >"$work/says" 2>&1 </dev/null
  status=$?
  { [ "$status" = "$code" ] && grep -qF -e "$text" "$work/says"; } || {
    cat "$work/says"
    echo "vlot gdb $*: exit code $status; $code and \"$text\" are wanted"
    failed=1
  }
}
touch "$work/plain"
says 64 "did you mean 'step'?" stpe
says 64 "neither a verb of this command nor a path" nonsense
says 64 "options belong behind a verb" --seed 3
says 64 "nothing to debug" gdb
says 64 "nothing to debug" help
says 66 "No such file" "$work/nothing"
says 66 "a directory" "$work"
says 66 "it may not be run" "$work/plain"
says 0 "vlot gdb ./a.out" --help
mkdir "$work/bin"
path=$work/bin says 69 "gdb is not installed: apt-get install gdb"
printf '#!/bin/sh\n' >"$work/bin/gdb"
chmod +x "$work/bin/gdb"
path=$work/bin says 69 "without Python"
[ "$failed" = 0 ] || exit 1

. "$here/common.sh"
[ "$failed" = 0 ] || exit 1

# It is gdb that runs, on the command itself or on a program, and knows the commands.
for words in "" "step --nodes 5" "$program help"; do
  # shellcheck disable=SC2086
  printf 'vlot nodes\nrun </dev/null\nvlot step\n' | LC_ALL=C.UTF-8 "$program" gdb $words >"$work/log" 2>&1
  [ "$(grep -c 'nothing to look at\|the program is not running' "$work/log")" = 2 ] || {
    cat "$work/log"
    echo "vlot gdb $words: the commands are not there"
    failed=1
  }
done

export SAVED=$work/saved.scene SCENE=$work/told.scene
printf 'nodes 3\n\nseed 5\n\ntimeout 2\n\ndeliver PreVote 2->1\n\ndeliver PreVoteReply 1->2\n' >"$SCENE"
compare step -x "$here/step.py" "$program"
"$program" play --rewrite "$SAVED" >"$work/log" 2>&1 && grep -q 'it was dropped on purpose' "$SAVED" || {
  cat "$work/log" "$SAVED"
  echo "the saved scene is none"
  failed=1
}

export LINES_OF_TIME=$work/lines
printf 'until leader\npropose x=1\ntick 5\ncut 1 2\ntick 200\n' >"$LINES_OF_TIME"
compare time -x "$here/time.gdb" "$program"

# In a copy: nothing is written beside the scenes.
cp "$here/../../scenes/11-snapshot-install.scene" "$work/snapshot.scene"
export SNAPSHOT_SCENE=$work/snapshot.scene
compare snapshot -x "$here/snapshot.gdb" "$program"

export JOURNAL=$work/journal
"$program" run --quiet --nodes 3 --journal "$JOURNAL" </dev/null
debugger -x "$here/replay.py" "$program" >"$work/log"
grep -q '^replay: as it should be' "$work/log" || { cat "$work/log"; failed=1; }

export SAME=$work/same
debugger -x "$here/same.py" "$program" >"$work/log"
grep -q '^same: as it should be' "$work/log" || { tail -60 "$work/log"; failed=1; }

# The commands can be read by gdb's Python, and launch.json by VS Code.
cat >"$work/read.py" <<'END'
import ast, glob, json
here = "@here@"
for name in glob.glob(here + "/../../tools/gdb/**/*.py", recursive=True) + glob.glob(here + "/*.py"):
    ast.parse(open(name, encoding="utf-8").read(), name)
with open(here + "/../../docs/launch.json", encoding="utf-8") as file:
    for one in json.load(file)["configurations"]:
        assert one["type"] == "cppdbg" and any("tools/gdb/vlot.py" in step["text"] for step in one["setupCommands"]), one
print("all can be read")
END
sed -i "s|@here@|$here|" "$work/read.py"
gdb -q -nx -batch -x "$work/read.py" >"$work/log" 2>&1
grep -q '^all can be read' "$work/log" || { cat "$work/log"; failed=1; }
exit $failed
