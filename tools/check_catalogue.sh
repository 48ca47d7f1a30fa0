#!/usr/bin/env bash
# docs/catalogue.md says what the numbers mean that comments, tests and texts cite (I-4, P15, B033 or
# b033_ in a test's name): every number has one row and every row is cited, also where it says that it
# is tested.  And no text leads nowhere: files that are named, and files that are linked, exist; a path
# with a word NAME or AREA, such as scenes/NAME.scene, is a placeholder.  usage: check_catalogue.sh
set -eu
[ $# -eq 0 ] || { echo "usage: ${0##*/}, without arguments"; exit 64; }
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export LC_ALL=C
catalogue=docs/catalogue.md
failed=0

complain() {
  echo "$1"
  failed=1
}

mapfile -t texts < <(find ./*.md docs bench scenes -name '*.md' -type f | sed 's,^[.]/,,' | sort)
mapfile -t sources < <(find .ci bench cmake docs examples fuzz include scenes src tests tools \
  -type f ! -name '*.pyc' ! -path '*/__pycache__/*' | sort)
sources+=(./*.md CMakeLists.txt run)
sources=("${sources[@]#./}")
names=$(printf '%s\n' "${sources[@]##*/}" LICENSE)

# --- numbers ----------------------------------------------------------------------------------

# cited FILE...: lines of NUMBER FILE. B026c is of B026; p50_ns and the like are no promise.
cited() {
  grep -IHoE '(^|[^A-Za-z0-9_-])(B[0-9]{3}[a-d]?|[IR]-[0-9]+|[PFX][0-9]{1,2})\b|(^|[^A-Za-z0-9_])(b[0-9]{3}[a-d]?|p[0-9]{1,2}_[a-z]+)_' "$@" |
    sed -nE 's/^([^:]*):[^A-Za-z]?([BbPpFX][0-9]+|[IR]-[0-9]+).*/\2 \1/p' | sed -E 's/^b/B/; s/^p/P/' | sort -u
}

everywhere=$(cited "${sources[@]}" | grep -v " $catalogue$" || true)
rows=$(sed -nE 's/^\| ([A-Z]-?[0-9]+) \|.*/\1/p' "$catalogue" | sort)
for number in $(uniq -d <<<"$rows"); do complain "$catalogue: two rows for $number"; done
while read -r number file; do
  grep -qxF -e "$number" <<<"$rows" || complain "$file: $number has no row in $catalogue"
done <<<"$everywhere"

while IFS='|' read -r _ number sentence where _; do
  number=${number// /}
  grep -qE "^$number " <<<"$everywhere" || complain "$catalogue: nothing cites $number"
  [ -n "${sentence// /}" ] || complain "$catalogue: $number has no sentence"
  named=
  case $where in *exhibits*) named+=" tests/paper/exhibits_test.c" ;; esac
  case $where in *laws*) named+=" tests/support/basin_laws.c" ;; esac
  case $where in *fuzzer*) named+=" fuzz/step.c" ;; esac
  for file in $named; do
    grep -qxF "$number $file" <<<"$everywhere" || complain "$catalogue: $number is not in $file"
  done
  [ -z "$named" ] || continue
  found=
  for file in $(grep -oE '`[^`]+`' <<<"$where" | tr -d '`'); do
    grep -qE "^$number (.*/)?${file//./\\.}$" <<<"$everywhere" && found=1
  done
  [ -n "$found" ] || case $where in *checker*) ;; *) complain "$catalogue: no place of $number mentions it" ;; esac
done < <(grep -E '^\| [A-Z]-?[0-9]+ \|' "$catalogue")

# --- paths ------------------------------------------------------------------------------------

# named_in PATTERN FILE...: lines of FILE LINE MATCH, without the character before the match
named_in() {
  grep -IHnoE "$@" | sed -E 's/^([^:]*):([0-9]+):[^A-Za-z0-9]?/\1 \2 /; s/[.]+$//' || true
}

paths=0
while read -r file line path; do
  paths=$((paths + 1))
  case $path in vlot/*) path=include/$path ;; esac
  [[ $path =~ /(NAME|AREA)([._/]|$) ]] || compgen -G "$path" >/dev/null || complain "$file:$line: there is no $path"
done < <(named_in '(^|[^A-Za-z0-9_/.*-])((docs|tools|scenes|tests|src|bench|examples|include|fuzz|cmake|data)/[A-Za-z0-9_./*-]+|vlot/[a-z_]+\.h)' \
  "${sources[@]}")

# A document by its name alone, anywhere; a source file by its name alone, in a text.
while read -r file line name; do
  paths=$((paths + 1))
  grep -qxF -e "$name" <<<"$names" || complain "$file:$line: there is no $name"
done < <(
  named_in '(^|[^A-Za-z0-9_/.*-])[A-Za-z0-9_-]+\.md' "${sources[@]}"
  named_in '`[a-z0-9_]+\.(c|h|sh|py|scene)[`:]' "${texts[@]}" | tr -d '`:'
)

while read -r file line target; do
  paths=$((paths + 1))
  target=${target#*(} target=${target%)} target=${target%%#*}
  case $target in '' | http:* | https:* | mailto:*) continue ;; esac
  [ -e "$(dirname "$file")/$target" ] || complain "$file:$line: the link to $target leads nowhere"
done < <(named_in '\]\([^) ]+\)' "${texts[@]}")

[ "$failed" -eq 0 ] || exit 1
echo "$(wc -l <<<"$rows") numbers are explained and cited, $paths names of files and links lead somewhere"
