// The fields of the filter language, as sockfilter describes them in the page.

export interface FieldDescription {
  condition: string; // request_header
  name: string; // request.header
  kind: string; // text, method, path, folded, whole, seconds, bytes, flag, address, any, one
  many: boolean;
  keys: "" | "name" | "path";
  article: string; // "a status of gRPC": what a value of the kind "one" is
  words: string[]; // the values of the kind "one"
  numbers: boolean; // whether the kind "one" has numbers too
  ofMessage: boolean; // whether only messages have it
}

export interface Description {
  fields: FieldDescription[];
  names: Record<string, string>; // conditions by all their names
  instead: Record<string, string>; // names of other programs that have no equivalent
  groups: string[];
  ofConnection: string[]; // conditions that need the connection alone
  messageFields: FieldDescription[]; // those that messages have in place of the exchange's
  problems: Record<string, string>;
}
