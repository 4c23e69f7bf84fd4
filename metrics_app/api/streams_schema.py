"""The event streams in the OpenAPI schema: they live beside Django, where the generator does not look."""

EVENT_STREAM = {"text/event-stream": {"schema": {"type": "string"}}}
ERRORS = {"application/json": {"schema": {"$ref": "#/components/schemas/Errors"}}}
TOPICS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 200}
TEXT, RATE = {"type": "string"}, {"type": "number", "minimum": 0, "exclusiveMinimum": True}
QUERY = {
    "topic": (TOPICS, "Topics or patterns such as `complaint.*`.", True),
    "since": (
        TEXT,
        "Start at this time: milliseconds, ISO 8601, or seconds before now such as `-3600`.",
        False,
    ),
    "max_rate": (RATE, "Events a second and topic; what is faster is merged.", False),
    "position": (TEXT, "The last id one has, where the header `Last-Event-ID` cannot be sent.", False),
    "lastEventId": (TEXT, "The same, as some clients name it; counts more than `position`.", False),
}
TICKET = {
    "ticket": (TEXT, "From `POST /api/v1/stream-tickets/`, in place of the key; once, within 30 s.", False)
}
SESSION = {"cookieAuth": []}
ANSWERS = {
    "200": "Points; `event: reset`, `omitted` (topics beyond 200), `not_allowed`, `state`, `heartbeat`, "
    "`end` (of a long response: go on at once); "
    "`unavailable` and the end where others answer 429 or 503, and from a server that stops.",
    "204": "The key was revoked: stop.",
    "400": "Bad input.",
    "401": "No key, or one that is not known.",
    "403": "Not for this key, or not from this web origin.",
}


def add_streams(result, generator, request, public):
    """A postprocessing hook of drf-spectacular: the schema with the two streams."""
    streams = {
        "/metrics/stream": ("follow_stream", "Points as they come (Server-Sent Events)", QUERY, SESSION),
        # A ticket in the address is a credential too: then no header is asked for.
        "/mkt/metrics/stream": ("follow_partner_stream", "The same for partners", QUERY | TICKET, {}),
    }
    for path, parts in streams.items():
        result["paths"][path] = {"get": describe_stream(*parts)}
    return result


def describe_stream(name, summary, query, besides):
    """One operation."""
    parameters = [
        {"name": one, "in": "query", "schema": schema, "description": text, "required": required}
        for one, (schema, text, required) in query.items()
    ]
    responses = {status: {"description": text} for status, text in ANSWERS.items()}
    responses["200"]["content"] = EVENT_STREAM
    for status in ("400", "401", "403"):
        responses[status]["content"] = ERRORS
    return {
        "operationId": name,
        "summary": summary,
        "parameters": parameters,
        "security": [{"bearerKey": []}, {"basicKey": []}, {"headerKey": []}, besides],
        "tags": ["streams"],
        "responses": responses,
    }
