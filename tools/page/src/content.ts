// The bytes of a content, and back.

import type { Content } from "./lines.ts";

const encoder = new TextEncoder();

export function bytesOfContent(content: Content): Uint8Array<ArrayBuffer> {
  if (content.text !== undefined) return encoder.encode(content.text) as Uint8Array<ArrayBuffer>;
  return content.base64 === undefined ? new Uint8Array(0) : fromBase64(content.base64);
}

export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  const letters = atob(text);
  const bytes = new Uint8Array(letters.length);
  for (let at = 0; at < letters.length; at++) bytes[at] = letters.charCodeAt(at);
  return bytes;
}

/** Whether all bytes of the content were kept. */
export function isWhole(content: Content): boolean {
  return content.kept === undefined && (content.text !== undefined || content.base64 !== undefined || !(content.len ?? content.wire_len));
}

async function through(bytes: Uint8Array<ArrayBuffer>, stream: ReadableWritablePair): Promise<Response> {
  return new Response(new Blob([bytes]).stream().pipeThrough(stream));
}

/** Inflates what zlib.compress() of Python, or deflated() has made. */
export async function inflated(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return (await through(bytes, new DecompressionStream("deflate"))).text();
}

export async function deflated(text: string): Promise<Uint8Array<ArrayBuffer>> {
  const made = await through(encoder.encode(text) as Uint8Array<ArrayBuffer>, new CompressionStream("deflate"));
  return new Uint8Array(await made.arrayBuffer());
}
