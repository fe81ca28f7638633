# mutations.py SCHEMA DOCUMENT: changes a contract in one place, in every way below, and prints those contracts that the
# JSON schema refuses, as rows for COPY (FORMAT csv): what was changed, where, the contract as JSON.
#
# Another scalar in place of a text is not among them: it is read as text, whatever the schema says.
import copy
import csv
import json
import sys

import jsonschema
import yaml


def places(node, path=()):
    """All paths below a node."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield path + (key,)
        yield from places(value, path + (key,))


def changed(document, path, change):
    """A copy in which what holds the last step of the path was changed."""
    document = copy.deepcopy(document)
    node = document
    for key in path[:-1]:
        node = node[key]
    change(node, path[-1])
    return document


def drop(node, key):
    del node[key]


def misspell(node, key):
    items = list(node.items())
    node.clear()
    node.update((key[:-1] + ("x" if name[-1] != "x" else "z") if name == key else name, value) for name, value in items)


def add(node, _):
    node["surprise"] = 1


def put(value):
    def change(node, key):
        node[key] = value

    return change


def wrong_values(value):
    """Values of other types."""
    if isinstance(value, str):
        return [[], {}, None, "no such word"]
    return [other for other in ("x", "", True, 5, 1.5, -7, None, [], ["x"], [[1], [1]], {}, {"a": 1}) if other != value]


def mutations(document):
    for path in places(document):
        node = document
        for key in path:
            node = node[key]
        yield "drop", path, changed(document, path, drop)
        if isinstance(path[-1], str):
            yield "misspell", path, changed(document, path, misspell)
            yield "add", path, changed(document, path, add)
        for value in wrong_values(node):
            yield "put " + json.dumps(value), path, changed(document, path, put(value))


def main():
    with open(sys.argv[1]) as file:
        validator = jsonschema.Draft201909Validator(json.load(file))
    with open(sys.argv[2]) as file:
        document = yaml.safe_load(file)
    if not validator.is_valid(document):
        sys.exit("the schema refuses the document as it is")
    out = csv.writer(sys.stdout)
    seen = set()
    for what, path, mutation in mutations(document):
        text = json.dumps(mutation)
        if text not in seen and not validator.is_valid(mutation):
            out.writerow([what, ".".join(map(str, path)), text])
        seen.add(text)


main()
