// The tree of a filter.

import type { FieldDescription } from "./description.ts";

export const EACH = Symbol("*");
export type Part = string | number | typeof EACH;

export interface Name {
  field: FieldDescription;
  key: string | null; // header.NAME, query.NAME
  path: Part[]; // json.PATH
  text: string; // as written
}

export class Between {
  constructor(
    readonly first: number,
    readonly last: number,
  ) {}
}

export interface Network {
  bytes: number[]; // of the address
  bits: number; // of the mask
  isSingle: boolean; // an address, which is compared as text
  text: string;
}

export type Value = string | number | boolean | null | Between | Network;

export interface Comparison {
  type: "comparison";
  name: Name;
  operator: string; // "": the field alone
  values: Value[];
}

export interface Not {
  type: "not";
  part: Node;
}

export interface Several {
  type: "all" | "any";
  parts: Node[];
}

export type Node = Comparison | Not | Several;

export function* comparisons(node: Node): Generator<Comparison> {
  if (node.type === "comparison") yield node;
  else for (const part of node.type === "not" ? [node.part] : node.parts) yield* comparisons(part);
}

export function depth(node: Node): number {
  if (node.type === "comparison") return 1;
  return 1 + Math.max(...(node.type === "not" ? [node.part] : node.parts).map(depth));
}
