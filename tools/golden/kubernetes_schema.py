"""Writes what Kubernetes' own schema says of a Job and a Service: tests/examples/kubernetes_schema.json.

    python tools/golden/kubernetes_schema.py DIRECTORY

DIRECTORY is a v*-local-strict directory of the package kubernetes-validate (PyPI), which has the definitions that each
release of Kubernetes publishes (Apache 2.0). Descriptions are left out, and so is what no Job or Service refers to.
"""

import json
import os
import sys

OUT = os.path.join(os.path.dirname(__file__), "../../tests/examples/kubernetes_schema.json")
ROOTS = {"batch/v1 Job": "io.k8s.api.batch.v1.Job", "v1 Service": "io.k8s.api.core.v1.Service"}


def refers_to(schema):
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref":
                yield value.split("/")[-1]
            else:
                yield from refers_to(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from refers_to(value)


def bare(schema):
    if isinstance(schema, dict):
        return {
            key: ("#/" + value.split("/")[-1] if key == "$ref" else bare(value))
            for key, value in schema.items()
            if not (key == "description" and isinstance(value, str)) and not key.startswith(("x-kubernetes", "$schema"))
        }
    return [bare(value) for value in schema] if isinstance(schema, list) else schema


def main():
    directory = sys.argv[1].rstrip("/")
    with open(os.path.join(directory, "_definitions.json"), encoding="utf-8") as file:
        definitions = json.load(file)["$defs"]
    wanted = list(ROOTS.values())
    for name in wanted:
        wanted += [n for n in dict.fromkeys(refers_to(definitions[name])) if n not in wanted]
    out = {
        "from": "Kubernetes " + os.path.basename(directory).split("-")[0] + ", Apache 2.0",
        "kinds": ROOTS,
        "definitions": {name: bare(definitions[name]) for name in sorted(wanted)},
    }
    with open(OUT, "w", encoding="utf-8") as file:
        # A definition a line.
        lines = [f"  {json.dumps(n)}: {json.dumps(d, separators=(',', ':'))}" for n, d in out.pop("definitions").items()]
        file.write(json.dumps(out, indent=1)[:-2] + ',\n "definitions": {\n' + ",\n".join(lines) + "\n }\n}\n")


if __name__ == "__main__":
    main()
