-- The table that the Collector's exporter "clickhouse" writes spans to. The columns are the exporter's.
CREATE DATABASE IF NOT EXISTS otel;

CREATE TABLE IF NOT EXISTS otel.otel_traces
(
    Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    ParentSpanId String CODEC(ZSTD(1)),
    TraceState String CODEC(ZSTD(1)),
    SpanName LowCardinality(String) CODEC(ZSTD(1)),
    SpanKind LowCardinality(String) CODEC(ZSTD(1)),
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion String CODEC(ZSTD(1)),
    SpanAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    Duration UInt64 CODEC(ZSTD(1)),
    StatusCode LowCardinality(String) CODEC(ZSTD(1)),
    StatusMessage String CODEC(ZSTD(1)),
    Events Nested
    (
        Timestamp DateTime64(9),
        Name LowCardinality(String),
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    Links Nested
    (
        TraceId String,
        SpanId String,
        TraceState String,
        Attributes Map(LowCardinality(String), String)
    ) CODEC(ZSTD(1)),
    -- One trace is found without a scan.
    INDEX by_trace TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
    INDEX by_duration Duration TYPE minmax GRANULARITY 1
)
ENGINE = MergeTree
PARTITION BY toDate(Timestamp)
ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))
TTL toDateTime(Timestamp) + INTERVAL 30 DAY
SETTINGS ttl_only_drop_parts = 1;

-- What the queries read: a row for each exchange, with the names of its attributes as columns. An exchange whose ends
-- are both on captured machines has two spans. Each query chooses one kind.
CREATE VIEW IF NOT EXISTS otel.exchanges AS
SELECT
    Timestamp AS time,
    TraceId AS trace,
    SpanKind AS kind,
    ServiceName AS service,
    SpanAttributes['http.request.method'] AS method,
    -- A client's span has the path with placeholders under another name.
    coalesce(nullIf(SpanAttributes['http.route'], ''), nullIf(SpanAttributes['url.template'], ''), SpanAttributes['url.path']) AS route,
    toUInt16OrNull(SpanAttributes['http.response.status_code']) AS status,
    SpanAttributes['error.type'] AS error,
    SpanAttributes['client.address'] AS client,
    SpanAttributes['server.address'] AS server,
    toUInt16OrNull(SpanAttributes['server.port']) AS port,
    Duration / 1e6 AS milliseconds
FROM otel.otel_traces
WHERE SpanAttributes['http.request.method'] != '';
