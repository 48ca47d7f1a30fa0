#!/usr/bin/env python3
"""Calls between the files of a folder form no circle, and a plain name means one thing.

usage: check_circles.py FOLDER...          such as src/cluster; prints each circle, and fails
       check_circles.py --graph FOLDER     prints which file calls which, for documents

A file and the header of its name are one. A call graph by name: a function's definition begins in the first
column, as clang-format leaves it, and a name before a parenthesis is a call. What is called through a pointer is no
call here: that is how a file may reach one that stands above it (a driver, a recorder, a hook).

The names of static functions are looked at as well: a breakpoint on one that stands in two layers stops in both.
"""
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = ("src/base", "src/raft", "src/actor", "src/cluster")
NO_CALLS = {"if", "for", "while", "switch", "return", "sizeof", "defined", "do", "else", "case"}
TOKEN = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.M)
ATTRIBUTE = re.compile(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")
NAME_AND_PARENTHESIS = re.compile(r"\b([A-Za-z_]\w*)\s*\(")


class Function:
    def __init__(self, name, file, source, line, is_static):
        self.name, self.file, self.source, self.line, self.is_static = name, file, source, line, is_static
        self.calls = []  # (name, line)


def blank(match):
    """Spaces for text, so that places and lines stay what they are."""
    return re.sub(r"[^\n]", " ", match.group(0))


def name_of(head):
    """The function that a text before a brace begins to define; None: it is something else."""
    head = ATTRIBUTE.sub(" ", head)
    if "=" in head or "(" not in head or re.match(r"\s*(typedef|enum)\b", head):
        return None
    match = NAME_AND_PARENTHESIS.search(head)
    return match.group(1) if match else None


def read_functions(path, file):
    written_in = os.path.basename(path)
    with open(path, encoding="utf-8") as source:
        text = DIRECTIVE.sub(blank, TOKEN.sub(blank, source.read()))
    found, depth, start, function = [], 0, 0, None
    for match in re.finditer(r"[{};]", text):
        place, sign = match.start(), match.group(0)
        if sign == "{":
            if depth == 0:
                head = text[start:place]
                name = name_of(head)
                if name:
                    line = text.count("\n", 0, start + len(head) - len(head.lstrip())) + 1
                    function = Function(name, file, written_in, line, re.search(r"\bstatic\b", head) is not None)
                    found.append(function)
                start = place + 1
            depth += 1
        elif sign == "}":
            depth -= 1
            if depth == 0:
                if function:
                    function.calls = calls_in(text, start, place)
                function, start = None, place + 1
        elif depth == 0:
            start = place + 1
    return found


def calls_in(text, start, end):
    calls = []
    for match in NAME_AND_PARENTHESIS.finditer(text, start, end):
        before = text[max(start, match.start() - 2):match.start()].rstrip()
        if match.group(1) in NO_CALLS or before.endswith(".") or before.endswith("->"):
            continue
        calls.append((match.group(1), text.count("\n", 0, match.start()) + 1))
    return calls


def read_folder(folder):
    """A header belongs to the file of its name, where there is one."""
    functions, files = [], sorted(os.listdir(os.path.join(ROOT, folder)))
    for file in files:
        if file.endswith((".c", ".h")):
            module = file[:-1] + "c"
            functions += read_functions(os.path.join(ROOT, folder, file), module if module in files else file)
    return functions


def edges_of(functions):
    """{file: {other file: [(caller, callee, where)]}}"""
    shared = {one.name: one for one in functions if not one.is_static or one.file.endswith(".h")}
    own = {(one.file, one.name): one for one in functions}
    edges = {one.file: {} for one in functions}
    for one in functions:
        for name, line in one.calls:
            callee = own.get((one.file, name)) or shared.get(name)
            if callee and callee.file != one.file:
                edges[one.file].setdefault(callee.file, []).append((one.name, name, "%s:%d" % (one.source, line)))
    return edges


def circles_of(edges):
    """Strongly connected parts of more than one file (Tarjan)."""
    number, low, stack, found = {}, {}, [], []

    def visit(file):
        number[file] = low[file] = len(number)
        stack.append(file)
        for other in edges[file]:
            if other not in number:
                visit(other)
            if other in stack:
                low[file] = min(low[file], low[other])
        if low[file] == number[file]:
            part = []
            while not part or part[-1] != file:
                part.append(stack.pop())
            if len(part) > 1:
                found.append(sorted(part))

    for file in edges:
        if file not in number:
            visit(file)
    return found


def report_circles(folder):
    edges = edges_of(read_folder(folder))
    circles = circles_of(edges)
    for part in circles:
        print("%s: %d files call each other in a circle: %s" % (folder, len(part), ", ".join(part)))
        for file in part:
            for other in sorted(set(edges[file]) & set(part)):
                caller, callee, where = edges[file][other][0]
                print("  %s -> %s: %s calls %s (%s/%s)" % (file, other, caller, callee, folder, where))
    return len(circles)


def report_names():
    places = {}
    for layer in LAYERS:
        for one in read_folder(layer):
            if one.is_static and one.file.endswith(".c"):
                places.setdefault(one.name, {}).setdefault(layer, "%s/%s:%d" % (layer, one.file, one.line))
    twice = {name: found for name, found in places.items() if len(found) > 1}
    for name in sorted(twice):
        print("%s is a static function in two layers: %s" % (name, " and ".join(sorted(twice[name].values()))))
    return len(twice)


def print_graph(folder):
    edges = edges_of(read_folder(folder))
    for file in sorted(edges):
        called = [other for other in sorted(edges[file]) if other.endswith(".c")]
        if called:
            print("%-18s -> %s" % (file, ", ".join(called)))


def has_sources(folder):
    path = os.path.join(ROOT, folder)
    return os.path.isdir(path) and any(file.endswith(".c") for file in os.listdir(path))


def refuse(folder):
    print("%s: no folder with .c files; such as src/cluster" % folder, file=sys.stderr)
    return 64


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "--graph":
        if not has_sources(arguments[1]):
            return refuse(arguments[1])
        print_graph(arguments[1].rstrip("/"))
        return 0
    if not arguments or arguments[0].startswith("-"):
        print(__doc__.strip())
        return 64
    for folder in arguments:
        if not has_sources(folder):
            return refuse(folder)
    problems = sum(report_circles(folder.rstrip("/")) for folder in arguments) + report_names()
    if problems == 0:
        print("no circle in %s; no static name in two layers" % ", ".join(arguments))
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
