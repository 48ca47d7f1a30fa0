"""The prompt at a terminal: Enter, Ctrl-C, Ctrl-D, editing, colours, another width.   usage: step_terminal.py PROGRAM"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

PROGRAM = sys.argv[1]
PROMPT = re.compile(rb"\[(?:action )?(\d+)(?:, tick \d+)?\] > ")
PATIENCE = 60  # seconds until what should come does not


class Terminal:
    """A program at a terminal of its own. Nothing sleeps: what is waited for is seen."""

    def __init__(self, *arguments, columns=80, **environment):
        self.seen = b""
        self.at = 0  # where in it the last thing that was waited for ends
        self.pid, self.file = pty.fork()
        if self.pid == 0:
            os.environ.pop("COLUMNS", None)
            os.environ.pop("NO_COLOR", None)
            os.environ.update({"TERM": "xterm", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent"}, **environment)
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
            os.execvp(PROGRAM, [PROGRAM, *arguments])

    def read(self, timeout):
        """More of what is written; False: it has ended."""
        if not select.select([self.file], [], [], timeout)[0]:
            return True
        try:
            more = os.read(self.file, 65536)
        except OSError:  # Linux says so when the other side is closed
            more = b""
        self.seen += more
        return bool(more)

    def wait(self, what):
        pattern = re.compile(re.escape(what.encode())) if isinstance(what, str) else what
        end = time.monotonic() + PATIENCE
        while True:
            found = pattern.search(self.seen, self.at)
            if found:
                self.at = found.end()
                return found
            if not self.read(0.2) or time.monotonic() > end:
                raise AssertionError(f"no {what!r} in {self.seen[self.at:].decode(errors='replace')}")

    def prompt(self):
        """Wait for the next prompt; the number of the last action."""
        return int(self.wait(PROMPT).group(1))

    def send(self, text):
        os.write(self.file, text.encode())

    def type(self, text):
        """A line, from one prompt to the next: what came of it, and the action at which it ends."""
        begin = self.at
        self.send(text + "\n")
        action = self.prompt()
        return self.seen[begin:self.at].decode(), action

    def cpu(self):
        with open(f"/proc/{self.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return int(fields[11]) + int(fields[12])

    def wait_until_busy(self):
        """Until it has computed for 50 ms: what waits for a key does not."""
        begin, end = self.cpu(), time.monotonic() + PATIENCE
        while self.cpu() < begin + 5:
            self.read(0.01)
            assert time.monotonic() < end, "it does nothing"

    def end(self):
        end = time.monotonic() + PATIENCE
        while self.read(0.2):
            assert time.monotonic() < end, f"it does not end: {self.seen[self.at:].decode(errors='replace')}"
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def rows(text):
    """Lines of table and list, without colours."""
    plain = re.sub(r"\x1b\[[0-9;]*m", "", text)
    return [line for line in plain.splitlines() if re.match(r"(. n\d+ |node |next|held|     +\d+[ *] [A-Zt])", line)]


def enter_goes_on_and_back_goes_back():
    t = Terminal("step")
    t.wait("Enter: the next thing")
    assert t.prompt() == 0
    text, action = t.type("")
    assert action == 1 and "pre-candidate*" in re.sub(r"\x1b\[[0-9;]*m", "", text), text
    assert "\x1b[1;33m" in text, "no colour"
    assert t.type("")[1] == 2
    assert t.type("p")[1] == 1
    text, _ = t.type("why")
    assert "There is no leader" in text, text
    assert t.type("x PreVote 1->3")[1] == 2
    assert "becomes leader" in t.type("until leader")[0]
    t.send("q\n")
    assert t.end() == 0


def ctrl_c_ends_what_takes_long():
    t = Terminal("step")
    t.prompt()
    t.type("suspend 1")
    for _ in range(2):  # and once more: the first one has spoilt nothing
        t.send("until role 1 leader 1000000\n")
        t.wait_until_busy()
        t.send("\x03")
        t.wait("stopped")
        t.wait("suspended")
        action = t.prompt()
    assert t.type("step 3")[1] == action + 3
    t.send("quit\n")
    assert t.end() == 0


def ctrl_c_at_the_prompt_only_throws_the_line_away():
    t = Terminal("step")
    t.prompt()
    t.send("\x03")
    t.wait("q leaves")
    t.prompt()
    t.send("kill 2")
    t.wait("kill 2")
    t.send("\x03")
    t.wait("^C")
    assert t.prompt() == 0
    text, _ = t.type("nodes")
    assert "down" not in text, text
    t.send("\x04")  # Ctrl-D
    assert t.end() == 0


def mistakes_end_with_zero():
    t = Terminal("step")
    t.prompt()
    assert "did you mean 'kill'?" in t.type("kil 2")[0]
    t.send("\x04")
    assert t.end() == 0


def is_edited():
    """Is it built with libedit? Then a tab completes."""
    with open(PROGRAM, "rb") as file:
        return b"vlot-complete" in file.read()


def lines_can_be_edited():
    t = Terminal("step")
    t.prompt()
    t.send("unt\tle\t\n")
    t.wait("becomes leader")
    action = t.prompt()
    t.send("\x10")  # Ctrl-P: the line before
    t.wait("until leader")
    t.send("\x15step 2\n")  # Ctrl-U: away with it
    assert t.prompt() == action + 2
    t.send("de\t\t")
    t.wait("deliver  delay")
    t.send("\x03")
    t.prompt()
    t.send("hold forw\t\n")  # a kind of which none is pending
    t.wait("nothing like this is pending")
    t.prompt()
    t.send("save /proc/self/st\t\t")
    t.wait("/proc/self/status")
    t.send("\x03")
    t.prompt()
    t.send("q\n")
    assert t.end() == 0


def colours_can_be_had_without():
    for arguments, environment in (([], {"NO_COLOR": "1"}), (["--no-color"], {}), ([], {"TERM": "dumb"})):
        t = Terminal("step", *arguments, **environment)
        t.prompt()
        t.send("step\n")
        t.wait("pre-candidate*")
        t.prompt()
        t.send("q\n")
        assert t.end() == 0
        assert b"\x1b[1" not in t.seen and b"\x1b[3" not in t.seen, t.seen


def a_narrow_terminal_is_not_overrun():
    for columns in (80, 60, 40):
        t = Terminal("step", "--nodes", "5", columns=columns)
        t.prompt()
        lines = rows(t.type("until leader")[0])
        assert len(lines) > 10 and max(map(len, lines)) < columns, lines
        t.send("q\n")
        assert t.end() == 0


def everything_said_is_broken_between_words():
    for columns in (60, 40, 20):
        t = Terminal("step", columns=columns)
        t.prompt()
        begin = t.at
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", t.seen.decode())
        long = [line for line in plain.split("\r\n")[:-1] if len(line.rstrip()) >= columns]
        assert not long, long
        for command in ("until leader", "why", "help", "help kill", "help quit", "propose x=1", "until quiet"):
            text = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", t.type(command)[0])
            lines = [line.rstrip() for line in re.split(r"\r?\n", text)[1:-1]]
            lines = [line for line in lines if "\r" not in line and "] >" not in line]
            # a word may be longer than the line; but it is alone there
            long = [line for line in lines if len(line) >= columns and " " in line.strip()]
            assert not long, (columns, command, long)
        assert t.at > begin
        text, _ = t.type("kil 2")  # the place of a mistake stays below it
        assert re.search(r"\r?\n  kil 2\r?\n  \^\^\^", text), text
        t.send("q\n")
        assert t.end() == 0


def another_width_is_noticed():
    t = Terminal("step", columns=80)
    t.prompt()
    assert "applied" in t.type("step")[0]
    fcntl.ioctl(t.file, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 40, 0, 0))  # SIGWINCH, while it reads
    lines = rows(t.type("step 5")[0])
    assert len(lines) > 5 and max(map(len, lines)) < 40, lines
    t.send("q\n")
    assert t.end() == 0


def the_list_is_as_long_as_the_screen_allows():
    t = Terminal("step", "--nodes", "7", columns=100)
    t.prompt()
    fcntl.ioctl(t.file, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 100, 0, 0))
    short = t.type("until leader")[0]
    fcntl.ioctl(t.file, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    low = t.type("kill 7")[0]
    assert "more: net" not in short, short
    assert "more: net" in low and len(rows(low)) <= 24, low
    t.send("q\n")
    assert t.end() == 0


def a_run_is_stepped_and_goes_on():
    t = Terminal("run", "--tick", "1", "--kill-leader", "--step-on", "kill")
    t.wait("continue: let it run")
    t.prompt()
    assert "error" in t.type("back")[0]
    t.type("")
    t.send("continue\n")
    t.wait("all is well")
    assert t.end() == 0


def main():
    tests = [enter_goes_on_and_back_goes_back, ctrl_c_ends_what_takes_long,
             ctrl_c_at_the_prompt_only_throws_the_line_away, mistakes_end_with_zero,
             colours_can_be_had_without, a_narrow_terminal_is_not_overrun,
             everything_said_is_broken_between_words, another_width_is_noticed, the_list_is_as_long_as_the_screen_allows,
             a_run_is_stepped_and_goes_on]
    if is_edited():
        tests.append(lines_can_be_edited)
    failures = 0
    for test in tests:
        try:
            test()
        except AssertionError as error:
            failures += 1
            print(f"FAILED: {test.__name__}: {error}")
    sys.exit(failures > 0)


main()
