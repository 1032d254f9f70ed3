#!/usr/bin/env bash
# Prints the crates in the program for the board, with version, licence and checksum, as a CycloneDX bill of materials.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo metadata --locked --format-version 1 --filter-platform aarch64-unknown-linux-gnu | python3 -c '
import json, re, sys, tomllib
metadata = json.load(sys.stdin)
packages = {package["id"]: package for package in metadata["packages"]}
nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
wanted, waiting = set(), [metadata["resolve"]["root"]]
while waiting:
    name = waiting.pop()
    if name in wanted:
        continue
    wanted.add(name)
    # Without development dependencies, which are not in the program.
    waiting += [d["pkg"] for d in nodes[name]["deps"] if any(kind["kind"] != "dev" for kind in d["dep_kinds"])]
locked = {(p["name"], p["version"]): p.get("checksum") for p in tomllib.load(open("Cargo.lock", "rb"))["package"]}
components = []
for package in sorted((packages[name] for name in wanted), key=lambda package: (package["name"], package["version"])):
    component = {"type": "library", "name": package["name"], "version": package["version"],
                 "purl": "pkg:cargo/%s@%s" % (package["name"], package["version"]),
                 "licenses": [{"expression": re.sub("/", " OR ", package["license"] or "NOASSERTION")}]}
    checksum = locked.get((package["name"], package["version"]))
    if checksum:
        component["hashes"] = [{"alg": "SHA-256", "content": checksum}]
    components.append(component)
json.dump({"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}, sys.stdout, indent=1)
print()'
