#!/usr/bin/env python3
"""What the documents name must exist; every atomic, lock and file must stand where they list them.

Names  each identifier that stands between backticks in a document of the code is a word of the tree:
       `vlot__emit`, `slot.due` (each part), `vlot_raft_step()`, `VLOT_WHY_*` (a word begins so).
       What is no identifier (paths, commands, text) is not looked at.
Locks  the tables of docs/threads.md have a row for each _Atomic, mutex, condition and thread-local of
       src, `struct.field` or `file.c:name`, and no other row. A row may name several.
Files  under the heading of each layer docs/ARCHITECTURE.md names every .c of it once, and no other.
Bounds each row of docs/bounds.md ends with the name of a test.

usage: check_names.py     from anywhere; prints what is missing, and fails
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FOLDERS = ["src", "include", "tests", "tools", "bench", "examples", "fuzz", "cmake", "scenes"]
DOCUMENTS = ["docs/ARCHITECTURE.md", "docs/threads.md", "docs/calls.md", "docs/bounds.md", "docs/STYLE.md", "docs/debugging.md", "docs/divergence.md",
             "CONTRIBUTING.md"]
GUARDS = re.compile(r"^\s*(?:static\s+)?(?:_Atomic\b(?:\([^)]*\))?|atomic_bool\b|pthread_(?:mutex|cond)_t\b|_Thread_local\b)[^;(]*?(\w+)(?:\[[^\]]*\])*(?:\s*=[^;]*)?;")
HANDLER = re.compile(r"^static _Atomic\(\w+\) (\w+)")
WORD = re.compile(r"\w+")
IDENTIFIER = re.compile(r"^[A-Za-z_]\w*(?:(?:\.|->)[a-z_]\w*(?:\[\])?)*(?:\(\))?\*?$")
problems = []


def read(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


def tree(folders, endings):
    for folder in folders:
        for where, _folders, names in os.walk(os.path.join(ROOT, folder)):
            for name in sorted(names):
                if name.endswith(endings):
                    yield os.path.relpath(os.path.join(where, name), ROOT)


def words_of_the_tree():
    words = set(WORD.findall(read("run"))) | set(WORD.findall(read("CMakeLists.txt")))
    for path in tree(FOLDERS, (".c", ".h", ".py", ".sh", ".txt", ".cmake", ".in", ".gdb", ".scene")):
        words.update(WORD.findall(read(path)))
    return words


def check_names(words):
    names = 0
    decisions = sorted("docs/decisions/" + name for name in os.listdir(os.path.join(ROOT, "docs/decisions")))
    for document in [one for one in DOCUMENTS if os.path.exists(os.path.join(ROOT, one))] + decisions:
        text = re.sub(r"^```.*?^```", lambda found: "\n" * found.group().count("\n"), read(document), flags=re.S | re.M)
        for number, line in enumerate(text.split("\n"), 1):
            for name in re.findall(r"`([^`]+)`", line):
                if re.match(r"^[a-z]+[A-Z]\w*$", name):
                    continue  # the paper's name
                if not IDENTIFIER.match(name) or re.search(r"\.(c|h|md|sh|py|scene|txt)$", name):
                    continue
                names += 1
                for part in re.split(r"\.|->", name):
                    part = re.sub(r"\[\]|\(\)", "", part)
                    known = any(word.startswith(part[:-1]) for word in words) if part.endswith("*") else part in words
                    if not known:
                        problems.append("%s:%d: nothing is named %s (in `%s`)" % (document, number, part, name))
    return names


def guards_of(path):
    """(struct or file, field) of every guard that is declared at the top or in a struct at the top of a file."""
    struct = None
    for line in read(path).split("\n"):
        opened = re.match(r"^(?:typedef )?struct (\w+) \{", line)
        if opened:
            struct = opened.group(1)
        elif line.startswith("}"):
            struct = None
        found = GUARDS.match(line) or HANDLER.match(line)
        if found and struct:
            yield "%s.%s" % (struct, found.group(1))
        elif found and line.startswith(("static", "_Thread_local")):
            yield "%s:%s" % (os.path.basename(path), found.group(1))


def check_guards():
    there = {guard: path for path in tree(["src"], (".c", ".h")) for guard in guards_of(path)}
    listed = set()
    for line in read("docs/threads.md").split("\n"):
        if line.startswith("|"):
            listed.update(re.findall(r"`([\w.]+[.:]\w+)`", line.split("|")[1]))
    for guard in sorted(set(there) - listed):
        problems.append("docs/threads.md: no row for `%s` (%s)" % (guard, there[guard]))
    for guard in sorted(listed - set(there)):
        problems.append("docs/threads.md: `%s` is no atomic, lock, condition or thread-local of src" % guard)
    return len(there)


def check_files():
    files = 0
    for section in re.split(r"^### ", read("docs/ARCHITECTURE.md"), flags=re.M)[1:]:
        layer = re.match(r"`(src/\w+)`", section)
        if not layer:
            continue
        rows = [line.split("|")[1] for line in section.split("\n") if line.startswith("|")]
        named = [name for row in rows for name in re.findall(r"`(\w+\.c)`", row)]
        there = [name for name in os.listdir(os.path.join(ROOT, layer.group(1))) if name.endswith(".c")]
        for name in sorted(set(named) ^ set(there)):
            problems.append("docs/ARCHITECTURE.md: %s/%s %s" % (layer.group(1), name, "is not there" if name in named else "has no row"))
        for name in sorted({name for name in named if named.count(name) > 1}):
            problems.append("docs/ARCHITECTURE.md: %s/%s has two rows" % (layer.group(1), name))
        files += len(there)
    return files


def check_bounds():
    tests = {name for path in tree(["tests"], (".c",)) for name in re.findall(r"^Test\(\w+, (\w+)", read(path), flags=re.M)}
    rows = [line for line in read("docs/bounds.md").split("\n") if re.match(r"\| (?!what \||-)|\|(?!-| )", line)]
    for row in rows:
        named = re.findall(r"`(\w+)`", row.split("|")[-2])
        for name in sorted(set(named) - tests):
            problems.append("docs/bounds.md: there is no test %s" % name)
        if not named:
            problems.append("docs/bounds.md: no test is named in: %s" % row)
    return len(rows)


if len(sys.argv) > 1:
    print("usage: check_names.py, without arguments", file=sys.stderr)
    sys.exit(64)
names = check_names(words_of_the_tree())
guards = check_guards()
files = check_files()
bounds = check_bounds()
for problem in problems:
    print(problem)
if problems:
    sys.exit(1)
print("%d names in documents exist, %d atomics and locks and %d files have their row, %d bounds a test" % (names, guards, files, bounds))
