#!/usr/bin/python3
"""The prompt of segue sql on a terminal: statements over lines, mistakes, completion, history, the pager.

  shell.py SEGUE SCRATCH
"""

import fcntl
import os
import pathlib
import pty
import re
import select
import struct
import sys
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
import harness  # noqa: E402
from harness import check  # noqa: E402


class Terminal:
    def __init__(self, program, *args):
        self.text = ""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm", XDG_STATE_HOME=os.getcwd(), PAGER="sed s/^/paged:/")
            time.sleep(0.2)  # until the terminal has its size
            os.execv(program, [str(program), "sql", "--lake", "lake", *args])
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def until(self, words, seconds=60):
        """What appears up to and with the words, control sequences left out."""
        end = time.monotonic() + seconds
        while words not in self.text:
            if time.monotonic() > end or not select.select([self.fd], [], [], 1)[0] and time.monotonic() > end:
                harness.fail(f"'{words}' did not appear: {self.text[-2000:]!r}")
            try:
                piece = os.read(self.fd, 65536).decode("utf-8", "replace")
            except OSError:
                harness.fail(f"the program ended before '{words}': {self.text[-2000:]!r}")
            self.text += re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\r|\x07|\x08", "", piece)
        at = self.text.index(words) + len(words)
        seen, self.text = self.text[:at], self.text[at:]
        return seen

    def type(self, keys):
        os.write(self.fd, keys.encode())

    def end(self):
        while True:
            try:
                if not os.read(self.fd, 65536):
                    break
            except OSError:
                break
        return os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])


def main():
    segue = harness.program_and_scratch()
    if not (segue.program.parent / "segue-sql").exists():
        harness.skip("this segue was built without DuckDB; jobs/setup.sh sql fetches it")
    os.mkdir("lake")
    t = Terminal(segue.program)
    t.until("segue> ")
    t.type("SELECT 40\n")
    t.until("...> ")
    t.type("+ 2 AS answer;\n")
    check("42" in t.until("1 row"), "a statement over two lines")
    t.type("SELECT nothing;\n")
    t.until("segue: error: ")
    t.type("CREATE TABLE things AS SELECT 1 AS a_column_with_a_name;\n")
    t.until("1 rows in 1 file")
    t.until("segue> ")
    t.type("SELECT a_column_w\t FROM thin\t;\n")
    seen = t.until("1 row ")
    check("a_column_with_a_name" in seen and "things" in seen, f"completion: {seen!r}")
    t.type("SELECT range FROM range(100) LIMIT 90;\n")
    check("paged:" in t.until("of them shown"), "no pager for what does not fit")
    t.type("SELECT count(*) FROM range(100000000) a, range(100000000) b;\n")
    time.sleep(1)
    t.type("\x03")
    t.until("segue: error: ")  # Ctrl-C ends the statement, not the program
    t.type("\\d things\n")
    t.until("a_column_with_a_name")
    t.until("segue> ")
    t.type("\\q\n")
    check(t.end() == 0, "leaving is no failure")
    history = pathlib.Path("segue/sql_history")
    if history.exists():  # built with a line editor
        check("answer" in history.read_text(encoding="utf-8") and history.stat().st_mode & 0o77 == 0, "history")


main()
