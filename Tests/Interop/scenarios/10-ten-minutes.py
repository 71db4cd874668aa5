"""Proves that docs/modules.md is true: its commands in C are run as they stand there, in their order.

A line `#> text` below a command is what its output must contain.
"""

import os
import re

from lab.polyhub import REPOSITORY, programs
from lab.processes import expect

LIMIT = 180


def run(lab):
    with open(os.path.join(REPOSITORY, "docs/modules.md")) as file:
        text = file.read()
    part = text[text.index("## Ten minutes in C") : text.index("## Ten minutes in Swift")]
    folder = os.path.dirname(lab.path("newcomer", "x"))
    ran = 0
    for language, block in re.findall(r"^```(\w+)\n(.*?)^```", part, re.S | re.M):
        if language == "toml":
            lab.write("newcomer/hello/plugins.conf", block)
            continue
        for command, expected in re.findall(r"^(?!#>)(.+)\n((?:#> .*\n)*)", block, re.M):
            folder = carry_out(lab, folder, command, re.findall(r"#> (.*)", expected))
            ran += 1
    expect(ran > 10, f"only {ran} commands were found")


def carry_out(lab, folder, command, expected):
    """The folder in which the next command is run."""
    if command.endswith("&"):
        server = lab.spawn("srv", "newcomer-server", shell(folder, command.rstrip("& ")))
        server.wait_log(20, "polyhubd ready")
        return folder
    output = lab.run("srv", *shell(folder, command + " && pwd"), seconds=100)
    for text in expected:
        expect(text in output, f"`{command}` says: {output}")
    return output.split("\n")[-2]


def shell(folder, command):
    path = f"PATH={programs()}:{os.environ['PATH']}"
    return ["env", "-C", folder, path, f"POLYHUB={REPOSITORY}", "bash", "-c", command]
