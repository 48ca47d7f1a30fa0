"""The verbs that can be said to a cluster, from the program's own table (vlot/verb.h): it stands in the program's file and in a core file too.

What a debugger may ask is said as it is at the prompt, with one difference: of something pending it takes an id, where the prompt also takes
a pattern.
"""
import gdb

from . import find, parse, words

TIME = 4  # VLOT_VERB_TIME


class Parameter:
    def __init__(self, value):
        self.name, self.keyword, self.meaning = (text(value[field]) for field in ("name", "keyword", "meaning"))
        self.type = words.enum("vlot_parameter_type", "VLOT_PARAMETER_", value["type"])
        self.asks = words.enum("vlot_asks", "VLOT_ASKS_", value["asks"])
        self.is_optional = bool(self.keyword) or bool(value["is_optional"])
        self.min, self.max = int(value["min"]), int(value["max"])

    def usage(self):
        if self.asks in ("always", "nothing"):  # as the prompt has it, and a request has no room for it
            return ""
        name = "ID" if self.asks == "id" else self.meaning if self.type == "choice" else self.name
        said = self.keyword if self.type == "flag" else "%s %s" % (self.keyword, name) if self.keyword else name
        return " [%s]" % said if self.is_optional else " " + said


class Verb:
    def __init__(self, value):
        self.name, self.alias, self.summary, self.example = (text(value[field]) for field in ("name", "alias", "summary", "example"))
        self.request, self.is_time = int(value["request"]), bool(int(value["flags"]) & TIME)
        first, last = value["parameters"].type.range()
        self.parameters = [Parameter(value["parameters"][k]) for k in range(first, last + 1) if int(value["parameters"][k]["name"])]

    def usage(self):
        """As help shows it."""
        return "vlot " + self.name + "".join(one.usage() for one in self.parameters)


def wrong(verb, word=None):
    """What is said of a line that cannot be read: at this word; None: at its end."""
    more = ["%s: %s" % (one.name, one.meaning) for one in verb.parameters if one.asks == "sides"]
    told = " (%s)" % ", ".join(more) if more else ""
    return gdb.GdbError("usage: %s%s%s" % (verb.usage(), told, "" if word is None else "; \"%s\" has no place in it" % word))


def unknown(name):
    """What is said of a command that there is none of."""
    if named(name):
        return "\"%s\" is a word of the prompt of vlot step: gdb has no request for it; say it there" % name
    return "no command \"vlot %s\"; `vlot` shows all of them" % name


class Table:
    rows = None


def text(value):
    return value.string() if int(value) else ""


def forget(_event=None):
    Table.rows = None


def table():
    """All rows; none where the program has no list, or its file does not show it before it runs."""
    if Table.rows is None:
        try:
            first = gdb.parse_and_eval("&vlot_verbs").cast(gdb.lookup_type("struct vlot_verb").pointer())
            count = int(gdb.parse_and_eval("(unsigned long) vlot_verb_count"))
            Table.rows = [Verb(first[k]) for k in range(count)]
        except (gdb.error, UnicodeDecodeError):
            return []
    return Table.rows


def asked():
    return [verb for verb in table() if verb.request]


def named(name):
    """The verb of that name or alias; None."""
    return next((verb for verb in table() if name in (verb.name, verb.alias)), None)


def of_request(kind):
    """The verb that asks such a thing: the first one, as in vlot_verb_of_request()."""
    found = next((verb for verb in asked() if verb.request == kind), None)
    if found is None:
        raise gdb.GdbError("this program's vlot library knows no request %d" % kind)
    return found


# --- from words to a request ---


class Said:
    """What was said of a verb: what goes into the request's fields."""

    def __init__(self):
        self.node = self.id = self.value = 0
        self.words = []  # of a partition
        self.value_of = None  # the parameter that the value is of; None: not said


def take(verb, parameter, said, rest):
    """The value of one parameter, off the words that are left."""
    usage = verb.usage()
    if parameter.asks == "nothing":
        raise gdb.GdbError("vlot %s: only the prompt of vlot step takes %s%s here; %s" % (
            verb.name, parameter.keyword + " " if parameter.keyword else "", parameter.name, usage))
    if parameter.type == "flag":
        said.value = 1 if parameter.asks == "value" else said.value
    elif not rest:
        raise wrong(verb)
    elif parameter.asks == "sides":
        said.words, rest[:] = list(rest), []
    elif parameter.type == "choice":
        word, known = rest.pop(0), parameter.meaning.split("|")
        if word not in known:
            raise gdb.GdbError("vlot %s: one of %s is wanted, not \"%s\"" % (verb.name, parameter.meaning, word))
        said.value = known.index(word)
    elif parameter.asks == "id":
        said.id = parse.pending(rest.pop(0).rstrip(","), usage)
    elif parameter.asks == "node":
        said.node = parse.number(rest.pop(0).rstrip(","), usage)
    else:
        said.value = parse.number(rest.pop(0), usage)
        if not parameter.min <= said.value <= parameter.max:
            raise gdb.GdbError("%s: a number from %d to %d is wanted, not %d" % (usage, parameter.min, parameter.max, said.value))
    if parameter.asks == "value":
        said.value_of = parameter


def read(verb, line):
    """A line's words, by the rules of the prompt: those with a keyword anywhere, the others in their order."""
    said, rest, given = Said(), gdb.string_to_argv(line), []
    for parameter in verb.parameters:
        if parameter.asks == "value" and parameter.type == "number":
            said.value = parameter.min  # unless said
    while rest:
        found = next((one for one in verb.parameters if one.keyword == rest[0] and one.keyword), None)
        word = rest[0]
        if found is not None:
            rest.pop(0)
        else:
            found = next((one for one in verb.parameters if not one.keyword and one not in given), None)
        if found is None or found in given:
            raise wrong(verb, word)
        given.append(found)
        take(verb, found, said, rest)
    if any(not one.is_optional and one not in given for one in verb.parameters):
        raise wrong(verb)
    return said


# --- and back to a line ---


def line_of(kind, node, number, value, ids):
    """A request as a line of the prompt; src/lab/story.c makes the same of its event."""
    verb = of_request(kind)
    parts = [verb.name]
    for one in verb.parameters:
        if one.asks == "node":
            parts.append("%d" % node)
        elif one.asks == "id":
            parts.append(words.pending(number))
        elif one.asks == "sides":
            parts.append(" ".join(str(member) if member else "|" for member in ids))
        elif one.asks == "always" or (one.asks == "value" and one.type == "flag" and value):
            parts.append(one.keyword)
        elif one.asks == "value" and one.type == "choice":
            parts.append(one.meaning.split("|")[value])
        elif one.asks == "value" and one.type == "number":
            parts.append(("%s %d" % (one.keyword, value)).strip())
    return " ".join(parts)


def lets_time_go_on(line):
    first = line.split(None, 1)[0]
    verb = named(first)
    return verb is not None and (verb.is_time or verb.name == "next")


def require():
    """Why there are none, where there are none."""
    if not table():
        find.require_debug_info()
        raise gdb.GdbError("this program's vlot library is older than these commands: it has no list of verbs")
