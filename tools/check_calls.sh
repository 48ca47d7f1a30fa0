#!/usr/bin/env bash
# Every public call that can wait has its row in docs/calls.md (check_calls.py), where there is a
# Python to look.
# usage: check_calls.sh
set -eu
if ! command -v python3 >/dev/null; then
  echo "no python3 here: calls that wait are not looked at"
  exit 77
fi
exec python3 "$(dirname "${BASH_SOURCE[0]}")/check_calls.py" "$@"
