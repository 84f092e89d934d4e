/** Stands in for `@std/streams`: the one function the engine's runtime uses. */
export function toArrayBuffer(stream: ReadableStream<Uint8Array>): Promise<ArrayBuffer> {
  return new Response(stream).arrayBuffer();
}
