// What is wrong with a filter, and where.

export class Fault extends Error {
  constructor(
    words: string,
    readonly start: number | null = null,
    readonly end = 0,
  ) {
    super(words);
  }
}
