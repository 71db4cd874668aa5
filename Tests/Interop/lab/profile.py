"""An OpenVPN profile as a value: directives and inline blocks, changed by replacing whole lines."""

import re


class Profile:
    def __init__(self, text):
        self.blocks = dict(re.findall(r"^<([\w-]+)>\n(.*?)^</\1>$", text, re.S | re.M))
        bare = re.sub(r"^<([\w-]+)>\n.*?^</\1>$", "", text, flags=re.S | re.M)
        lines = (line.strip() for line in bare.splitlines())
        self.lines = [line for line in lines if line and line[0] not in "#;"]

    def get(self, name):
        """The words behind the first directive of that name; None where there is none."""
        return next((line.split()[1:] for line in self.lines if line.split()[0] == name), None)

    def replacing(self, **directives):
        """A copy in which each named directive stands once, or (None) not at all; `_` in a name is `-`."""
        copy = Profile(self.text())
        for key, value in directives.items():
            name = key.replace("_", "-")
            copy.lines = [line for line in copy.lines if line.split()[0] != name]
            copy.blocks.pop(name, None)
            if isinstance(value, list):
                copy.lines += [f"{name} {each}" for each in value]
            elif value is not None:
                copy.lines.append(f"{name} {value}".strip())
        return copy

    def embedding(self, **files):
        """A copy with inline blocks of these texts."""
        copy = self.replacing(**{name: None for name in files})
        copy.blocks.update({name.replace("_", "-"): text for name, text in files.items()})
        return copy

    def text(self):
        blocks = "".join(f"<{name}>\n{text}</{name}>\n" for name, text in self.blocks.items())
        return "\n".join(self.lines) + "\n" + blocks
