"""What schemathesis does not know by itself: newline-delimited JSON, and versions as entity tags."""

import json

import schemathesis
from hypothesis import strategies

schemathesis.openapi.format("version-tag", strategies.sampled_from(["*", '"v1"', '"v2"', '"v30"']))


@schemathesis.serializer("application/x-ndjson")
def ndjson(ctx, value):
    """One line of a batch, or several."""
    lines = value if isinstance(value, list) else [value]
    return "\n".join(json.dumps(line) for line in lines).encode()


@schemathesis.deserializer("application/x-ndjson")
def results(ctx, response):
    """The results of a batch. The description is of one of them: the last."""
    lines = [line for line in response.content.splitlines() if line.strip()]
    return json.loads(lines[-1]) if lines else None
