#!/usr/bin/env bash
# Duties of callers are said in headers and broken in tests (check_duties.py), where there is a
# Python to look.
# usage: check_duties.sh
set -eu
if ! command -v python3 >/dev/null; then
  echo "no python3 here: duties are not looked at"
  exit 77
fi
exec python3 "$(dirname "${BASH_SOURCE[0]}")/check_duties.py" "$@"
