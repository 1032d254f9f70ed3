#!/usr/bin/env python3
"""Holds buildroot-external/ to the main rules of Buildroot's own check-package, which is in no package registry.

Prints one line for each breach and ends with 1 if there is any. `lint.py --self-test` makes sure that each rule bites.
"""

import pathlib
import re
import sys
import tempfile

MAKEFILE_RULE = "#" * 80
HELP_WIDTH = 72


def common(text):
    lines = text.split("\n")
    if not text.endswith("\n"):
        yield len(lines), "no newline at the end"
    if text.endswith("\n\n"):
        yield len(lines) - 1, "empty line at the end"
    for number, line in enumerate(lines, 1):
        if line != line.rstrip():
            yield number, "white space at the end of the line"
        if number > 1 and not line and not lines[number - 2] and number < len(lines):
            yield number, "consecutive empty lines"


def config_in(text):
    in_help = False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r"(config|menuconfig|choice|comment|if|endif|source|menu|endmenu|endchoice)\b", line):
            in_help = False
            continue
        if not line or line.startswith("#"):
            continue
        if line == "\thelp":
            in_help = True
            continue
        if in_help:
            if not re.match(r"\t  \S", line):
                yield number, "help text: <tab><2 spaces>"
            if len(line.expandtabs(8)) - 8 > HELP_WIDTH:
                yield number, "help text: longer than 72 columns"
        elif not re.match(r"\t\S", line) and not re.match(r"\t\t\S", line):
            yield number, "attributes are indented by one tab"


def package_makefile(text, path):
    lines = text.split("\n")
    name = path.stem
    expected = [MAKEFILE_RULE, "#", f"# {name}", "#", MAKEFILE_RULE, ""]
    if lines[: len(expected)] != expected:
        yield 1, "header must be 80 hashes, name of the package, 80 hashes, empty line"
    prefix = name.upper().replace("-", "_") + "_"
    in_define = False
    for number, line in enumerate(lines, 1):
        if line.startswith("define "):
            in_define = True
            if not line.split()[1].startswith(prefix):
                yield number, f"names begin with {prefix}"
        elif line == "endef":
            in_define = False
        elif in_define:
            if line and not line.startswith("\t"):
                yield number, "commands are indented by one tab"
        else:
            assignment = re.match(r"([A-Za-z_]+)\s*(\+=|:=|\?=|=)(.*)", line)
            if assignment:
                if not re.match(r"[A-Z0-9_]+ (\+=|:=|\?=|=)( |$)", line):
                    yield number, "one space before and after the assignment"
                if not assignment.group(1).startswith(prefix):
                    yield number, f"names begin with {prefix}"
                if assignment.group(3).endswith("\\") and len(assignment.group(3).split()) > 1 and \
                        assignment.group(2) == "=" and "DEPENDENCIES" in assignment.group(1):
                    yield number, "a list over several lines begins on the second"
    if not re.search(r"\$\(eval \$\((host-)?(generic|cargo|cmake)-package\)\)\n$", text):
        yield len(lines), "ends with $(eval $(…-package))"
    for needed in ("VERSION", "SITE", "LICENSE"):
        if not re.search(rf"^{prefix}{needed} = \S", text, re.MULTILINE):
            yield 1, f"{prefix}{needed} is missing"


def hash_file(text):
    for number, line in enumerate(text.split("\n"), 1):
        if not line or line.startswith("#"):
            continue
        if not re.match(r"sha256  [0-9a-f]{64}  [^/\s]\S*$", line):
            yield number, "sha256, two spaces, 64 hexadecimal digits, two spaces, file"


def defconfig(text):
    for number, line in enumerate(text.split("\n"), 1):
        if line and not re.match(r"(BR2_[A-Za-z0-9_]+=(y|\".*\"|\d+)|# BR2_[A-Za-z0-9_]+ is not set)$", line):
            yield number, "not a line of a defconfig"
    symbols = re.findall(r"^(?:# )?(BR2_[A-Za-z0-9_]+)", text, re.MULTILINE)
    for symbol in sorted({symbol for symbol in symbols if symbols.count(symbol) > 1}):
        yield 1, f"{symbol} is there twice"


def check(path):
    text = path.read_text(encoding="utf-8")
    yield from common(text)
    if path.name.startswith("Config.in"):
        yield from config_in(text)
    elif path.name.endswith("_defconfig"):
        yield from defconfig(text)
    elif path.suffix == ".hash":
        yield from hash_file(text)
    elif path.suffix == ".mk" and path.parent.parent.name == "package":
        yield from package_makefile(text, path)


def files_of(repository):
    external = repository / "buildroot-external"
    yield from sorted(path for path in external.rglob("*") if path.is_file() and not path.is_symlink()
                      and not path.is_relative_to(external / "configs"))
    yield from sorted((repository / "configs").glob("*_defconfig"))


def paths_named(repository):
    """Files of ours that a defconfig names must be there."""
    for path in sorted((repository / "configs").glob("*_defconfig")):
        for named in re.findall(r"\$\(BR2_EXTERNAL_CRIER_PATH\)(\S*?)[\" ]", path.read_text()):
            if not (repository / f"buildroot-external{named}").exists():
                yield path, f"{named} does not exist"


def breaches(repository):
    for path in files_of(repository):
        for number, words in check(path):
            yield f"{path.relative_to(repository)}:{number}: {words}"
    for path, words in paths_named(repository):
        yield f"{path.relative_to(repository)}: {words}"
    if (repository / "buildroot-external/external.desc").read_text().split("\n")[0] != "name: CRIER":
        yield "buildroot-external/external.desc: the name is CRIER"


def self_test(repository):
    spoilt = {
        "package/crier/crier.mk": [("#" * 80, "#" * 79), ("CRIER_SITE_METHOD = ", "CRIER_SITE_METHOD="),
                                   ("\tmkdir", "    mkdir"), ("CRIER_LICENSE = ", "OTHER_LICENSE = "),
                                   ("$(eval $(cargo-package))\n", "$(eval $(cargo-package))\n\n")],
        "package/crier/Config.in": [("\tbool", "    bool"), ("\t  Offline", "\tOffline"), ("help\n", "help \n")],
        "patches/linux/linux.hash": [("sha256  ", "sha256 ")],
    }
    for name, changes in spoilt.items():
        source = repository / "buildroot-external" / name
        for old, new in changes:
            text = source.read_text()
            assert old in text, (name, old)
            with tempfile.TemporaryDirectory() as folder:
                path = pathlib.Path(folder) / name
                path.parent.mkdir(parents=True)
                path.write_text(text.replace(old, new, 1))
                assert list(check(path)), f"{name}: {old!r} -> {new!r} was not noticed"
    print(f"each of {sum(map(len, spoilt.values()))} breaches is noticed")


def main():
    repository = pathlib.Path(__file__).resolve().parents[2]
    if sys.argv[1:] == ["--self-test"]:
        return self_test(repository)
    found = list(breaches(repository))
    print("\n".join(found) or f"{len(list(files_of(repository)))} files, no breach")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
