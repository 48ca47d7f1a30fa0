"""Where the library's fields are: it says so itself, in constant tables that src/base/describe.h explains. This is their one reader; whoever
wants to know something of a cluster asks a Thing by the names that stand there. Memory is read, and nothing is called.
"""
import struct
import sys

import gdb

VERSION = 2  # VLOT__DESCRIPTION_VERSION
TABLES = ("raft", "actor", "cluster", "clock", "client", "snapshot", "lab")
PROGRAMS = ("lab",)  # not of the library: of the vlot command

ROW = struct.Struct("=32s32s32sIIIIQ")
TEXT_ROW = struct.Struct("=8sI116s")
(END, IS_VERSION, STRUCT, CONSTANT, NUMBER, TEXT, TEXT_AT, BYTES, PLACE, EMBEDDED, POINTER, ARRAY, ARRAY_AT, POINTERS_AT, SEGMENTS_AT, RING,
 RING_AT) = range(17)

NONE = "this program's vlot library does not say where its fields are (an older one?): use the gdb commands that came with it"
OTHER = (
    "this program's vlot library describes itself in version %d, and these gdb commands read version %d: use those that came with it "
    "(tools/gdb in its source tree, share/vlot/gdb where it is installed)"
)


class Row:
    def __init__(self, data):
        *texts, self.kind, self.offset, self.size, self.stride, self.value = ROW.unpack(data)
        self.name, self.of, self.count = (text.split(b"\0")[0].decode() for text in texts)


class Known:
    """What the tables say."""

    fields = None  # {"raft": {"term": row}}; None: not read yet
    tags = {}  # {"vlot_raft": "raft"}
    constants = {}  # {"vote": {"granted": 1}}
    types = {}  # public ones, by name
    texts = {}  # {("why", 1): "no word …"}


def forget(_event=None):
    Known.fields = None
    Known.types.clear()
    Known.texts.clear()


def read(address, size):
    return bytes(gdb.selected_inferior().read_memory(address, size))


def number_at(address, size):
    return int.from_bytes(read(address, size), sys.byteorder)


def pointer_at(address):
    return number_at(address, public("void").pointer().sizeof)


def rows_of(table):
    """Up to the end; None where there is no such table."""
    try:
        address = int(gdb.parse_and_eval("&vlot_described_" + table))
    except gdb.error:
        return None
    rows = []
    while not rows or rows[-1].kind != END:
        rows.append(Row(read(address + len(rows) * ROW.size, ROW.size)))
        first = rows[0]
        if first.kind != IS_VERSION or first.name != "description":
            raise gdb.GdbError(NONE)
        if first.value != VERSION or first.size != ROW.size:
            raise gdb.GdbError(OTHER % (first.value, VERSION))
    return rows[1:-1]


def load():
    """Read all tables, once per program; a GdbError says that this library cannot be read."""
    if Known.fields is not None:
        return
    fields, tags, constants = {}, {}, {}
    for table in TABLES:
        rows = rows_of(table)
        if rows is None and table not in PROGRAMS:
            raise gdb.GdbError(NONE)
        for row in rows or ():
            group, _dot, name = row.name.partition(".")
            if row.kind == STRUCT:
                tags[row.of.split()[-1]] = group
            elif row.kind == CONSTANT:
                constants.setdefault(group, {})[name] = row.value
            else:
                fields.setdefault(group, {})[name] = row
    Known.fields, Known.tags, Known.constants = fields, tags, constants


# --- names and types ---


def constant(group, name):
    load()
    return Known.constants[group][name]


def words(group):
    """{number: word} of an enumeration that is not public."""
    load()
    return {number: word for word, number in Known.constants[group].items()}


def word(group, number):
    return words(group).get(int(number), "?%d" % number)


def said(group, number):
    """The library's own text of a number ("why", "result", "broken"); "?": it has none."""
    if not Known.texts:
        load()
        address = int(gdb.parse_and_eval("&vlot_described_texts"))
        while True:
            of, at, text = TEXT_ROW.unpack(read(address, TEXT_ROW.size))
            if not of.strip(b"\0"):
                break
            Known.texts[of.split(b"\0")[0].decode(), at] = text.split(b"\0")[0].decode()
            address += TEXT_ROW.size
    return Known.texts.get((group, int(number)), "?")


def struct_of(tag):
    """How a struct of C is called here; None: it is none of those."""
    load()
    return Known.tags.get(tag)


def public(name):
    found = Known.types.get(name)
    if found is None:
        found = Known.types[name] = gdb.lookup_type(name)
    return found


def as_value(address, name):
    """A value of gdb's, of a public type (include/vlot)."""
    return gdb.Value(address).cast(public(name).pointer()).dereference()


def as_pointer(kind, thing):
    """For expressions of the user's: a pointer of gdb's to a Thing; NULL for None."""
    load()
    tag = next(tag for tag, name in Known.tags.items() if name == kind)
    return gdb.Value(int(thing) if thing is not None else 0).cast(gdb.lookup_type("struct " + tag).pointer())


# --- what stands in memory ---


class Thing:
    """A struct of the library in memory: Thing("raft", address).term. int(thing) is where it is."""

    def __init__(self, kind, address):
        self._kind, self._address = kind, int(address)

    def __int__(self):
        return self._address

    def __eq__(self, other):
        return isinstance(other, Thing) and int(self) == int(other)

    def __hash__(self):
        return hash(self._address)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        row = row_of(self._kind, name)
        return READERS[row.kind](self, row, self._address + row.offset)


def row_of(kind, name):
    load()
    try:
        return Known.fields[kind][name]
    except KeyError:
        raise gdb.GdbError("this program's vlot library does not say where \"%s.%s\" is" % (kind, name))


def place(thing, name):
    """(address, bytes) of a field, to write it."""
    row = row_of(thing._kind, name)
    return int(thing) + row.offset, row.size


def made(row, address):
    """One of what a row leads to."""
    if not row.of:
        return number_at(address, row.stride)
    return as_value(address, row.of) if row.of.startswith("struct ") else Thing(row.of, address)


class Elements:
    """Of an array, by whatever rule they stand in it. Where there is no array there are none."""

    def __init__(self, row, begin, count):
        self.row, self.begin, self.count = row, begin, count if begin else 0

    def __len__(self):
        return self.count

    def __getitem__(self, k):
        row, stride = self.row, self.row.stride
        if row.kind == POINTERS_AT:
            address = pointer_at(self.begin + k * stride)
            return made(row, address) if address else None
        if row.kind == SEGMENTS_AT:
            segment = pointer_at(self.begin + k // row.value * public("void").pointer().sizeof)
            return made(row, segment + k % row.value * stride)
        if row.kind in (RING, RING_AT):
            k %= self.count
        return made(row, self.begin + k * stride)

    def __iter__(self):
        return (self[k] for k in range(self.count))


def text_at(address):
    return gdb.Value(address).cast(public("char").pointer()).string() if address else None


def counted(thing, row):
    """How many; a table of which that is not said is only looked into."""
    found = thing
    for name in row.count.split(".") if row.count else ():
        found = getattr(found, name)
    return found if row.count else sys.maxsize


def embedded_array(_thing, row, at):
    return Elements(row, at, row.size // row.stride)


def array_elsewhere(thing, row, at):
    return Elements(row, pointer_at(at), counted(thing, row))


def pointed_to(_thing, row, at):
    address = pointer_at(at)
    return made(row, address) if address else None


READERS = {
    NUMBER: lambda _thing, row, at: number_at(at, row.size),
    TEXT: lambda _thing, row, at: read(at, row.size).split(b"\0")[0].decode(errors="replace"),
    TEXT_AT: lambda _thing, _row, at: text_at(pointer_at(at)),
    BYTES: lambda _thing, row, at: read(at, row.size),
    PLACE: lambda _thing, _row, at: at,
    EMBEDDED: lambda _thing, row, at: made(row, at),
    POINTER: pointed_to,
    ARRAY: embedded_array,
    RING: embedded_array,
    ARRAY_AT: array_elsewhere,
    POINTERS_AT: array_elsewhere,
    SEGMENTS_AT: array_elsewhere,
    RING_AT: array_elsewhere,
}
