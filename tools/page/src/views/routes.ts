// Routes: paths in which numbers, UUIDs and hashes are placeholders, as src/sockfilter/statistics/routes.py finds them.

import type { Row } from "../rows.ts";
import { split } from "../targets.ts";

const UUID = "[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}";
const NUMBER = "[+-]?\\d+(?:\\.\\d+)?";
const HASH = "(?=[0-9a-fA-F]*\\d)[0-9a-fA-F]{7,128}";
const TOKEN = "(?=[\\w~-]*\\d)(?=[\\w~-]*[A-Z])[\\w~-]{16,256}";
const SEGMENT = new RegExp(`(?<=/)(?:(${UUID})|(${NUMBER})|(${HASH}|${TOKEN}))(?=[/:]|$)`, "g");
const PATH_MAX = 512;

export function routeOf(row: Row): string {
  if (row.call?.name) return row.call.name;
  if (!row.hasRequest) return "(not seen)";
  const { authority, path } = split(row.target);
  return `${row.method} ${(path || authority || "/").slice(0, PATH_MAX).replace(SEGMENT, (_, uuid, number) => (uuid ? "{uuid}" : number ? "{id}" : "{hash}"))}`;
}
