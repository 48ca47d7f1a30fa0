#!/usr/bin/env python3
"""Each duty of a caller is said three times in the same words: where it is looked at, behind an
"asserts" of a public header, and in a test that breaks it.

usage: check_duties.py     from anywhere; prints each duty that is not, and fails
"""
import glob
import os
import re
import sys

os.chdir(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STRING = r'"((?:[^"\\]|\\.)*)"'
STRINGS = STRING + r"(?:\s*" + STRING + ")*"
DUTY = re.compile(r"\b(?:VLOT_DUTY|vlot__assert_duty)\(")
# An "asserts" ends where its comment does, or with the next word that stands in its place.
ASSERTS = re.compile(r"^ \* asserts  (.*?)(?=^ \* [a-z]\w*  |^ \*/|^ \*$)", re.MULTILINE | re.DOTALL)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def folded(text):
    return " ".join(text.split())


def joined(text):
    """Neighbouring strings are one to the compiler."""
    return re.sub(r'"\s*"', "", text)


def arguments(text, start):
    """What stands between a parenthesis that is open before start and the one that closes it."""
    depth, end = 1, start
    while depth > 0:
        found = re.compile(STRING + r"|[()]").search(text, end)
        end = found.end()
        depth += {"(": 1, ")": -1}.get(found.group(), 0)
    return text[start:end - 1]


def duties():
    for path in sorted(glob.glob("src/**/*.[ch]", recursive=True)):
        if os.path.dirname(path) == "src/base" and "assert" in path:
            continue
        text = read(path)
        for found in DUTY.finditer(text):
            said = re.search(STRING + r"\s*$", joined(arguments(text, found.end())))
            yield path, text.count("\n", 0, found.start()) + 1, said and said.group(1)


headers = [folded(re.sub(r"^ \*", "", found, flags=re.MULTILINE))
           for path in sorted(glob.glob("include/vlot/*.h")) for found in ASSERTS.findall(read(path))]
tests = [joined(read(path)) for path in sorted(glob.glob("tests/*/*.c"))]
failed = count = 0
for path, line, sentence in duties():
    count += 1
    missing = []
    if not sentence:
        missing.append("its last argument is no sentence")
    else:
        if not any(sentence in text for text in headers):
            missing.append('no "asserts" of a header has it')
        if not any('"%s"' % sentence in text for text in tests):
            missing.append("no test breaks it")
    for what in missing:
        print("%s:%d: \"%s\": %s" % (path, line, sentence or "", what))
    failed += bool(missing)
if failed or not count:
    print("%d of %d duties are not said everywhere" % (failed, count))
    sys.exit(1)
print("%d duties stand in a header and in a test" % count)
