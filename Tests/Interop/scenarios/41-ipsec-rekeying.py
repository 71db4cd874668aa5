"""Proves that both phases are renewed under load, by the client and by the server, without a pause."""

from lab.network import LAN
from lab.processes import expect
from lab.strongswan import EtherIP, serve
from lab.traffic import longest_pause, upload

# The client renews; it leaves it to the server, which asks shortly before the end of what was agreed on.
# Then for how long there is load, and how many renewals of each phase that gives at least.
CLIENTS = (
    (dict(ike_rekey=8, esp_rekey=6, esp_life=14), 22, (2, 3)),
    (dict(esp_rekey=0, esp_life=16), 20, (0, 1)),
)

ALONE = True


def run(lab):
    server = serve(lab, ["site-1.example"])
    for options, seconds, wanted in CLIENTS:
        site = EtherIP(lab, "c1", "site-1.example", **options)
        before = site.swan.rekeyings()
        report = upload(lab, "c1", LAN, seconds)
        phases = [now - then for now, then in zip(site.swan.rekeyings(), before)]
        pause = longest_pause(report)
        print(f"  renewed {phases[0]} and {phases[1]} times in {seconds} s, longest pause {pause} s")
        expect(all(one >= least for one, least in zip(phases, wanted)), f"renewed {phases} times")
        expect(pause <= 1, f"nothing was sent for {pause} s")
        expect(len(server.sessions("site1")) == 1, "the session did not stay")
        site.down()
    server.stop()
