"""What a cluster is made of, read from its memory."""
import gdb

from . import describe, words


class Seat:
    """A member's place and, while it is up, its node."""

    def __init__(self, cluster, value):
        self.cluster, self.value, self.id = cluster, value, value.id
        self.node = self.value.node
        self.raft = self.node.raft if self.node is not None else None
        self.state = words.enum("vlot_node_state", "VLOT_NODE_", self.value.state)

    @property
    def role(self):
        return words.role(self.raft.role) if self.raft is not None else "down"

    @property
    def term(self):
        return self.raft.term if self.raft is not None else self.value.last_term

    def due(self):
        """Cluster tick of its next timer, as its last turn left it."""
        return self.value.due if self.node is not None else words.NEVER

    def what_is_due(self):
        """What its next timer is for."""
        if self.node is None or self.due() == words.NEVER:
            return "-"
        is_forward = self.node.forward_due < self.node.next_timer
        number = describe.constant("due_number", "forward") if is_forward else self.raft.next_due
        return describe.words("due").get(int(number), "?")

    def left(self):
        due = self.due()
        return "-" if due == words.NEVER else str(max(due - now(self.cluster), 0))

    def actor(self):
        return self.value.actor

    def mailbox(self):
        if self.cluster.driver.is_stepped:
            return self.value.parked + sum(1 for item in pending(self.cluster) if item.node == self.id and item.mail_kind)
        actor = self.actor()
        if actor is None or self.node is None:
            return 0
        in_hand = actor.taken - actor.processed
        return sum(lane.queued for lane in actor.lanes) + max(in_hand, 0)

    def thread(self):
        """The gdb thread of its turn, which may be a caller's that lends it; its own between two turns; None where it has none, or is down."""
        actor = self.actor()
        if actor is None or self.node is None:
            return None
        inferior = gdb.selected_inferior()
        is_inside = actor.right == describe.constant("actor", "running")
        try:
            found = inferior.thread_from_handle(actor.runner if is_inside else actor.thread)
            if found is not None and found.is_valid():
                return found
        except (gdb.error, ValueError, TypeError):
            pass
        name = actor.name  # without libthread_db
        for thread in inferior.threads():
            if thread.name == name:
                return thread
        return None


def now(cluster):
    return cluster.now


def seats(cluster):
    return [Seat(cluster, value) for value in cluster.met.all]


def ids(cluster):
    """Of all members that were met, ascending."""
    return [value.id for value in cluster.met.all]


def told_ids(numbers):
    """1 to 5, or 1, 2, 70"""
    if len(numbers) > 2 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return "%d to %d" % (numbers[0], numbers[-1])
    return ", ".join(map(str, numbers))


def no_node(cluster, number):
    return gdb.GdbError("no node %d: this cluster has nodes %s" % (number, told_ids(ids(cluster))))


def seat(cluster, number):
    for value in cluster.met.all:
        if value.id == number:
            return Seat(cluster, value)
    raise no_node(cluster, number)


def up(cluster, number):
    found = seat(cluster, number)
    if found.raft is None:
        raise gdb.GdbError("n%d is down: it has no state but its disk (vlot trace, vlot why %d say how that came)" % (number, number))
    return found


def leader(cluster):
    leading = [one for one in seats(cluster) if one.role == "leader" and one.state == "up"]
    return max(leading, key=lambda one: one.term).id if leading else 0


def driver(cluster):
    if not cluster.driver.is_stepped:
        return "threads"
    if words.enum("vlot_driver", "VLOT_DRIVER_", cluster.options["driver"]) == "threads":
        return "threads, paused"
    return "lockstep" if cluster.is_inline else "lockstep, own threads"


def headline(cluster):
    text = "%s, tick %d" % (driver(cluster), now(cluster))
    if cluster.driver.is_stepped:
        text += ", action %d" % cluster.action
    first = leader(cluster)
    text += ", leader n%d" % first if first else ", no leader"
    if cluster.has_violation:
        text += "; VIOLATED: " + cluster.violation
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

    def preview(self, limit=40):
        """A command of the key-value machine as it is said at the prompt; other bytes escaped."""
        if self.kind == "noop":
            return "no-op"
        data = self.bytes(limit)
        said = command_said(data, self.size)
        return said if said is not None else escaped(data, self.size)


def escaped(data, size=0, is_word=False):
    """As src/lab/view_node.c does it, but for characters beyond ASCII. data: the first bytes of [size]."""
    text = "".join(chr(byte) if 32 < byte < 127 and byte != 92 or byte == 32 and not is_word else "\\" * 2 if byte == 92 else "\\x%02x" % byte
                   for byte in data)
    return text + ("..." if size > len(data) else "") or '""'


def command_said(data, size):
    """data: the first bytes of a command of [size] (src/cluster/kv_codec.c has its form); None: it is none, or its key is not whole."""
    names = {1: "get", 2: "set", 3: "del", 4: "cas", 5: "incr"}
    if len(data) < 4 or data[0] not in names:
        return None
    name, key_size = names[data[0]], data[1] + 256 * data[2]
    key, rest, left = data[3:3 + key_size], data[3 + key_size:], size - 3 - key_size
    if key_size == 0 or len(key) < key_size or (name in ("get", "del") and left) or (name == "incr" and (left != 8 or len(rest) < 8)):
        return None
    parts = [name, escaped(key, is_word=True)]
    if name == "incr":
        parts.append(str(int.from_bytes(rest[:8], "little", signed=True)))
    if name == "cas":
        if not rest or rest[0] > 1 or (rest[0] == 1 and len(rest) < 5):
            return None
        expected = int.from_bytes(rest[1:5], "little") if rest[0] else 0
        parts.append(escaped(rest[5:5 + expected], expected, True) if rest[0] else "(absent)")
        skipped = 1 + (4 + expected if rest[0] else 0)
        rest, left = rest[skipped:], left - skipped
    if name in ("set", "cas"):
        parts.append(escaped(rest, left))
    return " ".join(parts)


def entries(raft, first, last):
    """Entries first … last of a core's log, as far as it has them."""
    slices = raft.log.slices
    for k in range(raft.log.slice_first, len(slices)):  # those before it were dropped
        piece = slices[k]
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

    def __init__(self, cluster, value, is_late=False):
        self.cluster, self.value, self.is_late = cluster, value, is_late
        self.due, self.node, self.sender, self.mail_kind = value.due, value.node, value.sender, value.mail_kind
        self.kind = "message" if is_late else words.enum("vlot_pending_kind", "VLOT_PENDING_", value.kind)
        self.is_held = False if is_late else bool(value.is_held)
        self.id = describe.Thing("mail_head", value.payload).id if is_late else value.id
        self.order, self.due_for = (self.due, value.tie, self.id), "-"

    def what(self):
        if self.kind == "image":
            return image(seat(self.cluster, self.node))
        if self.kind in ("timer", "write"):
            return "n%d's %s" % (self.node, "next timer: %s" % self.due_for if self.kind == "timer" else "disk write completes")
        return mail(self.mail_kind, self.value.payload, self.node)


def pending(cluster):
    found = [Item(cluster, value) for listed in (cluster.pending, cluster.held) for value in listed]
    for item in found:
        if item.kind == "timer":
            item.due, item.due_for = seat(cluster, item.node).due(), seat(cluster, item.node).what_is_due()
            item.order = (item.due,) + item.order[1:]
    return sorted(found, key=lambda item: item.order)


def late(cluster):
    if cluster.clock is None:
        return []
    return sorted((Item(cluster, value, True) for value in cluster.clock.late), key=lambda item: item.order)


def message(value):
    """A vlot_message in one line."""
    kind, flags = words.enum("vlot_message_kind", "VLOT_MESSAGE_", value["kind"]), int(value["flags"])
    text = "%s %d->%d t%d" % (words.message(value["kind"]), int(value["from"]), int(value["to"]), int(value["term"]))
    if kind in ("pre vote", "vote"):
        text += " log %d/t%d" % (int(value["as"]["vote"]["last_index"]), int(value["as"]["vote"]["last_term"]))
        return text + (" forced" if flags & words.FORCED else "")
    if kind == "append":
        append = value["as"]["append"]
        count = words.counted(int(append["entry_count"]), "entry", "entries")
        text += " prev %d/t%d, %s" % (int(append["prev_index"]), int(append["prev_term"]), count)
        return text + ", commit %d" % int(append["commit"])
    if kind in ("pre vote reply", "vote reply"):
        return text + (" granted" if flags & words.OK else " refused" + words.because(value["why"]))
    if kind == "install":
        install = value["as"]["install"]
        snapshot = describe.Thing("snapshot", int(install["snapshot"]))
        start, length = int(install["offset"]), int(install["length"])
        if length == 0:
            return text + " how far is the snapshot at %d?" % snapshot.index
        return text + " snapshot at %d, bytes %d to %d of %d" % (snapshot.index, start, start + length, snapshot.size)
    if kind == "install reply":
        reply = value["as"]["installed"]
        if flags & words.OK:
            return text + " has the snapshot at %d" % int(reply["index"])
        return text + " lacks the snapshot at %d from byte %d on" % (int(reply["index"]), int(reply["offset"]))
    reply = value["as"]["reply"]
    if flags & words.OK:
        return text + " match %d" % int(reply["match_index"])
    return text + " refused, try %d/t%d" % (int(reply["hint_index"]), int(reply["hint_term"]))


def has_snapshot(raft):
    return bool(raft.log.base) or raft.snapshot is not None or raft.receipt is not None


def snapshot(raft):
    """The front of a node's log, and what comes from its leader."""
    taken, text = raft.snapshot, "none"
    if taken is not None:
        text = "at %d of term %d, %s" % (taken.index, taken.term, words.counted(taken.size, "byte", "bytes"))
    if raft.log.base:
        text += "; the log begins after %d" % raft.log.base
    receipt = raft.receipt
    if receipt is not None and receipt.snapshot is not None:
        here = receipt.first_to if receipt.piece_count and receipt.first_from == 0 else 0
        stage = {describe.constant("receipt_stage", one): one for one in ("receiving", "restoring", "writing")}.get(receipt.stage)
        if stage is not None:
            text += "; n%d's at %d comes: %d of %d bytes, %s" % (receipt.leader, receipt.snapshot.index, here, receipt.snapshot.size, stage)
    return text


def image(one):
    """Of a node's machine, on its way to become a snapshot; "": there is none."""
    frozen = one.node.image if one.node is not None else None
    return "n%d's machine at %d, frozen, is written to a snapshot" % (one.id, frozen.index) if frozen is not None else ""


def order(kind):
    """What a node is told to do: by the core's word, or the node's own."""
    own = {describe.constant("node_order", one): one for one in ("snapshot", "compact")}
    return own.get(int(kind)) or words.enum("vlot_input_kind", "VLOT_INPUT_", kind)


def mail(kind, payload, node):
    """One mail of any kind. payload: its address."""
    name = describe.word("mail_kind", kind)
    if name == "message":
        return message(describe.Thing("mail_message", payload).message)
    if name == "propose":
        propose = describe.Thing("mail_propose", payload)
        return "client %d: commands %d to %d" % (propose.client, propose.sequence, propose.sequence + propose.count - 1)
    if name == "read":
        return "client %d: read" % describe.Thing("mail_read", payload).client
    if name == "order":
        return "order: " + order(describe.Thing("mail_order", payload).kind)
    if name == "forward":
        forward = describe.Thing("mail_forward", payload)
        return ("passed on: taken up to before %d of term %d" if forward.is_answer else "passed on: %d of term %d") % (forward.number, forward.term)
    if name == "stored":
        return "a write of n%d is durable" % node
    if name == "written":
        return "the image of n%d's machine is written" % node
    return name


def mailbox(actor):
    """(kind, address of its payload, sender) of the mail that waits at an actor: what is in its hand first, control before data."""
    before, header = describe.constant("chunk", "header"), describe.constant("mail", "header")
    alignment = describe.constant("mail", "alignment")
    for k, lane in enumerate(actor.lanes):
        for chunks, at in ((actor.hand_lanes[k], actor.hand_at[k]), (lane.chunks, 0)):
            chunk = chunks.first
            while chunk is not None:
                used, base = chunk.used, int(chunk) + before
                while at < used:
                    one = describe.as_value(base + at, "struct vlot_mail")
                    yield int(one["kind"]), base + at + header, int(one["sender"]["id"])
                    at += header + -(-int(one["size"]) // alignment) * alignment
                chunk, at = chunk.next, 0
