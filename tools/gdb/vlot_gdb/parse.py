"""What follows a command's name."""
import re

import gdb

from . import find


MOST = (1 << 62) - 1  # also what an id says beside its kind


def whole(value):
    if value.type.strip_typedefs().code == gdb.TYPE_CODE_FLT:
        raise ValueError("a fraction")
    return int(value)


def number(text, what):
    """A node, count or index: a number, n3, #3, or any expression of gdb's."""
    if len(text) > 1 and text[0] in "n#" and text[1:].isdigit():
        text = text[1:]
    try:
        found = int(text) if text.isdigit() else whole(gdb.parse_and_eval(text))
    except (gdb.error, ValueError, TypeError, OverflowError):
        raise gdb.GdbError("%s: a number is wanted, not \"%s\"" % (what, text))
    if not -MOST <= found <= MOST:
        raise gdb.GdbError("%s: %s is too large a number" % (what, text))
    return found


def count(text, what):
    """The same from 1 on."""
    found = number(text, what)
    if found < 1:
        raise gdb.GdbError("%s: 1 or more is wanted, not %d" % (what, found))
    return found


def pending(text, what):
    """The id of something under way, as the library writes it: 17, #17, t3 (n3's timer), w3 (its disk's write), i3 (its machine's image)."""
    found = re.match(r"^#?([twi]?)(\d+)$", text)
    if not found:
        try:
            return number(text, what)
        except gdb.GdbError:
            raise gdb.GdbError("%s: an id is wanted, such as 17, t3, w3 or i3 (`vlot net`, `vlot timers`), not \"%s\"" % (what, text))
    kind, digits = found.groups()
    return {"": 0, "t": 4, "w": 6, "i": 7}[kind] << 61 | number(digits, what)


def arguments(text, least, most, usage):
    found = gdb.string_to_argv(text)
    if not least <= len(found) <= most:
        raise gdb.GdbError("usage: " + usage)
    return found


def node_number(words_given, usage):
    """The one named, or the one whose thread is selected."""
    if words_given:
        return number(words_given[0], usage)
    found = find.current_node()
    if not found:
        raise gdb.GdbError("usage: %s (without N: only where a node's thread or turn is selected)" % usage)
    return found
