#!/usr/bin/env python3
"""Checks that each promise of docs/SPECIFICATION.md names tests that exist.

The second column of a promise holds files and, behind the `.rs` file that has them, test functions:
`tests/voices.rs`: `a_test`, `another_test`; `scripts/some-check.sh`. Every promise needs at least one file, and every
`.rs` file at least one function, with the name written out. `--self-test` checks the checking.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent


def problems(text, read):
    """Yields line and problem; `read` returns the text of a file or None."""
    promises = False
    for number, line in enumerate(text.split("\n"), 1):
        if not line.startswith("|"):
            promises = False
            continue
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if cells[-1] == "held by":
            promises = True
        if not promises or cells[-1] == "held by" or set(cells[-1]) <= {"-"}:
            continue
        if len(cells) != 2:
            yield number, "a promise has two columns"
            continue
        source, found = None, {}
        for name in re.findall(r"`([^`]+)`", cells[1]):
            if re.fullmatch(r"make [\w-]+", name):
                continue
            if "/" in name or "." in name:
                source = read(name)
                if source is None:
                    yield number, f"there is no file {name}"
                else:
                    found[name] = 0 if name.endswith(".rs") else 1
                path = name
            elif source is None:
                yield number, f"{name} stands behind no file"
            elif not re.search(rf"\b(?:fn|def) {re.escape(name)}\b", source):
                yield number, f"{path} has no test {name}"
            else:
                found[path] += 1
        if not found:
            yield number, "the promise names no test"
        for path, count in found.items():
            if not count:
                yield number, f"names no test function of {path}"


def read_file(name):
    path = ROOT / name
    return path.read_text() if path.is_file() else None


def self_test():
    files = {"a/b.rs": "#[test]\nfn good() {}\n", "c/d.sh": ""}.get
    head = "| promise | held by |\n|---|---|\n"
    assert not list(problems(head + "| x | `a/b.rs`: `good` |\n| y | `c/d.sh` (`make z`) |\n", files))
    for row in ("| x | `a/b.rs` |", "| x | `a/b.rs`: `goo` |", "| x | `a/none.rs`: `good` |", "| x | nothing |", "| x | `good` |"):
        assert list(problems(head + row, files)), row


def main():
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    found = list(problems((ROOT / "docs/SPECIFICATION.md").read_text(), read_file))
    for number, problem in found:
        print(f"docs/SPECIFICATION.md:{number}: {problem}")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
