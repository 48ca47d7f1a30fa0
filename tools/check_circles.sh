#!/usr/bin/env bash
# Calls between files form no circle (check_circles.py), where there is a Python to look.
# usage: check_circles.sh FOLDER...
set -eu
if ! command -v python3 >/dev/null; then
  echo "no python3 here: the calls between files are not looked at"
  exit 77
fi
exec python3 "$(dirname "${BASH_SOURCE[0]}")/check_circles.py" "$@"
