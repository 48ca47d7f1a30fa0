"""Numbers of the library's enumerations as words, and tables."""
import gdb

from . import describe

NEVER = (1 << 64) - 1
FORCED, OK = 1, 2  # VLOT_MESSAGE_FORCED, VLOT_MESSAGE_OK

_enums = {}


def enum(name, prefix, number, joint=" "):
    """enum("vlot_why", "VLOT_WHY_", 1) -> "election timeout"; from the debug information, so that there is one list of names."""
    known = _enums.get(name)
    if known is None:
        try:
            known = {field.enumval: field.name for field in gdb.lookup_type("enum " + name).fields()}
        except (gdb.error, TypeError):
            return "%s %d" % (name, number)
        _enums[name] = known
    text = known.get(int(number))
    if text is None:
        return "?%d" % number
    return text[len(prefix):].lower().replace("_", joint)


def forget(_event=None):
    _enums.clear()


def why(number):
    return enum("vlot_why", "VLOT_WHY_", number) if int(number) else ""


def because(number):
    return " (%s)" % why(number) if int(number) else ""


def role(number):
    return enum("vlot_role", "VLOT_ROLE_", number, "-")


def message(number):
    return describe.words("message").get(int(number), "mail")


def node(number):
    return "n%d" % int(number) if int(number) else "-"


def tick(number):
    return "-" if int(number) == NEVER else str(int(number))


def entries(first, last):
    return "entry %d" % first if first == last else "entries %d to %d" % (first, last)


def counted(count, one, many):
    return "%d %s" % (count, one if count == 1 else many)


def table(header, rows):
    """Aligned columns: numbers to the right, words to the left."""
    rows = [[str(cell) for cell in row] for row in rows]
    is_number = [all(row[k].lstrip("-").isdigit() or row[k] in ("-", "") for row in rows) for k in range(len(header))]
    widths = [max([len(header[k])] + [len(row[k]) for row in rows]) for k in range(len(header))]
    for row in [header] + rows:
        cells = [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in zip(row, widths, is_number)]
        print("  ".join(cells).rstrip())


def pending(number):
    """The id of something under way as the library writes it (vlot_pending_name): 17, t3, w3, i3."""
    number = int(number)
    letter = {4: "t", 6: "w", 7: "i"}.get(number >> 61, "")
    return "%s%d" % (letter, number & ((1 << 61) - 1)) if letter else str(number)
