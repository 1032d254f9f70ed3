#!/usr/bin/env python3
"""Measures the Rust sources, prints a table per crate and the findings behind it, and fails when a limit is exceeded.

    scripts/tree-numbers.py                             the table, the limits, exit status 1 when one is exceeded
    scripts/tree-numbers.py --report                    the same, but always exit status 0
    scripts/tree-numbers.py --crate appliance/intake    one crate, with every place that was counted
    scripts/tree-numbers.py --list homonyms             every place of one number in the whole tree
    scripts/tree-numbers.py --self-test                 checks the measuring itself

Definitions. A code line holds something besides comments and white space. Test code is everything below a folder
`tests` or `fuzz`, in a file that is a module under `#[cfg(test)]`, or in an item under `#[cfg(test)]`; every number
except the sizes of files and the share of tests leaves it out. A doc block is a run of `///` or `//!` lines. A body
comment is a line with a `//` or `/* */` comment that is not a doc comment. A homonym is the name of a struct, enum,
union, trait or type alias that is defined in more than one file. A circle is a set of modules of one crate in which
each reaches each other by `use` or by a path; `mod` declarations do not count.
"""

import argparse
import bisect
import collections
import pathlib
import re
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Name: (kind, goal, limit). A number beyond its limit fails; between limit and goal it is shown as "not yet". Limits only
# move towards the goals, as the tree does.
LIMITS = {
    "doc blocks that open with a question word, %": ("below", 3.0, 1.0),
    "body comment lines per code line": ("at least", 0.05, 0.049),
    "homonyms": ("below", 15, 5),
    "lines of src/": ("below", 5000, 5000),
    "circles in src/": ("at most", 0, 0),
    "Result<_, String>": ("at most", 0, 0),
    "unwrap, expect, panic outside tests": ("at most", 0, 0),
    "TODO, FIXME, XXX": ("at most", 0, 0),
    "functions over 70 lines": ("at most", 3, 0),
    "lines over 120 columns": ("at most", 71, 12),
}

KINDS = ["doc openings", "homonyms", "circles", "string errors", "panics", "todo", "long functions", "long lines"]

COLUMNS_MAX = 120
FUNCTION_LINES_MAX = 70

TOKEN = re.compile(
    r"""
    (?P<line>//[^\n]*)
  | (?P<block>/\*)
  | (?P<raw>\b(?:b|c)?r(?P<hashes>\#*)".*?"(?P=hashes))
  | (?P<string>\b[bc]"(?:\\.|[^"\\])*"|"(?:\\.|[^"\\])*")
  | (?P<char>\bb?'(?:\\[^\n][^'\n]*|[^\\'\n])'|'(?:\\[^\n][^'\n]*|[^\\'\n])')
    """,
    re.VERBOSE | re.DOTALL,
)
BLOCK_EDGE = re.compile(r"/\*|\*/")
TEST_ATTRIBUTE = re.compile(r"#\[cfg\((?:test|any\(test\b[^\]]*|all\(test\b[^\]]*)\)\]")
QUESTION = re.compile(r"(?:What|Whether|How|Who|Whose|Whoever|Where|Why)\b")
TYPE = re.compile(r"^[ \t]*(?:pub(?:\([^)]*\))?\s+)?(?:unsafe\s+)?(?:struct|enum|union|trait|type)\s+(\w+)", re.MULTILINE)
FUNCTION = re.compile(r"\bfn\s+(\w+)")
PANIC = re.compile(r"\.unwrap\(\)|\.expect\(|\b(?:panic|todo|unimplemented|unreachable)!")
TODO = re.compile(r"\b(?:TODO|FIXME|XXX)\b")


def blank(text):
    """Replaces everything except line ends by spaces, so that positions stay."""
    return re.sub(r"[^\n]", " ", text)


def lex(text):
    """Returns the text with comments and literals blanked, the same with literals kept, and the comments' positions."""
    masked, uncommented, comments = [], [], []
    position = 0
    while True:
        match = TOKEN.search(text, position)
        if not match:
            break
        masked.append(text[position:match.start()])
        uncommented.append(text[position:match.start()])
        end = match.end()
        if match.lastgroup == "block" or match.group("block"):
            depth = 1
            while depth:
                edge = BLOCK_EDGE.search(text, end)
                if not edge:
                    end = len(text)
                    break
                depth += 1 if edge.group() == "/*" else -1
                end = edge.end()
        token = text[match.start():end]
        masked.append(blank(token))
        if match.group("line") or match.group("block"):
            comments.append((match.start(), token))
            uncommented.append(blank(token))
        else:
            uncommented.append(token)
        position = end
    masked.append(text[position:])
    uncommented.append(text[position:])
    return "".join(masked), "".join(uncommented), comments


def item_end(masked, start):
    """Returns the position behind the item that begins at `start`: behind its braces or its semicolon."""
    depth = 0
    for position in range(start, len(masked)):
        letter = masked[position]
        if letter in "([{":
            depth += 1
        elif letter in ")]}":
            depth -= 1
            if depth == 0 and letter == "}":
                return position + 1
        elif letter == ";" and depth == 0:
            return position + 1
    return len(masked)


class Source:
    """One Rust file, lexed once."""

    def __init__(self, path, text):
        self.path = path
        self.text = text
        self.lines = text.split("\n")[:-1] if text.endswith("\n") else text.split("\n")
        self.starts = [0]
        for match in re.finditer("\n", text):
            self.starts.append(match.end())
        self.masked, self.uncommented, self.comments = lex(text)
        self.all_test = bool({"tests", "fuzz"} & set(pathlib.PurePath(path).parts[:-1]))
        self.test_modules = []
        self.test_lines = set()
        for match in TEST_ATTRIBUTE.finditer(self.masked):
            end = item_end(self.masked, match.end())
            self.test_lines.update(range(self.line(match.start()), self.line(end - 1) + 1))
            module = re.match(r"[^;{]*\bmod\s+(\w+)\s*;", self.masked[match.end():end])
            if module:
                self.test_modules.append(module.group(1))

    def line(self, position):
        """Returns the line of a position, counted from 1."""
        return bisect.bisect_right(self.starts, position)

    def is_test(self, line):
        return self.all_test or line in self.test_lines

    def code_lines(self):
        return {number for number, line in enumerate(self.uncommented.split("\n"), 1) if line.strip()}

    def product(self):
        """Returns the masked text without test code."""
        if self.all_test:
            return ""
        lines = self.masked.split("\n")
        return "\n".join("" if number in self.test_lines else line for number, line in enumerate(lines, 1))


def is_doc(token):
    return token.startswith("//!") or (token.startswith("///") and not token.startswith("////")) or \
        token.startswith("/*!") or (token.startswith("/**") and not token.startswith("/***") and token != "/**/")


def doc_text(token):
    return re.sub(r"^(?:///|//!|/\*\*|/\*!)", "", token).strip()


class Numbers:
    """What was counted in a set of files. `places` has the file and line of each finding."""

    def __init__(self, sources):
        self.sources = sources
        self.lengths = sorted(len(source.lines) for source in sources)
        self.places = collections.defaultdict(list)
        self.code = self.test_code = self.docs = self.comments = self.doc_blocks = 0
        self.function_lengths = []
        self.types = collections.defaultdict(set)
        for source in sources:
            self.count_lines(source)
            self.count_items(source)
        for name, paths in sorted(self.types.items()):
            if len(paths) > 1:
                self.places["homonyms"].append(f"{name}: {', '.join(sorted(paths))}")

    def count_lines(self, source):
        code = source.code_lines()
        self.code += sum(not source.is_test(line) for line in code)
        self.test_code += sum(source.is_test(line) for line in code)
        before = None
        for start, token in source.comments:
            first = source.line(start)
            if source.is_test(first):
                continue
            rows = token.count("\n") + 1
            if is_doc(token):
                self.docs += rows
                if before != (first - 1, token[:3]):
                    self.doc_blocks += 1
                    if QUESTION.match(doc_text(token)):
                        self.places["doc openings"].append(f"{source.path}:{first}: {doc_text(token)}")
                before = (first + rows - 1, token[:3])
            else:
                self.comments += rows
            if TODO.search(token):
                self.places["todo"].append(f"{source.path}:{first}: {token.strip()}")
        for number, line in enumerate(source.lines, 1):
            if len(line) > COLUMNS_MAX:
                self.places["long lines"].append(f"{source.path}:{number}: {len(line)} columns")

    def count_items(self, source):
        text = source.product()
        position_line = lambda position: text.count("\n", 0, position) + 1
        for match in PANIC.finditer(text):
            self.places["panics"].append(f"{source.path}:{position_line(match.start())}: {match.group()}")
        for match in re.finditer(r"\bResult\s*<", text):
            arguments = generic_arguments(text, match.end() - 1)
            if len(arguments) == 2 and arguments[1] == "String":
                self.places["string errors"].append(f"{source.path}:{position_line(match.start())}")
        for match in TYPE.finditer(text):
            # A type inside the braces of a trait or impl block is an associated one and has no name of its own.
            if not (match.group().split()[0] == "type" and match.group()[0] in " \t"):
                self.types[match.group(1)].add(source.path)
        for match in FUNCTION.finditer(text):
            end = item_end(text, match.end())
            if text[end - 1:end] != "}":
                continue
            length = text.count("\n", match.start(), end) + 1
            self.function_lengths.append(length)
            if length > FUNCTION_LINES_MAX:
                self.places["long functions"].append(
                    f"{source.path}:{position_line(match.start())}: {match.group(1)}, {length} lines")

    def share(self, number):
        return number / self.code if self.code else 0.0

    def question_share(self):
        return 100 * len(self.places["doc openings"]) / self.doc_blocks if self.doc_blocks else 0.0


def generic_arguments(text, start):
    """Splits the generic arguments whose `<` stands at `start`."""
    depth, begin, arguments = 0, start + 1, []
    for position in range(start, min(len(text), start + 500)):
        letter = text[position]
        if letter in "<([":
            depth += 1
        elif letter in ")]" or (letter == ">" and text[position - 1] != "-"):
            depth -= 1
            if depth == 0:
                arguments.append(text[begin:position].strip())
                return [argument for argument in arguments if argument]
        elif letter == "," and depth == 1:
            arguments.append(text[begin:position].strip())
            begin = position + 1
    return []


def percentile(values, share):
    return values[min(len(values) - 1, int(share * len(values)))] if values else 0


# ---- circles between the modules of a crate


def module_of(path, source_folder):
    """Returns the module path of a file, `crate` as the empty tuple."""
    parts = list(pathlib.PurePath(path).relative_to(source_folder).with_suffix("").parts)
    if parts[-1] in ("main", "lib", "mod"):
        parts.pop()
    return tuple(parts)


def use_paths(tree, prefix=()):
    """Expands a `use` tree into pairs of path and local name."""
    tree = tree.strip()
    brace = tree.find("{")
    if brace < 0:
        path, _, alias = tree.partition(" as ")
        parts = prefix + tuple(part.strip() for part in path.split("::") if part.strip())
        if parts and parts[-1] == "self":
            parts = parts[:-1]
        if parts:
            yield parts, alias.strip() or parts[-1]
        return
    prefix += tuple(part.strip() for part in tree[:brace].split("::") if part.strip())
    depth, begin = 0, brace + 1
    for position in range(brace, len(tree)):
        letter = tree[position]
        if letter == "{":
            depth += 1
        elif letter == "}":
            depth -= 1
        if (letter == "," and depth == 1) or (letter == "}" and depth == 0):
            if tree[begin:position].strip():
                yield from use_paths(tree[begin:position], prefix)
            begin = position + 1
        if depth == 0:
            break


class Modules:
    """Which module of a crate uses which."""

    def __init__(self, sources, source_folder):
        self.texts = {module_of(source.path, source_folder): source.product() for source in sources if not source.all_test}
        self.imports = {}
        for module, text in self.texts.items():
            names = {}
            for match in re.finditer(r"\buse\s+([^;]+);", text):
                for path, name in use_paths(re.sub(r"\s+", " ", match.group(1))):
                    target = self.absolute(module, path)
                    if target is not None:
                        names[name] = target
            self.imports[module] = names
        self.arrows = collections.defaultdict(set)
        for module, text in self.texts.items():
            for name, target in self.imports[module].items():
                self.arrow(module, target)
            without_use = re.sub(r"\buse\s+[^;]+;", "", text)
            for match in re.finditer(r"(?<![\w:])(?:\w+::)+\w+", without_use):
                path = tuple(match.group().split("::"))
                imported = self.imports[module].get(path[0])
                target = imported + path[1:] if imported is not None else self.absolute(module, path)
                if target is not None:
                    self.arrow(module, target)

    def absolute(self, module, path):
        """Resolves `crate`, `self`, `super` and the names of child modules; nothing for other crates."""
        if path[0] == "crate":
            return path[1:]
        if path[0] == "self":
            return module + path[1:]
        if path[0] == "super":
            base = module
            while path and path[0] == "super":
                base, path = base[:-1], path[1:]
            return base + path
        if module + path[:1] in self.texts:
            return module + path
        return None

    def file_of(self, target, depth=0):
        """Returns the module that defines a path, through re-exports."""
        module = target
        while module not in self.texts and module:
            module = module[:-1]
        rest = target[len(module):]
        if rest and depth < 8:
            through = self.imports.get(module, {}).get(rest[0])
            if through is not None and through + rest[1:] != target:
                return self.file_of(through + rest[1:], depth + 1)
        return module

    def arrow(self, module, target):
        other = self.file_of(target)
        if other != module and other in self.texts:
            self.arrows[module].add(other)

    def circles(self):
        """Returns the strongly connected components of more than one module (Tarjan)."""
        index, low, stack, on_stack, found = {}, {}, [], set(), []

        def visit(module):
            index[module] = low[module] = len(index)
            stack.append(module)
            on_stack.add(module)
            for other in sorted(self.arrows[module]):
                if other not in index:
                    visit(other)
                    low[module] = min(low[module], low[other])
                elif other in on_stack:
                    low[module] = min(low[module], index[other])
            if low[module] == index[module]:
                component = []
                while True:
                    other = stack.pop()
                    on_stack.discard(other)
                    component.append(other)
                    if other == module:
                        break
                if len(component) > 1:
                    found.append(sorted(component))

        for module in sorted(self.texts):
            if module not in index:
                visit(module)
        return found

    def describe(self, component):
        names = {module: "::".join(module) or "crate" for module in component}
        arrows = [f"{names[a]} -> {names[b]}" for a in component for b in sorted(self.arrows[a]) if b in names]
        return "; ".join(arrows)


# ---- the tree


def read_tree():
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.rs"],
                            cwd=ROOT, check=True, capture_output=True).stdout.decode()
    sources = [Source(path, (ROOT / path).read_text()) for path in sorted(set(listed.split("\0")))
               if path and (ROOT / path).is_file()]
    by_path = {source.path: source for source in sources}
    for source in sources:
        folder = pathlib.PurePath(source.path)
        folder = folder.parent if folder.stem in ("lib", "main", "mod") else folder.with_suffix("")
        for module in source.test_modules:
            for path in (folder / f"{module}.rs", folder / module / "mod.rs"):
                if str(path) in by_path:
                    by_path[str(path)].all_test = True
            for path, other in by_path.items():
                if path.startswith(f"{folder / module}/"):
                    other.all_test = True
    return sources


def crate_of(path):
    parts = pathlib.PurePath(path).parts
    return "/".join(parts[:2]) if parts[0] == "appliance" else parts[0]


def circles_of(crate, sources):
    folder = "src" if crate == "src" else f"{crate}/src"
    modules = Modules([source for source in sources if source.path.startswith(folder + "/")], folder)
    return [modules.describe(component) for component in modules.circles()]


def table(rows):
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        cells = [row[0].ljust(widths[0])] + [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]
        print("  ".join(cells).rstrip())


HEAD = ["", "files", "lines", "median", "p90", "max", "docs", "body", "tests", "fn p90", "fn>70", "what/how", "homonyms",
        "Err String", "panics", ">120", "circles"]


def row(name, numbers, circles):
    places = numbers.places
    whole = numbers.code + numbers.test_code
    return [
        name, str(len(numbers.lengths)), str(sum(numbers.lengths)),
        f"{statistics.median(numbers.lengths):.0f}", str(percentile(numbers.lengths, .9)), str(numbers.lengths[-1]),
        f"{numbers.share(numbers.docs):.3f}", f"{numbers.share(numbers.comments):.3f}",
        f"{numbers.test_code / whole if whole else 0:.3f}",
        str(percentile(sorted(numbers.function_lengths), .9)), str(len(places["long functions"])),
        f"{numbers.question_share():.1f} %", str(len(places["homonyms"])), str(len(places["string errors"])),
        str(len(places["panics"])), str(len(places["long lines"])), str(circles),
    ]


def self_test():
    source = Source("src/a.rs", '''//! What opens.
// why
fn f() -> Result<(), String> { "// no comment"; 'x'; r#"/* no "#; a.unwrap() }
/// Whether.
/// More.
struct A;
impl B for A { type Output = u8; }
#[cfg(test)]
mod tests { struct C; fn g() { b.unwrap(); } }
''')
    numbers = Numbers([source])
    expected = {"code": 3, "docs": 3, "comments": 1, "doc_blocks": 2, "test_code": 2}
    found = {name: getattr(numbers, name) for name in expected}
    assert found == expected, found
    assert len(numbers.places["doc openings"]) == 2
    assert len(numbers.places["panics"]) == 1 and len(numbers.places["string errors"]) == 1
    assert set(numbers.types) == {"A"}, numbers.types
    circle = [Source("src/main.rs", "mod a;\nmod b;\n"), Source("src/a.rs", "use crate::b::{self, T};\n"),
              Source("src/b.rs", "fn f() { super::a::g(); }\n")]
    assert Modules(circle, "src").circles() == [[("a",), ("b",)]]
    straight = [Source("src/main.rs", "mod a;\nmod b;\nuse b::T;\n"), Source("src/a.rs", "use crate::b::T;\n"),
                Source("src/b.rs", "use std::a::U;\n")]
    assert not Modules(straight, "src").circles()
    print("tree-numbers.py: the measuring is sound")


def main():
    parser = argparse.ArgumentParser(description="Measures the Rust sources.")
    parser.add_argument("--report", action="store_true", help="exit with 0 whatever is found")
    parser.add_argument("--crate", help="only this crate (src, tests, appliance/intake ...), with every finding")
    parser.add_argument("--list", dest="kind", help="every finding of one kind in the whole tree")
    parser.add_argument("--self-test", action="store_true", help="check the measuring itself")
    arguments = parser.parse_args()
    if arguments.self_test:
        return self_test()

    sources = read_tree()
    crates = collections.defaultdict(list)
    for source in sources:
        crates[crate_of(source.path)].append(source)
    if arguments.crate:
        crate = arguments.crate.rstrip("/")
        if crate not in crates:
            sys.exit(f"no such crate: {crate}; there are {', '.join(sorted(crates))}")
        numbers, circles = Numbers(crates[crate]), circles_of(crate, crates[crate])
        numbers.places["circles"] = circles
        # A name is a homonym wherever in the tree its other definition stands.
        numbers.places["homonyms"] = [place for place in Numbers(sources).places["homonyms"]
                                      if any(crate_of(path) == crate for path in place.split(": ")[1].split(", "))]
        table([HEAD, row(crate, numbers, len(circles))])
        for kind, places in numbers.places.items():
            if places:
                print(f"\n{kind} ({len(places)}):\n  " + "\n  ".join(places))
        return

    rows, all_circles = [HEAD], {}
    for crate in sorted(crates):
        all_circles[crate] = circles_of(crate, crates[crate])
        rows.append(row(crate, Numbers(crates[crate]), len(all_circles[crate])))
    tree = Numbers(sources)
    tree.places["circles"] = [f"{crate}: {circle}" for crate, circles in all_circles.items() for circle in circles]
    if arguments.kind:
        if arguments.kind not in KINDS:
            sys.exit(f"no such kind of finding: {arguments.kind}; there are {', '.join(KINDS)}")
        print("\n".join(tree.places[arguments.kind]))
        return
    rows.append(row("the tree", tree, len(tree.places["circles"])))
    table(rows)

    values = {
        "doc blocks that open with a question word, %": round(tree.question_share(), 2),
        "body comment lines per code line": round(tree.share(tree.comments), 4),
        "homonyms": len(tree.places["homonyms"]),
        "lines of src/": sum(len(source.lines) for source in crates["src"]),
        "circles in src/": len(all_circles["src"]),
        "Result<_, String>": len(tree.places["string errors"]),
        "unwrap, expect, panic outside tests": len(tree.places["panics"]),
        "TODO, FIXME, XXX": len(tree.places["todo"]),
        "functions over 70 lines": len(tree.places["long functions"]),
        "lines over 120 columns": len(tree.places["long lines"]),
    }
    print()
    failed = False
    rows = [["number", "is", "goal", "limit", ""]]
    for name, (kind, goal, limit) in LIMITS.items():
        value = values[name]
        within = {"below": value.__lt__, "at most": value.__le__, "at least": value.__ge__}[kind]
        failed |= not within(limit)
        verdict = "" if within(goal) else "not yet" if within(limit) else "EXCEEDED"
        rows.append([name, str(value), f"{kind} {goal}", str(limit), verdict])
    table(rows)
    if failed and not arguments.report:
        sys.exit("a limit is exceeded; `scripts/tree-numbers.py --list KIND` names the places, KIND one of: "
                 + ", ".join(kind for kind in KINDS if tree.places[kind]))


if __name__ == "__main__":
    main()
