"""Proves that both phases are renewed under load, by the client and by the server, without a pause."""

from lab.network import LAN
from lab.processes import expect
from lab.strongswan import EtherIP, serve
from lab.traffic import longest_pause, upload

LIMIT = 180
SECONDS = 45


def run(lab):
    server = serve(lab, ["site-1.example"], esp_lifetime=60)
    for renewal in (dict(ike_rekey=15, esp_rekey=10, esp_life=30), dict(esp_rekey=3000, esp_life=3300)):
        site = EtherIP(lab, "c1", "site-1.example", **renewal)
        before = site.swan.rekeyings()
        seconds = SECONDS if "ike_rekey" in renewal else 65
        report = upload(lab, "c1", LAN, seconds)
        phases = [now - then for now, then in zip(site.swan.rekeyings(), before)]
        pause = longest_pause(report)
        print(f"  renewed {phases[0]} and {phases[1]} times in {seconds} s, longest pause {pause} s")
        if "ike_rekey" in renewal:
            expect(phases[0] >= 2 and phases[1] >= 3, f"renewed {phases} times")
        else:
            expect(phases[1] >= 1, "the server asked for no successor")
        expect(pause <= 1, f"nothing was sent for {pause} s")
        expect(len(server.sessions("site1")) == 1, "the session did not stay")
        site.down()
    server.stop()
