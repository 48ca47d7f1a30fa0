"""What a cluster is made of, read from its memory."""
import gdb

from . import find, words

SEGMENT = 128  # VLOT__LOG_SEGMENT


class Slot:
    """A member's place and, while it is up, its node."""

    def __init__(self, cluster, number):
        self.cluster = cluster
        self.value = cluster["slots"][number - 1]
        self.id = number
        self.node = self.value["node"] if int(self.value["node"]) else None
        self.raft = self.node["raft"] if self.node is not None else None
        self.state = words.enum("vlot_node_state", "VLOT_NODE_", self.value["state"])

    @property
    def role(self):
        return words.role(self.raft["role"]) if self.raft is not None else "down"

    @property
    def term(self):
        return int(self.raft["hard"]["term"]) if self.raft is not None else int(self.value["status"]["raft"]["term"])

    def due(self):
        """Cluster tick of its next timer, as the library computes it (vlot__node_due)."""
        node, permille = self.node, int(self.value["clock_permille"])
        if node is None or permille == 0 or int(node["next_timer"]) == words.NEVER or bool(node["is_fenced"]):
            return words.NEVER
        ticks = max(int(node["next_timer"]) - int(node["now"]), 0) or 1
        seen, gone, wanted = int(node["seen_tick"]), int(node["rest"]), ticks * 1000
        if permille != int(node["permille"]):
            changed = int(self.value["clock_changed"])
            if changed > seen:
                gone += (changed - seen) * int(node["permille"])
                seen = changed
        return seen + (wanted - gone + permille - 1) // permille if gone < wanted else seen

    def left(self):
        due = self.due()
        return "-" if due == words.NEVER else str(max(due - now(self.cluster), 0))

    def actor(self):
        actor = self.value["actor"]
        return actor if int(actor) else None

    def mailbox(self):
        if is_stepped(self.cluster):
            parked = int(self.value["parked_mail"]["count"])
            return parked + sum(1 for item in pending(self.cluster) if item.node == self.id and item.mail_kind)
        actor = self.actor()
        if actor is None or self.node is None:
            return 0
        lanes = actor["box"]["lanes"]
        in_hand = int(actor["box"]["taken"]) - int(actor["hand"]["processed"])
        return int(lanes[0]["queued"]) + int(lanes[1]["queued"]) + max(in_hand, 0)

    def thread(self):
        """Its gdb thread; None where it runs on the caller's, or is down."""
        actor = self.actor()
        if actor is None or self.node is None:
            return None
        inferior = gdb.selected_inferior()
        try:
            found = inferior.thread_from_handle(actor["thread"])
            if found is not None and found.is_valid():
                return found
        except (gdb.error, ValueError, TypeError):
            pass
        name = actor["name"].string()  # without libthread_db
        for thread in inferior.threads():
            if thread.name == name:
                return thread
        return None


def is_stepped(cluster):
    """In lockstep, or paused: there is a pending list, and whoever drives takes an action at a time."""
    return bool(cluster["driver"].dereference()["is_stepped"])


def now(cluster):
    return int(cluster["now"])


def slots(cluster):
    return [Slot(cluster, number) for number in range(1, int(cluster["nodes"]) + 1)]


def slot(cluster, number):
    nodes = int(cluster["nodes"])
    if not 1 <= number <= nodes:
        raise gdb.GdbError("no node %d: this cluster has nodes 1 to %d" % (number, nodes))
    return Slot(cluster, number)


def up(cluster, number):
    found = slot(cluster, number)
    if found.raft is None:
        raise gdb.GdbError("n%d is down: it has no state but its disk (vlot trace, vlot why %d say how that came)" % (number, number))
    return found


def leader(cluster):
    leading = [one for one in slots(cluster) if one.role == "leader" and one.state == "up"]
    return max(leading, key=lambda one: one.term).id if leading else 0


def driver(cluster):
    if not is_stepped(cluster):
        return "threads"
    if words.enum("vlot_driver", "VLOT_DRIVER_", cluster["options"]["driver"]) == "threads":
        return "threads, paused"
    return "lockstep" if bool(cluster["lockstep"]["is_inline"]) else "lockstep, own threads"


def headline(cluster):
    text = "%s, tick %d" % (driver(cluster), now(cluster))
    if is_stepped(cluster):
        text += ", action %d" % int(cluster["action"])
    first = leader(cluster)
    text += ", leader n%d" % first if first else ", no leader"
    if bool(cluster["observer"]["has_violation"]):
        text += "; VIOLATED: " + cluster["observer"]["violation"].string()
    return text


# --- logs ---


class Entry:
    def __init__(self, index, term, value):
        self.index, self.term = index, term
        self.size, self.kind = int(value["size"]), words.enum("vlot_entry_kind", "VLOT_ENTRY_", value["kind"])
        self.data = value["data"]

    def bytes(self, limit):
        size = min(self.size, limit)
        return bytes(gdb.selected_inferior().read_memory(int(self.data), size)) if size else b""

    def preview(self, limit=24):
        """Runs of printable characters; the rest as dots."""
        data = self.bytes(limit)
        text = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in data)
        return text + ("…" if self.size > limit else "")


def entries(raft, first, last):
    """Entries first … last of a core's log, as far as it has them."""
    log = raft["log"]
    for k in range(int(log["slice_count"])):
        piece = log["segments"][k // SEGMENT]["slices"][k % SEGMENT]
        index, count = int(piece["index"]), int(piece["count"])
        if index + count <= first:
            continue
        if index > last:
            return
        for position in range(max(first - index, 0), min(count, last - index + 1)):
            value = piece["batch"]["entries"][int(piece["first"]) + position]
            yield Entry(index + position, int(piece["term"]), value)


# --- what is under way ---


class Item:
    """Of the pending list (lockstep), or mail that a slow link holds (threads)."""

    def __init__(self, value):
        self.value = value
        self.id, self.due, self.node, self.sender = value["id"], int(value["due"]), int(value["node"]), int(value["from"])
        self.mail_kind, self.is_held = int(value["mail_kind"]), bool(value["is_held"])
        self.kind = words.enum("vlot_pending_kind", "VLOT_PENDING_", value["kind"])
        self.order = (self.due, int(value["tie"]), int(value["id"]))

    def payload(self, name):
        return self.value["payload"].address.cast(find.pointer_to(name))

    def what(self):
        if self.kind in ("timer", "write"):
            return "n%d's %s" % (self.node, "next timer" if self.kind == "timer" else "disk write completes")
        return mail(self.mail_kind, self.value["payload"].address, self.node)


def listed(heap):
    return [Item(heap["items"][k].dereference()) for k in range(int(heap["count"]))]


def pending(cluster):
    lockstep = cluster["lockstep"]
    found = listed(lockstep["heap"])
    found += [Item(lockstep["held"][k].dereference()) for k in range(int(lockstep["held_count"]))]
    for item in found:
        if item.kind == "timer":
            item.due = Slot(cluster, item.node).due()
            item.order = (item.due,) + item.order[1:]
    return sorted(found, key=lambda item: item.order)


def late(cluster):
    clock = cluster["clock"]
    return sorted(listed(clock["late"]), key=lambda item: item.order) if int(clock) else []


def message(value):
    """A vlot_message in one line."""
    kind, flags = int(value["kind"]), int(value["flags"])
    text = "%s %d->%d t%d" % (words.message(kind), int(value["from"]), int(value["to"]), int(value["term"]))
    if kind in (1, 3):
        text += " log %d/t%d" % (int(value["as"]["vote"]["last_index"]), int(value["as"]["vote"]["last_term"]))
        return text + (" forced" if flags & 1 else "")
    if kind == 5:
        append = value["as"]["append"]
        count = words.counted(int(append["entry_count"]), "entry", "entries")
        text += " prev %d/t%d, %s" % (int(append["prev_index"]), int(append["prev_term"]), count)
        return text + ", commit %d" % int(append["commit"])
    if kind in (2, 4):
        return text + (" granted" if flags & words.OK else " refused" + words.because(value["why"]))
    reply = value["as"]["reply"]
    if flags & words.OK:
        return text + " match %d" % int(reply["match_index"])
    return text + " refused, try %d/t%d" % (int(reply["hint_index"]), int(reply["hint_term"]))


def mail(kind, payload, node):
    """One mail of any kind. payload: its address."""
    name = words.enum("vlot__mail_kind", "VLOT__MAIL_", kind)
    if name == "message":
        return message(payload.cast(find.pointer_to("vlot__mail_message"))["message"])
    if name == "propose":
        propose = payload.cast(find.pointer_to("vlot__mail_propose"))
        return "client %d: commands %d to %d" % (
            int(propose["client"]), int(propose["sequence"]), int(propose["sequence"]) + int(propose["count"]) - 1)
    if name == "read":
        return "client %d: read" % int(payload.cast(find.pointer_to("vlot__mail_read"))["client"])
    if name == "order":
        order = payload.cast(find.pointer_to("vlot__mail_order"))
        return "order: " + words.enum("vlot_input_kind", "VLOT_INPUT_", order["kind"])
    if name == "stored":
        return "a write of n%d is durable" % node
    return name


def mailbox(actor):
    """(kind, payload, sender) of the mail that waits at an actor: what is in its hand first, control before data."""
    mail_type, chunk_type = find.pointer_to("vlot_mail"), find.pointer_to("vlot__chunk")
    for lane in (0, 1):
        for chunks, at in ((actor["hand"]["lanes"][lane], int(actor["hand"]["at"][lane])), (actor["box"]["lanes"][lane]["chunks"], 0)):
            chunk = chunks["first"]
            while int(chunk):
                used, base = int(chunk["used"]), int(chunk) + chunk_type.target().sizeof
                while at < used:
                    one = gdb.Value(base + at).cast(mail_type)
                    yield int(one["kind"]), (one + 1), int(one["sender"]["id"])
                    at += mail_type.target().sizeof + ((int(one["size"]) + 7) & ~7)
                chunk, at = chunk["next"], 0
