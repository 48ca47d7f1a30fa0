"""vlot in gdb: `vlot` shows the commands, docs/debugging.md a session.

Loaded by gdb itself where it is installed; from a source tree by `source tools/gdb/vlot.py` or
`gdb -x tools/gdb/vlot.py PROGRAM`. Nothing is called in the process.
"""
import os
import sys

import gdb


def load(directory):
    if directory not in sys.path:
        sys.path.insert(0, directory)
    for name in [name for name in sys.modules if name.split(".")[0] == "vlot_gdb"]:
        del sys.modules[name]  # sourced again: what is on disk now counts
    import vlot_gdb.commands
    import vlot_gdb.printers

    vlot_gdb.commands.register()
    vlot_gdb.printers.register()


if sys.version_info < (3, 6):
    raise gdb.GdbError("vlot: gdb's Python is %s, at least 3.6 is needed" % sys.version.split()[0])
# Not __file__: where a script sources this one it is that script's.
load(os.path.dirname(os.path.realpath(os.path.expanduser(load.__code__.co_filename))))
