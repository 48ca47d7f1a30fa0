"""Where is the cluster? There is no global: a variable of some frame, or of a file that a frame is in, leads to it."""
import gdb

from . import describe

FRAMES_MAX = 64

# How such a thing leads to its cluster.
PATHS = {
    "cluster": lambda p: p,
    "seat": lambda p: p.cluster,
    "node": lambda p: p.cluster,
    "clock": lambda p: p.cluster,
    "client": lambda p: p.cluster,
    "actor": lambda p: node_of_actor(p).cluster,
    "workspace": lambda p: p.cluster,
}

NOT_FOUND = (
    "no cluster found: no variable in any thread's frames leads to one. Stop inside the library (`vlot break step`), go up to a frame "
    "that has a vlot_cluster *, or say where it is: vlot use EXPR"
)


CLOSED = "this cluster was closed (vlot_cluster_close): %s points to where it was"

NOT_YET = "there is no cluster yet: the first command at the program's prompt that needs one opens it (`continue`, then Enter, `until leader`, …)"


class Memory:
    """What is remembered between commands."""

    pinned = None  # by `vlot use`
    last = None
    tells_others = False  # once in a command: which of several clusters it looks at


def forget(_event=None):
    Memory.pinned = Memory.last = None


def node_of_actor(actor):
    if not actor.name.startswith("vlot-n"):
        raise ValueError("not a node's actor")
    return describe.Thing("node", actor.context)


def require_debug_info():
    if gdb.selected_inferior().pid == 0 and gdb.selected_thread() is None:
        raise gdb.GdbError("nothing to look at: start the program (`run`, `start`), attach to one, or load a core file (`core FILE`)")
    try:
        known = bool(gdb.lookup_type("struct vlot_cluster").fields())  # opaque to all but the library
    except (gdb.error, TypeError):
        known = False
    if not known:
        raise gdb.GdbError(
            "no debug information of the vlot library here: the program or libvlot was stripped or built without -g, or has not been "
            "loaded yet. Build it with -DCMAKE_BUILD_TYPE=RelWithDebInfo; for a core file name the program that wrote it: gdb PROGRAM CORE"
        )
    describe.load()


def has_mark(p, name):
    """A cluster carries one as long as its memory is there: "open", later "closed"."""
    try:
        return p.mark == describe.constant("mark", name)
    except (gdb.error, ValueError, OverflowError):
        return False


def is_cluster(p):
    """Nothing is believed before its mark is there and its first seat points back."""
    try:
        if p is None or not has_mark(p, "open") or not 1 <= p.met.count <= 65535:
            return False
        return p.met.all[0].cluster == p
    except (gdb.error, AttributeError, ValueError, OverflowError):
        return False


def struct_pointed_to(kind):
    kind = kind.strip_typedefs()
    if kind.code != gdb.TYPE_CODE_PTR:
        return None
    target = kind.target().strip_typedefs().unqualified()
    return target.tag if target.code == gdb.TYPE_CODE_STRUCT else None


def things_in(block, frame):
    """(what it is, the thing, how it is written, its type) of a block's variables that are, or point to, something of ours."""
    for symbol in block:
        if not (symbol.is_variable or symbol.is_argument):
            continue
        tag, is_itself = struct_pointed_to(symbol.type), False
        if tag is None and symbol.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
            tag, is_itself = symbol.type.strip_typedefs().unqualified().tag, True
        name = describe.struct_of(tag)
        if name not in PATHS:
            continue
        try:
            value = symbol.value(frame) if symbol.needs_frame else symbol.value()
            if value.is_optimized_out:
                continue
            if is_itself:
                value = value.address
            if value is not None and int(value) != 0:
                yield name, describe.Thing(name, value), ("&" if is_itself else "") + symbol.name, value.type
        except (gdb.error, ValueError):
            continue


def things_of_frame(frame):
    try:
        block = frame.block()
    except RuntimeError:  # no debug information
        return
    while block is not None and not block.is_global:
        yield from things_in(block, frame)
        block = block.superblock
    if block is not None:
        yield from things_in(block, frame)


def frames(first=gdb.newest_frame):
    """Of the selected thread, newest first."""
    try:
        frame = first()
        for _ in range(FRAMES_MAX):
            if frame is None or not frame.is_valid():
                return
            yield frame
            frame = frame.older()
    except gdb.error:  # a stack that cannot be unwound further
        return


def cluster_of(name, thing):
    try:
        found = PATHS[name](thing)
        return found if is_cluster(found) else None
    except (gdb.error, ValueError):
        return None


def in_selected_thread():
    for frame in frames():
        for name, thing, _written, _type in things_of_frame(frame):
            found = cluster_of(name, thing)
            if found is not None:
                return found
    return None


def written_in_selected_thread():
    """{address of a cluster: how the first variable is written that leads to it, and where}; and of one that was closed, or None."""
    found, closed, nearer = {}, None, {}
    for frame in frames():
        for name, thing, written, _type in things_of_frame(frame):
            is_hidden = nearer.setdefault(written, frame) != frame
            one = cluster_of(name, thing)
            if one is not None:
                found.setdefault(int(one), (written, " in %s (`up`)" % frame.name() if is_hidden else ""))
            elif name == "cluster" and has_mark(thing, "closed"):
                closed = closed or written
    return found, closed


def tell_others(chosen):
    """Of several it is said which one is looked at."""
    if not Memory.tells_others:
        return
    Memory.tells_others = False
    known, _closed = written_in_selected_thread()
    others = ["`vlot use %s`%s" % one for address, one in known.items() if address != int(chosen)]
    if others:
        print("(cluster `%s` of %d; there %s: %s)" % (
            known[int(chosen)][0] if int(chosen) in known else "at %#x" % int(chosen), len(set(known) | {int(chosen)}),
            "is another" if len(others) == 1 else "are others", ", ".join(others)))


def is_session(p):
    """Optimised code may say of a variable that it is where it was: nothing is believed before its options look like some."""
    try:
        options = p.options
        return int(options["size"]) == options.type.sizeof and (p.cluster is None or is_cluster(p.cluster))
    except (gdb.error, ValueError, OverflowError):
        return False


def session_in_selected_thread():
    """The session of a `vlot step`: its workspace; None."""
    for frame in frames():
        for name, thing, _written, _type in things_of_frame(frame):
            if name == "workspace" and is_session(thing):
                return thing
    return None


def session():
    """Of the program, whichever thread is selected."""
    found = session_in_selected_thread()
    return found if found is not None else in_other_threads(session_in_selected_thread)


def in_other_threads(look):
    before = gdb.selected_thread()
    frame = None
    try:
        frame = gdb.selected_frame()
    except gdb.error:
        pass
    try:
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num):
            if not thread.is_valid() or thread.is_running():
                continue
            thread.switch()
            found = look()
            if found is not None:
                return found
    finally:
        if before is not None and before.is_valid():
            before.switch()
            if frame is not None and frame.is_valid():
                frame.select()
    return None


def cluster():
    """The cluster; a GdbError says what is missing."""
    require_debug_info()
    if Memory.pinned is not None:
        if is_cluster(Memory.pinned):
            return Memory.pinned
        Memory.pinned = None
        print("(the cluster of `vlot use` is gone)")
    found = in_selected_thread()
    if found is not None:
        tell_others(found)
    if found is None and Memory.last is not None and is_cluster(Memory.last):
        found = Memory.last
    if found is None:
        found = in_other_threads(in_selected_thread)
    if found is None:
        waits = session()
        _known, closed = written_in_selected_thread()
        if closed:
            raise gdb.GdbError(CLOSED % closed)
        raise gdb.GdbError(NOT_YET if waits is not None and waits.cluster is None else NOT_FOUND)
    Memory.last = found
    return Memory.last


def in_an_outer_frame(expression):
    """A variable of that name from the selected frame outwards: (its type, its cluster or None, was it closed); None."""
    for frame in frames(gdb.selected_frame):
        for name, thing, written, kind in things_of_frame(frame):
            if written == expression:
                return kind, cluster_of(name, thing), name == "cluster" and has_mark(thing, "closed")
    return None


def evaluated(expression):
    """The same of any expression."""
    try:
        value = gdb.parse_and_eval(expression)
    except gdb.error as problem:
        raise gdb.GdbError("vlot use: %s" % problem)
    kind = value.type
    name = "cluster" if kind.strip_typedefs().code == gdb.TYPE_CODE_INT else describe.struct_of(struct_pointed_to(kind))
    if name not in PATHS:
        return kind, None, False
    thing = describe.Thing(name, value)
    return kind, cluster_of(name, thing), name == "cluster" and has_mark(thing, "closed")


def use(expression):
    require_debug_info()
    expression = expression.strip()
    kind, found, is_closed = in_an_outer_frame(expression) or evaluated(expression)
    if found is None and is_closed:
        raise gdb.GdbError("vlot use: " + CLOSED % expression)
    if found is None:
        raise gdb.GdbError(
            "vlot use: %s is of type `%s` here and leads to no open cluster; wanted: a vlot_cluster *, vlot_client *, or an address. If it is a "
            "variable of an outer function, go there first (`up`)" % (expression, kind)
        )
    Memory.pinned = found
    return Memory.pinned


def current_node():
    """Number of the node whose turn the selected thread is in, or whose thread it is; 0: none."""
    for frame in frames():
        for name, thing, _written, _type in things_of_frame(frame):
            try:
                if name == "actor":
                    return node_of_actor(thing).seat.id
                if name == "node" and is_cluster(thing.cluster):
                    return thing.seat.id
            except (gdb.error, ValueError):
                continue
    return 0
