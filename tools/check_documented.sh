#!/usr/bin/env bash
# Every public declaration has its words: a comment beside it, or directly above it or above the
# uninterrupted group of declarations that it stands in. Section headings (--- so ---) are no words.
# usage: check_documented.sh [HEADER...]
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
[ $# -gt 0 ] || set -- include/vlot/*.h
for header; do
  [ -f "$header" ] || { echo "$header: no such file"; exit 64; }
done

awk '
  function judge(rest) { # what stands behind the semicolon
    total++
    is_open = 0
    if (has_words || rest ~ /\/\*/) documented++
    else printf "%s:%d: no words for: %s\n", FILENAME, from, first
    if (rest ~ /\/\*/ && rest !~ /\*\//) in_comment = 1
  }
  FNR == 1 { has_words = in_comment = is_open = 0 }
  is_open {
    if (match($0, /;/)) judge(substr($0, RSTART + 1))
    next
  }
  in_comment {
    if (/\*\//) { in_comment = 0; has_words = 1 }
    next
  }
  /^[ \t]*\/\* ---/ { has_words = 0; next }
  /^[ \t]*\/\*/ {
    if (/\*\//) has_words = 1
    else in_comment = 1
    next
  }
  /^VLOT_API/ {
    from = FNR
    first = $0
    is_open = 1
    if (match($0, /;/)) judge(substr($0, RSTART + 1))
    next
  }
  /^typedef .*;/ { next } # a type of that group
  { has_words = 0 }
  END {
    printf "%d of %d public declarations have their words\n", documented, total
    exit total == 0 || documented != total
  }
' "$@"
