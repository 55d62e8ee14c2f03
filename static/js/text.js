/** Bytes of UTF-8: what the chain counts. */
export const bytes = (text) => new TextEncoder().encode(text).length;
