-- Slowest routes within the last hour.
SELECT
    method,
    route,
    count() AS exchanges,
    round(quantile(0.5)(milliseconds), 1) AS p50_ms,
    round(quantile(0.95)(milliseconds), 1) AS p95_ms,
    round(max(milliseconds), 1) AS max_ms
FROM otel.exchanges
WHERE kind = 'Server' AND time > now() - INTERVAL 1 HOUR
GROUP BY method, route
ORDER BY p95_ms DESC, route
LIMIT 20;

-- Bursts of errors: minutes in which at least 5 % of a server's exchanges failed, and at least five of them.
SELECT
    toStartOfMinute(time) AS minute,
    server,
    port,
    count() AS exchanges,
    countIf(error != '') AS errors,
    round(100 * errors / exchanges, 1) AS percent
FROM otel.exchanges
WHERE kind = 'Server' AND time > now() - INTERVAL 1 DAY
GROUP BY minute, server, port
HAVING errors >= 5 AND percent >= 5
ORDER BY minute, percent DESC, server, port;

-- Who talks to whom within the last day.
SELECT
    client,
    server,
    port,
    count() AS exchanges,
    countIf(error != '') AS errors,
    round(quantile(0.95)(milliseconds), 1) AS p95_ms
FROM otel.exchanges
WHERE kind = 'Server' AND time > now() - INTERVAL 1 DAY
GROUP BY client, server, port
ORDER BY exchanges DESC, client, server, port
LIMIT 50;
