#!/usr/bin/env python3
"""Every public call that can wait has its row in docs/calls.md, and no other call has one.

A call can wait when its definition reaches, by a call graph by name, one of vlot's waits (src/base/lock.h) or the
driver's functions that wait. What is called through another pointer is no call here: user code is the caller's. Nor do
mutexes count: none is held across a function pointer. Each row's call stands in a test as well: its name is a word of
the tests that docs/calls.md names.

usage: check_calls.py     from anywhere; prints what is missing, and fails
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = ("src/base", "src/actor", "src/cluster")
WAITS = {"vlot__cond_wait", "vlot__cond_wait_until", "vlot__thread_join"}
DRIVER = re.compile(r"(?:->|\.)(await|wait_for_answer|hold|stop|suspend|start|close)\(")
TEXT = re.compile(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"', re.S)
DEFINITION = re.compile(r"^(?![ \t#}/])([^;{}]*?)\b(\w+)\(([^;{}]*)\)\s*\{\n(.*?)^\}", re.S | re.M)
CALL = re.compile(r"(?<![\w.>])(\w+)\(")


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def definitions():
    """{(file, or "" of what is not static, name): names that it calls}"""
    found = {}
    for layer in LAYERS:
        for name in sorted(os.listdir(os.path.join(ROOT, layer))):
            path = layer + "/" + name
            text = TEXT.sub('""', read(path)) if name.endswith((".c", ".h")) else ""
            for match in DEFINITION.finditer(text):
                place = path if "static" in match.group(1) else ""
                calls = set(CALL.findall(match.group(4)))
                if layer == "src/cluster":
                    calls |= {"->" + one for one in DRIVER.findall(match.group(4)) if "driver" in match.group(4)}
                found.setdefault((place, match.group(2)), (path, set()))[1].update(calls)
    return found


def who_waits(found):
    waits = {("", name) for name in WAITS}
    grows = True
    while grows:
        grows = False
        for function, (path, calls) in found.items():
            if function in waits:
                continue
            if any(one.startswith("->") or ("", one) in waits or (path, one) in waits for one in calls):
                waits.add(function)
                grows = True
    return {name for place, name in waits if not place}


def public_names():
    names = set()
    for name in os.listdir(os.path.join(ROOT, "include/vlot")):
        text = re.sub(r"/\*.*?\*/", " ", read("include/vlot/" + name), flags=re.S)
        names.update(re.findall(r"\b(vlot_\w+)\(", text))
    return names


def main():
    problems = []
    page = read("docs/calls.md")
    rows = {name for line in page.split("\n") if line.startswith("| `vlot_")
            for name in re.findall(r"`(vlot_\w+)`", line.split("|")[1])}
    waiting = who_waits(definitions()) & public_names()
    for name in sorted(waiting - rows):
        problems.append("docs/calls.md: no row for %s, which can wait" % name)
    for name in sorted(rows - waiting):
        problems.append("docs/calls.md: %s does not wait, or is no public call" % name)
    tests = "".join(read(path) for path in re.findall(r"`(tests/[\w/]+\.c)`", page))
    for name in sorted(rows):
        if not re.search(r"\b%s\b" % name, tests):
            problems.append("docs/calls.md: %s stands in none of the tests named there" % name)
    for problem in problems:
        print(problem)
    if not problems:
        print("%d public calls can wait, and have their row and test" % len(rows))
    return 1 if problems else 0


if len(sys.argv) > 1:
    print("usage: check_calls.py, without arguments", file=sys.stderr)
    sys.exit(64)
sys.exit(main())
