"""Load through a tunnel: iperf3 between two namespaces."""

import json
import re

from .network import LAN
from .processes import Failure, expect, wait_until


class Load:
    """TCP from one client to another for some seconds, in the background; `options` are iperf3's own."""

    def __init__(self, lab, source, target, address, seconds, *options):
        self.seconds = seconds
        self.server = lab.spawn(
            target, f"{target}-iperf-server", ["iperf3", "-s", "-1", "-B", address, "--forceflush"]
        )
        self.server.wait_log(5, "Server listening")
        self.client = lab.spawn(
            source,
            f"{source}-iperf-client",
            ["iperf3", "-c", address, "-t", str(seconds), "-J", "--connect-timeout", "5000", *options],
        )

    def finish(self):
        """The report, once it is over; a transfer that broke off is a failure."""
        status = self.client.wait(self.seconds + 20)
        try:
            report = json.loads(self.client.log())
        except ValueError:
            raise Failure(f"iperf3 ended with {status}: {self.client.last_words()}") from None
        if status or "error" in report:
            raise Failure(f"iperf3 ended with {status}: {report.get('error')}")
        self.server.wait(10)
        return report


class InNamespace:
    """Where iperf3 runs: namespace `where`. `serves`: there is one that serves already."""

    def __init__(self, lab, where, serves=False):
        self.lab = lab
        self.where = where
        self.serves = serves
        self.server = None

    def serve(self, address):
        """Serves one transfer."""
        if self.serves:
            return
        # A slow tunnel still carries what the last transfer left behind.
        if self.server:
            self.server.wait(20)
        argv = ["iperf3", "-s", "-1", "-B", address, "--forceflush"]
        self.server = self.lab.spawn(self.where, f"{self.where}-iperf-server", argv)
        self.server.wait_log(5, "Server listening")

    def send(self, words, seconds):
        return self.lab.run(self.where, "iperf3", *words, seconds=seconds)


class InGuest:
    """Where iperf3 runs: a guest."""

    def __init__(self, guest):
        self.guest = guest

    def serve(self, address):
        listens = "ss -Hlnt sport = :5201 | grep -q ."
        wait_until(20, lambda: not self.guest.succeeds(listens), "the end of iperf3 in the guest")
        self.guest.run(f"iperf3 -s -1 -D -B {address}")
        wait_until(5, lambda: self.guest.succeeds(listens), "iperf3 in the guest")

    def send(self, words, seconds):
        return self.guest.run(" ".join(["iperf3", *words]), seconds=seconds)


def transfer(source, target, address, seconds):
    """TCP from one place to another, where `address` is; the report."""
    target.serve(address)
    words = ["-c", address, "-t", str(seconds), "-J", "--connect-timeout", "5000"]
    return json.loads(source.send(words, seconds + 20))


class GuestTransfer:
    """TCP both ways at once between a guest and the LAN."""

    def __init__(self, guest, seconds, rate="2M"):
        self.guest = guest
        self.seconds = seconds
        command = f"iperf3 -c {LAN} -t {seconds} -b {rate} --bidir -J >/tmp/iperf.json 2>&1"
        guest.run(f"({command}; touch /tmp/iperf.over) </dev/null >/dev/null 2>&1 &")

    def finish(self):
        """Mbit/s of each second, up and down."""
        is_over = "test -e /tmp/iperf.over"
        wait_until(self.seconds + 20, lambda: self.guest.succeeds(is_over), "the end of iperf3")
        report = json.loads(self.guest.run("cat /tmp/iperf.json"))
        expect("error" not in report, f"iperf3: {report.get('error')}")
        return [
            [interval[key]["bits_per_second"] / 1e6 for interval in report["intervals"]]
            for key in ("sum", "sum_bidir_reverse")
        ]


class Ping:
    """Echo requests for some seconds, in the background."""

    def __init__(self, lab, where, address, seconds, interval=0.002):
        self.seconds = seconds
        self.sent = 0
        self.process = lab.spawn(
            where, f"{where}-ping", ["ping", "-D", "-i", str(interval), "-w", str(seconds), address]
        )

    def lost(self):
        """When the answers came before those that are missing, in seconds since the epoch."""
        if self.process.wait(self.seconds + 40) != 0:
            raise Failure(f"ping failed: {self.process.last_words()}")
        log = self.process.log()
        replies = {}
        for at, number in re.findall(r"^\[(\d+\.\d+)\] .*icmp_seq=(\d+) ", log, re.MULTILINE):
            replies[int(number)] = float(at)
        self.sent = int(re.search(r"(\d+) packets transmitted", log)[1])
        # When the time is over ping does not wait for what is on its way.
        if not replies or self.sent - max(replies) > 50:
            raise Failure(f"no answer for long at the end: {self.process.last_words()}")
        missing = [number for number in range(1, max(replies)) if number not in replies]
        return [max((at for number, at in replies.items() if number < gap), default=0.0) for gap in missing]


def both_ways(lab, where, address, seconds=2):
    """TCP to an iperf3 server and back, one after the other: octets and Mbit/s of each."""
    for direction in ([], ["-R"]):
        yield received(upload(lab, where, address, seconds, *direction))


def upload(lab, where, address, seconds, *options):
    """TCP to an iperf3 server; the report."""
    command = ["iperf3", "-c", address, "-t", str(seconds), "-J", "--connect-timeout", "5000", *options]
    return json.loads(lab.run(where, *command, seconds=seconds + 20))


def received(report):
    """Octets that arrived, and the Mbit/s of that."""
    total = report["end"]["sum_received"]
    return int(total["bytes"]), total["bits_per_second"] / 1e6


def interval_rates(report):
    """Mbit/s of each second."""
    return [interval["sum"]["bits_per_second"] / 1e6 for interval in report["intervals"]]


def expect_steady(name, rates):
    """A transfer went on as in its second second, before there was anything to notice."""
    middle = sum(rates[3:-1]) / len(rates[3:-1])
    print(f"{name}: {middle:.1f} Mbit/s, and {rates[1]:.1f} before")
    # One lost segment of a guest's few costs it a second.
    expect(sum(rate == 0 for rate in rates[1:-1]) <= 1, f"the transfer {name} stood still: {rates}")
    expect(middle > 0.8 * rates[1], f"the transfer {name} went slower: {rates}")


def longest_pause(report):
    """The longest run of seconds in which nothing was sent."""
    longest = run = 0
    for interval in report["intervals"]:
        run = 0 if interval["sum"]["bytes"] else run + 1
        longest = max(longest, run)
    return longest
