#!/usr/bin/env bash
# json_lines.sh WRITER VLOT: bytes that went into JSON come back as they were, whatever they are, by
# a parser that is not ours; and each value is one line for whoever counts lines.
set -eu
writer=$1 vlot=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if ! command -v python3 >/dev/null 2>&1; then
  echo "json_lines: skipped, there is no python3"
  exit 0
fi

cat >"$work/read.py" <<'END'
import json, sys

def read(value):
    return bytes.fromhex(value["hex"]) if type(value) is dict else value.encode()

def lines(path):
    text = open(path, "rb").read().decode()  # strict: it is UTF-8
    found = text.splitlines()  # at U+2028, NEL and the like too
    assert len(found) == text.count("\n"), "a value is more than one line"
    return [json.loads(line) for line in found]

if sys.argv[1] == "history":
    found = lines(sys.argv[2])
    assert len(found) > 10000
    for one in found:
        wanted = bytes.fromhex(one["op"])
        for name in ("key", "value", "expected", "result"):
            assert read(one[name]) == wanted, (name, one)
else:  # what vlot run has written of an input
    wanted = {tuple(line.split(b" ", 2)[1:]) for line in open(sys.argv[3], "rb").read().split(b"\n") if line}
    seen = {(read(one["key"]), read(one["value"])) for one in lines(sys.argv[2]) if one["op"] == "set"}
    assert seen == wanted, seen ^ wanted
END

"$writer" >"$work/lines"
python3 "$work/read.py" history "$work/lines"

# Keys and values of an input, through a cluster. A line of input has no newline, and no zero byte.
printf 'set \xff\xfe \xed\xa0\x80\nset k \xe2\x80\xa8\nset \xc3\xbf y\xff\nset "\\ \x01\x7f\nset \xc2\x85 \xf0\x9f\x98\x80 z\n' >"$work/input"
for driver in threads lockstep; do
  "$vlot" run --driver $driver --nodes 3 --input "$work/input" --history "$work/history" --json >"$work/json"
  python3 "$work/read.py" run "$work/history" "$work/input"
  python3 -c 'import json,sys; json.loads(sys.stdin.buffer.read().decode())' <"$work/json"
done

# A name that is no UTF-8.
name=$work/$(printf 'no\xfft\n')
"$vlot" run --nodes 3 --input "$work/input" --quiet --journal "$name" >"$work/json"
"$vlot" replay "$name" --json >"$work/json"
python3 - "$work/json" <<'END'
import json, sys
def texts(value):
    if type(value) is dict:
        if list(value) == ["hex"]: yield bytes.fromhex(value["hex"])
        else:
            for one in value.values(): yield from texts(one)
    elif type(value) is str: yield value.encode()
found = json.loads(open(sys.argv[1], "rb").read().decode())
assert any(b"no\xfft" in one for one in texts(found)), found
END
echo "json_lines: ok"
