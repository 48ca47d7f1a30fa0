#!/usr/bin/env bash
# What documents name exists, and docs/threads.md has every atomic and lock (check_names.py), where
# there is a Python to look.
# usage: check_names.sh
set -eu
if ! command -v python3 >/dev/null; then
  echo "no python3 here: names in documents are not looked at"
  exit 77
fi
exec python3 "$(dirname "${BASH_SOURCE[0]}")/check_names.py" "$@"
