"""Two clients that ask for new keys all the time, with a transfer between them."""

from .processes import expect
from .traffic import Load, longest_pause


def under_load(lab, first, second, seconds, pause=2):
    """Half of the time in each direction; both clients must have been started with reneg-sec.

    `pause` is how many seconds the transfer may stand still. A client keeps its old key for half of reneg-sec
    only, so a negotiation packet that is lost under load stops it until the retransmission (tls-timeout).
    """
    for source, target in ((first, second), (second, first)):
        report = Load(lab, source.where, target.where, target.address(), seconds // 2).finish()
        seen = longest_pause(report)
        expect(seen <= pause, f"nothing went from {source.where} to {target.where} for {seen} s")
    for client in (first, second):
        expect(client.connections() == 1, f"{client.where} connected {client.connections()} times")
        interval = int(client.profile.get("reneg-sec")[0])
        times = client.log().count("Data Channel: ") or 0
        # The client takes up to a tenth off the interval; an exchange under load takes a while itself.
        expect(
            times >= seconds / (interval * 2),
            f"{client.where} got new keys {times} times only in {seconds} s",
        )
