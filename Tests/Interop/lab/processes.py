"""Processes of a lab: started, awaited and ended by pid and start time, never by name."""

import os
import signal
import subprocess
import time


class Failure(Exception):
    """What a scenario proves does not hold; the text says what was seen instead."""


def wait_until(seconds, condition, what):
    """Poll until `condition` gives something true, and return that; at most `seconds`."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise Failure(f"waited {seconds} s for {what}")
        time.sleep(0.1)


def expect(condition, what):
    if not condition:
        raise Failure(what)


def stat_fields(pid):
    """The fields of /proc/PID/stat after the command's name; None where there is no such process."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()
    except OSError:
        return None


def birth(pid):
    """When the process was started, in clock ticks: with the pid it names a process for ever."""
    fields = stat_fields(pid)
    return fields[19] if fields and fields[0] != "Z" else None


def cpu_seconds(pid):
    """User and system time of a process and its living children."""
    fields = stat_fields(pid)
    if not fields:
        return 0.0
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(cpu_seconds(child) for child in children(pid))


def children(pid):
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        pass
    return found


def end_process(pid, born, number=signal.SIGTERM, seconds=8):
    """End a process that is still the one that was born then. False if it had to be killed."""

    def gone():
        return birth(pid) != born or born is None

    if not gone():
        os.kill(pid, number)
    try:
        wait_until(seconds, gone, f"pid {pid}")
        return True
    except Failure:
        os.kill(pid, signal.SIGKILL)
        return False


class Process:
    """One background process, with its output in a log file."""

    def __init__(self, name, argv, log, record):
        self.name = name
        self.log_path = log
        self.log_start = os.path.getsize(log) if os.path.exists(log) else 0
        with open(log, "ab") as output:
            self.popen = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self.pid = self.popen.pid
        self.born = birth(self.pid)
        record(f"{self.pid} {self.born} {name}\n")

    @property
    def running(self):
        return self.popen.poll() is None

    def log(self):
        """What this process has written so far."""
        with open(self.log_path, "rb") as file:
            file.seek(self.log_start)
            return file.read().decode(errors="replace")

    def wait_log(self, seconds, text, after=0):
        """Wait until the log holds `text` behind offset `after`; the offset behind it."""

        def found():
            at = self.log().find(text, after)
            if at < 0 and not self.running:
                raise Failure(f"{self.name} ended before it said `{text}`: {self.last_words()}")
            return at + len(text) if at >= 0 else None

        return wait_until(seconds, found, f"`{text}` from {self.name}: {self.last_words()}")

    def last_words(self):
        lines = [line for line in self.log().splitlines() if line.strip()]
        return lines[-1] if lines else "(nothing)"

    def send(self, number):
        if self.running:
            os.kill(self.pid, number)

    def wait(self, seconds):
        """The exit status, once it has ended by itself."""
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"{self.name} still ran after {seconds} s: {self.last_words()}") from None

    def stop(self, number=signal.SIGTERM, seconds=10):
        """End it; the exit status. To have to kill it is a failure."""
        self.send(number)
        try:
            return self.popen.wait(seconds)
        except subprocess.TimeoutExpired:
            self.discard()
            raise Failure(f"{self.name} did not stop within {seconds} s") from None

    def discard(self):
        """End it without a word, as part of cleaning up. Its children go too, but after it: some are there to
        begin anew what has ended."""
        offspring = [(child, birth(child)) for child in children(self.pid)] if self.running else []
        self.send(signal.SIGKILL)
        self.popen.wait(5)
        for child, born in offspring:
            end_process(child, born, signal.SIGKILL, 2)
