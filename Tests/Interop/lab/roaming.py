"""A client whose outside address changes while it is connected."""

from .processes import expect, wait_until


def keep_going(lab, client, target):
    """The tunnel survives the move, and nothing is negotiated anew for it."""
    expect(lab.ping(client.where, target), f"no ping of {target} before the move")
    lab.move(client.where)
    wait_until(5, lambda: lab.ping(client.where, target, count=1), f"{target} to answer after the move")
    expect(lab.ping(client.where, target, count=10), f"{target} answers in part only after the move")
    expect(client.connections() == 1, "the client had to connect again")
