"""Holds a manifest against Kubernetes' schema, and says how a pod of it starts.

    kubernetes_manifest.py check SCHEMA MANIFEST        names each fault; fails if there is one
    kubernetes_manifest.py pod MANIFEST INDEX           shell lines: its host's name, its environment, its command

Status 77: python3-yaml is missing.
"""

import json
import re
import shlex
import sys

try:
    import yaml
except ImportError:
    print("python3-yaml is missing; run tools/setup --cluster")
    sys.exit(77)

TYPES = {
    "object": lambda v: isinstance(v, dict),
    "array": lambda v: isinstance(v, list),
    "string": lambda v: isinstance(v, str),
    "boolean": lambda v: isinstance(v, bool),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "null": lambda v: v is None,
}
WORDS = {"type", "properties", "additionalProperties", "items", "required", "enum", "oneOf", "format"}
DNS_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def against_schema(value, schema, definitions, where):
    """The faults of a value by JSON Schema, as far as Kubernetes' definitions use it."""
    if "$ref" in schema:
        yield from against_schema(value, definitions[schema["$ref"][2:]], definitions, where)
        return
    assert set(schema) <= WORDS, f"the check knows nothing of {set(schema) - WORDS}"
    types = schema.get("type", [])
    types = [types] if isinstance(types, str) else types
    if types and not any(TYPES[t](value) for t in types):
        yield f"{where}: must be of type {' or '.join(types)}, but is {value!r}"
        return
    if "enum" in schema and value is not None and value not in schema["enum"]:
        yield f"{where}: must be one of {schema['enum']}, but is {value!r}"
    if "oneOf" in schema and sum(not [*against_schema(value, s, definitions, where)] for s in schema["oneOf"]) != 1:
        yield f"{where}: {value!r} is of no kind that may stand here"
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}: {name} is missing"
        for name, v in value.items():
            if name in properties:
                yield from against_schema(v, properties[name], definitions, f"{where}.{name}")
            elif others is False:
                yield f"{where}: {name} is not known"
            elif isinstance(others, dict):
                yield from against_schema(v, others, definitions, f"{where}.{name}")
    if isinstance(value, list):
        for i, v in enumerate(value):
            yield from against_schema(v, schema.get("items", {}), definitions, f"{where}[{i}]")


def load(path):
    with open(path, encoding="utf-8") as file:
        return [d for d in yaml.safe_load_all(file) if d is not None]


def environment(container):
    return {e["name"]: e.get("value") for e in container.get("env", [])}


def together(job, service):
    """The faults that no schema sees: what must agree so that the ranks find each other."""
    spec = job["spec"]
    pod = spec["template"]["spec"]
    container = pod["containers"][0]
    env = environment(container)
    name, domain = job["metadata"]["name"], service["metadata"]["name"]
    volumes = {v["name"] for v in pod.get("volumes", [])}
    for what, text in (("Job", name), ("Service", domain)):
        if not DNS_LABEL.fullmatch(text):
            yield f"{what}: the name {text!r} is no DNS label"
    if len(f"{name}-{spec.get('completions')}") > 63:
        yield "Job: its pods' names are too long for DNS"
    for ok, fault in (
        (spec.get("completionMode") == "Indexed", "Job: completionMode must be Indexed: pods would have no rank"),
        (spec.get("completions") == spec.get("parallelism"), "Job: all ranks must run at once: parallelism = completions"),
        (env.get("WORLD_SIZE") == str(spec.get("completions")), "Job: WORLD_SIZE must be the number of completions"),
        (pod.get("restartPolicy") in ("OnFailure", "Never"), "Job: restartPolicy must be OnFailure or Never"),
        (pod.get("subdomain") == domain, "Job: its subdomain must be the Service's name"),
        (service["spec"].get("clusterIP") == "None", "Service: must be headless (clusterIP: None): pods need names"),
        (service["spec"].get("publishNotReadyAddresses") is True, "Service: must publish pods that are not ready yet"),
        (service["spec"].get("selector", {}).get("job-name") == name, "Service: must select the Job's pods"),
        (env.get("MASTER_ADDR") == f"{name}-0.{domain}", f"Job: MASTER_ADDR must be {name}-0.{domain}"),
        (env.get("MASTER_PORT") in [str(p["containerPort"]) for p in container.get("ports", [])],
         "Job: MASTER_PORT must be one of the container's ports"),
        ("HEARTH_JOB_TOKEN" in env and env["HEARTH_JOB_TOKEN"] is None,
         "Job: HEARTH_JOB_TOKEN must come from a secret"),
        ({m["name"] for m in container.get("volumeMounts", [])} <= volumes, "Job: a volume is mounted that it has not"),
    ):
        if not ok:
            yield fault


def check(schema_path, manifest):
    with open(schema_path, encoding="utf-8") as file:
        schema = json.load(file)
    kinds = {}
    faults = []
    for i, document in enumerate(load(manifest)):
        kind = f"{document.get('apiVersion')} {document.get('kind')}"
        kinds[document.get("kind")] = document
        if kind not in schema["kinds"]:
            faults.append(f"document {i}: {kind} is no kind that the schema has")
        else:
            faults += against_schema(document, {"$ref": "#/" + schema["kinds"][kind]}, schema["definitions"], kind)
    if not faults:
        faults = [*together(kinds["Job"], kinds["Service"])] if {"Job", "Service"} <= set(kinds) else ["a Job and a Service"]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


def pod(manifest, index):
    job = next(d for d in load(manifest) if d["kind"] == "Job")
    spec = job["spec"]["template"]["spec"]
    container = spec["containers"][0]
    print(f"name={job['metadata']['name']}-{index}.{spec['subdomain']}")
    for name, value in environment(container).items():
        if value is not None:
            print(f"export {name}={shlex.quote(value)}")
    # Kubernetes sets it in each pod of an indexed Job.
    print(f"export JOB_COMPLETION_INDEX={index}")
    print("arguments=(" + shlex.join(container.get("args", [])) + ")")
    return 0


if __name__ == "__main__":
    sys.exit({"check": check, "pod": pod}[sys.argv[1]](*sys.argv[2:]))
