"""How gdb prints values of vlot. `print /r X` shows the fields."""
import gdb
import gdb.printing

from . import describe, events, state, words


class Printer:
    def __init__(self, value):
        self.value = value

    def to_string(self):
        try:
            return self.text()
        except (gdb.error, gdb.MemoryError, gdb.GdbError, ValueError) as problem:
            return "<cannot be read: %s>" % problem


class Message(Printer):
    def text(self):
        return "<%s>" % state.message(self.value)


class Entry(Printer):
    def text(self):
        return "[%s %dB]" % (words.enum("vlot_entry_kind", "VLOT_ENTRY_", self.value["kind"]), int(self.value["size"]))


class Slice(Printer):
    def text(self):
        index, count, term = int(self.value["index"]), int(self.value["count"]), int(self.value["term"])
        if not int(self.value["batch"]) or count == 0:
            return "[no entries]"
        place = str(index) if count == 1 else "%d..%d" % (index, index + count - 1)
        entries = [state.Entry(index + k, term, self.value["batch"]["entries"][int(self.value["first"]) + k]) for k in range(min(count, 64))]
        kinds = sorted({entry.kind for entry in entries})
        return "[%s t%d %s %dB%s]" % (place, term, "+".join(kinds), sum(entry.size for entry in entries), " …" if count > 64 else "")


class Brief(Printer):
    def text(self):
        return "<%s>" % events.brief(self.value)


class Event(Printer):
    def text(self):
        event = events.Event(self.value)
        return "<%s/%d %s>" % (words.node(event.node), event.sequence, event.sentence())


class Node(Printer):
    def text(self):
        node = describe.Thing("node", self.value.address)
        raft = node.raft
        return "<n%d %s t%d, log %d, commit %d, applied %d>" % (
            node.seat.id, words.role(raft.role), raft.term, raft.log.last, raft.commit, node.applied)


def register():
    printers = gdb.printing.RegexpCollectionPrettyPrinter("vlot")
    for name, printer in (
        ("vlot_message", Message), ("vlot_entry", Entry), ("vlot_slice", Slice), ("vlot_brief", Brief), ("vlot_event", Event),
        ("vlot__node", Node),
    ):
        printers.add_printer(name, "^%s$" % name, printer)
    gdb.printing.register_pretty_printer(None, printers, replace=True)
