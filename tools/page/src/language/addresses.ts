// Addresses and networks of IPv4 and IPv6, as Python's ipaddress reads them.

import type { Network } from "./tree.ts";

/** The bytes of an address. null: it is none. */
export function bytesOf(text: string): number[] | null {
  return text.includes(":") ? ofV6(text) : ofV4(text);
}

function ofV4(text: string): number[] | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  // a leading zero may mean an octal number to others
  const isGood = parts.every((part) => /^(0|[1-9][0-9]{0,2})$/.test(part) && Number(part) < 256);
  return isGood ? parts.map(Number) : null;
}

function ofV6(text: string): number[] | null {
  const [address = "", scope, more] = text.split("%");
  if (more !== undefined || scope === "") return null;
  const halves = address.split("::");
  if (halves.length > 2) return null;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const last = groups[groups.length - 1]!;
  const inside = last.length && last[last.length - 1]!.includes(".") ? ofV4(last.pop()!) : [];
  if (inside === null) return null;
  if (inside.length) last.push(...[0, 2].map((at) => ((inside[at]! << 8) | inside[at + 1]!).toString(16)));
  const count = groups.reduce((sum, each) => sum + each.length, 0);
  if (halves.length === 2 ? count > 7 : count !== 8) return null;
  const zeros = Array<string>(8 - count).fill("0");
  const all = halves.length === 2 ? [...groups[0]!, ...zeros, ...groups[1]!] : groups[0]!;
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return null;
  return all.flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 255]);
}

/** An address or a network as a filter has it. null: it is none. */
export function networkOf(text: string): Network | null {
  const [address = "", mask, more] = text.split("/");
  const bytes = bytesOf(address);
  if (bytes === null || more !== undefined) return null;
  const most = bytes.length * 8;
  if (mask === undefined) return { bytes, bits: most, isSingle: true, text: written(bytes, address) };
  const bits = bitsOf(mask, bytes.length === 4);
  return bits === null || bits > most ? null : { bytes, bits, isSingle: false, text };
}

function bitsOf(mask: string, isV4: boolean): number | null {
  if (/^[0-9]{1,10}$/.test(mask)) return Number(mask);
  const bytes = isV4 ? ofV4(mask) : null;
  if (bytes === null) return null;
  const bits = bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("");
  const found = /^(1*)0*$/.exec(bits) ?? /^(0*)1*$/.exec(bits); // a netmask, or a host mask
  return found ? found[1]!.length : null;
}

export function isWithin(address: string, network: Network): boolean {
  const bytes = bytesOf(address);
  if (bytes === null || bytes.length !== network.bytes.length) return false;
  let left = network.bits;
  for (let at = 0; left > 0; at++, left -= 8) {
    const mask = left >= 8 ? 255 : (255 << (8 - left)) & 255;
    if ((bytes[at]! & mask) !== (network.bytes[at]! & mask)) return false;
  }
  return true;
}

/** The text of an address, in the usual form (RFC 5952), as sockfilter writes it. */
function written(bytes: number[], source: string): string {
  if (bytes.length === 4) return bytes.join(".");
  const groups = [0, 2, 4, 6, 8, 10, 12, 14].map((at) => ((bytes[at]! << 8) | bytes[at + 1]!).toString(16));
  const runs = [...groups.join(":").matchAll(/(?<![0-9a-f])0(?::0)+(?![0-9a-f])/g)];
  const longest = runs.reduce((best, run) => (run[0].length > best.length ? run[0] : best), "");
  const scope = source.includes("%") ? source.slice(source.indexOf("%")) : "";
  if (!longest) return groups.join(":") + scope;
  const at = runs.find((run) => run[0] === longest)!.index;
  const text = groups.join(":");
  const before = text.slice(0, at).replace(/:$/, "");
  const after = text.slice(at + longest.length).replace(/^:/, "");
  return `${before}::${after}${scope}`;
}
