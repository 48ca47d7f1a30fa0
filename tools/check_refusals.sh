#!/usr/bin/env bash
# A call that is refused says why: where a layer that is called by users returns one of the results
# that have many reasons, it goes through vlot__refuse() (src/base/problem.h), so that vlot_problem()
# knows. The files below do not talk to a caller: whoever calls them says it.
# usage: check_refusals.sh
set -eu
cd "$(dirname "${BASH_SOURCE[0]}")/.."
inside='cluster/(bootstrap|clock|control|disk_format|disk_snapshot|found|inbox|inline|journal_head|lockstep|machine_check|options|pending|replay_open|request|timekeeper)[.]c:'
words='(BUSY|UNSUPPORTED|INVALID|DEADLOCK|NOT_FOUND|TOO_LARGE|EXISTS|CLOSED|FENCED|FAILED)'
found=$(grep -nE "return VLOT_$words|[?:] VLOT_$words\b|end\(cluster, VLOT_$words" src/actor/*.[ch] src/cluster/*.[ch] |
  grep -vE "$inside" | grep -v 'VLOT__VISIT' || true)
if [ -n "$found" ]; then
  printf '%s\n' "$found"
  echo "these say nothing of their cause: return vlot__refuse(VLOT_…, \"what, and what is allowed\")"
  exit 1
fi
echo "every refusal says its cause"
