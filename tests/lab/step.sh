#!/usr/bin/env bash
# `vlot step` and `vlot run --step-on` from outside: sessions in a pipe, then at a terminal.
# usage: step.sh PROGRAM SCENES
set -u
vlot=$1 scenes=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0
unset VLOT_SEED NO_COLOR COLUMNS LC_CTYPE LANG
export LC_ALL=C.UTF-8

fail() {
  failures=$((failures + 1))
  echo "FAILED: $1"
  head -c 2000 "$work/out" "$work/err"
}
# step CODE NAME SCRIPT ARGUMENTS...: a piped session; its outputs are in $work/out and $work/err
step() {
  local code=$1 name=$2 script=$3 got=0
  shift 3
  printf "$script" | "$vlot" step "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq "$code" ] || fail "$name: exit code $got instead of $code"
}
says() { # says NAME TEXT: a part of a line of the output
  grep -qF -- "$2" "$work/out" || fail "$1: no '$2'"
}
says_not() {
  grep -qF -- "$2" "$work/out" && fail "$1: '$2'"
}
has_line() { # has_line NAME LINE
  grep -qxF -- "$2" "$work/out" || fail "$1: no line '$2'"
}
refuses() { # refuses CODE NAME TEXT COMMAND...: the text is on stderr
  local code=$1 name=$2 text=$3 got=0
  shift 3
  "$@" >"$work/out" 2>"$work/err" </dev/null || got=$?
  [ "$got" -eq "$code" ] || fail "$name: exit code $got instead of $code"
  grep -qF -- "$text" "$work/err" || fail "$name: no '$text'"
}

# --- a session ---
step 0 "an election" 'next\nuntil leader\npropose x=1\nuntil quiet\nread x\nuntil quiet\ncheck\n'
has_line "an election" "vlot step: 3 nodes, seed 1. Nothing has happened yet."
has_line "an election" "> next"
says "an election" "becomes leader of term 1"
says "an election" "▲ n1 leader*"
says "an election" "propose x=1: committed at 2 of term 1"
says "an election" "read x: 1"
says "an election" "safe: no property is broken"
grep -q $'\033' "$work/out" && fail "an election: escape sequences in a pipe"
grep -qE '^next +[0-9]+\* AppendEntries n1 -> n3 ' "$work/out" || fail "an election: what is new is not marked"
[ "$(grep -c '^node role' "$work/out")" -eq 7 ] ||
  fail "an election: a table at the start and after each command but the last, which only looks"

# --- the same again, on threads, and with other nodes ---
script='seed 7\nlink * * loss 10 delay 1 upto 3\nuntil leader\npropose a=1\ntick 60\nkill 1\nstep 9\nwhy\nback 3\nlog\n'
step 0 "once" "$script" --nodes 5
cp "$work/out" "$work/once"
step 0 "twice" "$script" --nodes 5
cmp -s "$work/once" "$work/out" || fail "twice: it is not the same"
step 0 "on threads" "$script" --nodes 5 --threads
cmp -s "$work/once" "$work/out" || fail "on threads: it is not the same"
step 0 "a seed" 'step 1\n' --seed 9
has_line "a seed" "vlot step: 3 nodes, seed 9. Nothing has happened yet."
step 0 "one node" 'until leader\n' --nodes 1
says "one node" "▲ n1 leader*"

# --- looking at the cluster does not open it: it can still be set up ---
step 0 "setting up" 'nodes 4\nswitches -random -prevote\nlearners 1\nnext\n'
says "setting up" "○ n4 learner"
has_line "setting up" "● n2 follower          0     -       -     0        0       0        0     15*"

# --- mistakes leave the prompt alive, and are told by the exit code ---
step 1 "mistakes" 'drpo 3\nx 99\nuntil\nuntil leader\n'
has_line "mistakes" "error: unknown verb; did you mean 'drop'?"
has_line "mistakes" "  drpo 3"
has_line "mistakes" "  ^^^^"
says "mistakes" "nothing with id 99 is pending"
says "mistakes" "expected WHAT: leader, role, commit, term, quiet; see 'help until'"
says "mistakes" "becomes leader of term 1"

# --- lines that say nothing, and lines that are odd ---
step 0 "comments" '# the story\n\n   \n  # goes on\nstep 2\n'
has_line "comments" "# the story"
has_line "comments" "# goes on"
[ "$(grep -c '^node role' "$work/out")" -eq 2 ] || fail "comments: an empty line did something"
step 0 "no newline at the end" 'step 1\nuntil leader'
says "no newline at the end" "becomes leader"
step 0 "nothing at all" ''
says "nothing at all" "● n1 follower"
step 0 "carriage returns" 'step 1\r\nquit\r\nstep 1\r\n'
has_line "carriage returns" "> quit"
step 0 "a byte-order mark" '\357\273\277until leader\r\nstatus\r\n'
has_line "a byte-order mark" "> until leader"
says "a byte-order mark" "n1 leads term 1"
step 1 "a mark inside" 'nodes 3\n\357\273\277status\n'
says "a mark inside" "unknown verb (byte 0xEF at column 1); did you mean 'status'?"
long=$(head -c 5000 /dev/zero | tr '\0' y)
step 1 "a long line" "propose x=$long\nuntil leader\n"
has_line "a long line" "error: a line has less than 4096 characters; this one has 5010"
says "a long line" "becomes leader"
[ "$(wc -c <"$work/out")" -lt 8000 ] || fail "a long line: all of it is repeated"
step 1 "a long last line" "propose x=$long"
says "a long last line" "this one has 5010"
got=0
head -c 3000000 /dev/zero | tr '\0' y | "$vlot" step >"$work/out" 2>"$work/err" || got=$?
[ "$got" -eq 1 ] || fail "a line without end: exit code $got"
says "a line without end" "nothing more is read"
step 1 "a zero byte" 'st\0ep\nuntil leader\n'
has_line "a zero byte" "error: a line with a zero byte is no command"
says "a zero byte" "becomes leader"

# --- what is inside a node, in words that can be said again ---
step 0 "inside" 'until leader\nset boat vlot at 1\nuntil quiet\nnode 1\nlog 1\nkv\ndiff 1 2\nhistory\njson node 1\n'
says "inside" "  persistent, on all servers"
says "inside" "    peer  nextIndex[]  matchIndex[]  state"
has_line "inside" "      2     1  applied    set boat vlot"
has_line "inside" "  boat = vlot"
has_line "inside" "     7  set boat vlot at 1"
says "inside" '{"view":"node","node":1,"role":"leader"'
printf '\357\273\277# a story\r\nuntil leader\r\n----\r\nwas seen once\r\n' >"$work/crlf.scene"
step 0 "a file" "play $work/crlf.scene\nstatus\n"
has_line "a file" "> until leader"
says "a file" "n1 leads term 1"
step 1 "a file that is missing" "play $work/missing\n"
says "a file that is missing" "it cannot be read: No such file or directory"
step 1 "other words" 'leader\nvote\npause 2\n'
says "other words" "did you mean 'until leader'?"
says "other words" "did you mean 'campaign'?"
says "other words" "did you mean 'suspend'?"
step 1 "questions" 'disk 2\nlink 1 2\npartition ,\nuntil votee\n'
says "questions" "this disk is well"
says "questions" "nobody is named"
says "questions" "did you mean 'vote'?"
step 0 "as much as the list" 'nodes 7\nuntil leader\nnet\n'
missing=$(awk '/^> net/ { inside = 1 } /^(next| +)[ 0-9]+\*? [A-Z].*->/ && !inside { sub(/^next/, ""); sub(/\*/, ""); listed[$1] = 1 } /^> / && !inside { delete listed }
  inside && /^  #/ { sub(/#/, ""); delete listed[$1] } END { for (id in listed) print id }' "$work/out")
[ -z "$missing" ] || fail "as much as the list: net lacks $missing"

# --- a run that vlot sim found ---
step 0 "a seed" 'status\nback 500\nstep 3\nuntil leader\nback 100\nkill 1\nbranches\nstep 9000\n' --sim 5 --actions 3000
says "a seed" "Here seed 5 is at its end, and safe."
says "a seed" "Another line of history begins here, branch 2"
says "a seed" "vlot step --sim 5 --actions 3000"
step 0 "a seed on threads" 'goto 700\nstatus\n' --sim 5 --actions 3000 --threads
says "a seed on threads" "700 actions"
got=0
echo | "$vlot" step --sim 5 --seed 3 >"$work/out" 2>"$work/err" || got=$?
[ "$got" -eq 64 ] || fail "a seed twice: exit code $got"
refuses 64 "actions alone" "--actions goes with --sim only" "$vlot" step --actions 50
refuses 64 "a seed and a scene" "takes no scene" "$vlot" step --sim 5 "$scenes/02-split-vote.scene"

# --- the end ---
step 0 "quit" 'q\nuntil leader\n'
says_not "quit" "becomes leader"
step 0 "exit" 'exit\nuntil leader\n'
says_not "exit" "becomes leader"
step 1 "quit is not quite" 'quit now\nuntil leader\n'
says "quit is not quite" "becomes leader"
says "quit is not quite" "'quit' takes no words"
step 0 "help on the prompt's own words" 'help quit\n? q\nhelp continue\n'
[ "$(grep -cxF 'usage: quit | q | exit' "$work/out")" -eq 2 ] || fail "help on the prompt's own words: not two"
says "help on the prompt's own words" "vlot run --step-on"
step 0 "help" 'help\n? until\n'
says "help" "quit"
says "help" "usage: until"
step 1 "continue" 'continue\n' # there is nothing that could go on
refuses 73 "a full output" "cannot be written" bash -c "echo step | '$vlot' step >/dev/full"
refuses 73 "a closed output" "cannot be written" bash -c "echo step | '$vlot' step >&-"
got=0
"$vlot" step >"$work/out" 2>"$work/err" <&- || got=$?
[ "$got" -eq 0 ] || fail "a closed input: exit code $got"
says "a closed input" "● n1 follower"

# --- back, another way, and the story as a scene ---
step 0 "another way" "step 4\nwhy\nback 3\ndrop PreVote 1->3\nuntil leader\nsave $work/story.scene\n"
says "another way" "There is no leader"
says "another way" "Now action 1 of 4, tick 17."
says "another way" "becomes leader"
"$vlot" play "$work/story.scene" >"$work/out" 2>"$work/err" || fail "another way: the saved scene does not play"

rm -f "$work/story.scene"
step 1 "no quotes" 'step 2\nsave ""\n'
says "no quotes" "without quotes around it"
[ ! -e '""' ] || fail "no quotes: there is a file"
script="save $work/told.scene\n"
for _ in 1 2 3 4 5 6 7 8 9; do script="next\n$script"; done
step 0 "comments of a scene" "$script" "$scenes/02-split-vote.scene"
has_line "comments of a scene" "# A split vote."
grep -qxF '# A split vote.' "$work/told.scene" || fail "comments of a scene: they are not saved"
"$vlot" play "$work/told.scene" >"$work/out" 2>"$work/err" || fail "comments of a scene: the saved scene does not play"

# --- scenes ---
step 0 "a scene" 'next\nnext\nnext\nnext\n' "$scenes/02-split-vote.scene"
has_line "a scene" "# A split vote."
has_line "a scene" "> nodes 4"
has_line "a scene" "  n1  in 15 ticks  election timeout"
says "a scene" "◆ n1 candidate*"
step 0 "a whole scene" 'next 100\n' "$scenes/02-split-vote.scene"
says "a whole scene" "The scene is over"
says "a whole scene" "safe: no property is broken"
step 0 "a scene behind options" 'next\n' --threads "$scenes/02-split-vote.scene" --ascii
says "a scene behind options" "> nodes 4"
refuses 66 "no such scene" "none.scene" "$vlot" step "$work/none.scene"
refuses 66 "a directory" "it is a directory" "$vlot" step "$work"
[ ! -r /dev/zero ] || refuses 65 "a scene without end" "and this is more" "$vlot" step /dev/zero
printf 'nodes\0\n' >"$work/bad.scene"
refuses 65 "a scene with a zero byte" "a text of at most 1 MiB" "$vlot" step "$work/bad.scene"

# --- options ---
refuses 64 "unknown option" "did you mean --nodes?" "$vlot" step --node 3
refuses 64 "no nodes" "1 to 32 is allowed" "$vlot" step --nodes 0
refuses 64 "many nodes" "1 to 32 is allowed" "$vlot" step --nodes 33
refuses 64 "two scenes" "unexpected argument" "$vlot" step "$scenes/errors.scene" "$scenes/errors.scene"
"$vlot" step --help >"$work/out" 2>"$work/err" </dev/null || fail "help of the verb"
says "help of the verb" "usage: vlot step"

# --- without glyphs ---
step 0 "ascii" 'nodes 13\nuntil leader\nkill 1\nsuspend 2\n' --ascii
LC_ALL=C grep -q '[^ -~]' "$work/out" && fail "ascii: something else"
says "ascii" "x n1  down*"
says "ascii" "s n2  suspended*"
LC_ALL=C step 0 "a locale without UTF-8" 'until leader\n'
LC_ALL=C grep -q '[^ -~]' "$work/out" && fail "a locale without UTF-8: glyphs"
says "a locale without UTF-8" "L n1 leader*"

# --- narrow ---
for width in 100 80 60 40 25; do
  COLUMNS=$width step 0 "width $width" 'step 3\nkill 2\nuntil leader\n' --nodes 12
  longest=$(grep -E '^(node|▲|◆|◇|●|✕|next|held|     ) *[n0-9]' "$work/out" | grep -vE '^ {0,5}[0-9]+  ' |
    wc -L)
  [ "$longest" -gt 10 ] && [ "$longest" -lt "$width" ] || fail "width $width: a line of $longest"
done
COLUMNS=60 step 0 "width 60" 'until leader\n'
has_line "width 60" "node role           term  vote  leader  last  commit"
COLUMNS=40 step 0 "width 40" 'until leader\n'
has_line "width 40" "node role           term  vote  commit"
COLUMNS=many step 0 "no width" 'until leader\n'
says "no width" "timer"

# --- a safety property that is broken: a start that no run leads to ---
broken='nodes 5\nstart 1 term 2 log 1 1 2\nstart 2 term 2 log 1 1 2\nstart 3 term 3 log 1 1 3 3 3\n'
broken+='switches -noop\nelect 1\nuntil leader\nuntil quiet\npropose x=1 at 1\n'
step 1 "broken" "$broken"
says "broken" "Broken: I-3 at n1"
step 1 "broken, and on" "${broken}tick 5\nstatus\n"
says "broken, and on" "time goes on no further: I-3: "
step 0 "broken, and back" "${broken}undo\nstatus\n"

# --- a run that stops when something happens ---
# on CODE NAME SCRIPT ARGUMENTS...
on() {
  local code=$1 name=$2 script=$3 got=0
  shift 3
  printf "$script" | "$vlot" run --tick 1 "$@" >"$work/out" 2>"$work/err" || got=$?
  [ "$got" -eq "$code" ] || fail "$name: exit code $got instead of $code"
}
on 0 "a leader" 'nodes\nback\nnext\ncontinue\nnext\nquit\nnext\n' --kill-leader --step-on leader
[ "$(grep -c '^vlot run: paused at tick' "$work/out")" -eq 2 ] || fail "a leader: not two stops"
says "a leader" "becomes leader of term 1"
says "a leader" "becomes leader of term 2"
says "a leader" "has no way back"
[ "$(grep -cxF '> next' "$work/out")" -eq 2 ] || fail "a leader: not the two steps before the end"
says "a leader" "all is well"
on 0 "nobody says anything" '' --step-on commit:2
[ "$(grep -c '^vlot run: paused at tick' "$work/out")" -eq 1 ] || fail "nobody says anything: not one stop"
says "nobody says anything" "as committed"
says "nobody says anything" "all is well"
on 0 "it never happens" 'next\n' --step-on kill
says_not "it never happens" "paused at"
says "it never happens" "not paused         kill did not happen"
# What happens while the cluster opens is not missed, also where a file gets the events.
on 0 "at once" 'continue\n' --nodes 4 --step-on lint
says "at once" "paused at tick"
on 0 "at once, with a file" 'continue\n' --nodes 4 --step-on lint --events "$work/events"
says "at once, with a file" "paused at tick"
grep -q '"event":"config"' "$work/events" || fail "at once, with a file: the beginning is not in the file"
# By hand 5,000 ticks pass, 3,000 are stuck: what passes in a pause is no outage.
on 0 "a long pause" 'tick 5000\ncontinue\n' --kill-leader --step-on kill
says "a long pause" "all is well"
grep -qE '^  unavailable +[0-9]{1,3} ticks?' "$work/out" || fail "a long pause: it counts as an outage"
on 0 "a node is left down" 'kill 5\nsuspend 4\nq\n' --step-on leader
says "a node is left down" "not compared       n4 (suspended), n5 (down): left like that at the prompt"
says "a node is left down" "replicas           3 identical"
says "a node is left down" "all is well"
on 0 "a node is fenced" 'disk 5 full\ncontinue\n' --step-on leader
says "a node is fenced" "not compared       n5 (fenced)"
says "a node is fenced" "replicas           4 identical"
refuses 64 "no such event" "did you mean leader?" "$vlot" run --step-on leadr
grep -qE '^  term known_leader vote' "$work/err" || fail "no such event: no list of those there are"
refuses 64 "no such node" "1 to 5" "$vlot" run --step-on vote:6
refuses 64 "no node" "1 to 5" "$vlot" run --step-on vote:
refuses 64 "stepping in lockstep" "vlot step" "$vlot" run --step-on vote --driver lockstep
refuses 64 "stepping many nodes" "at most 32" "$vlot" run --step-on vote --nodes 33
refuses 64 "stepping and JSON" "--json" "$vlot" run --step-on vote --json
refuses 64 "two readers of the input" "--input -" "$vlot" run --step-on vote --input -

# --- at a terminal ---
if command -v python3 >/dev/null && python3 -c 'import pty, termios' 2>/dev/null; then
  python3 "$here/step_terminal.py" "$vlot" || fail "at a terminal"
else
  echo "no python3: the terminal is not tested"
fi

[ "$failures" -eq 0 ] || exit 1
echo "the prompt does what it says"
