/** Stands in for `@std/io`: the one function the engine's runtime uses, without reaching its registry. */
type Writer = { write(part: Uint8Array): Promise<number> };

export async function writeAll(writer: Writer, data: Uint8Array): Promise<void> {
  for (let at = 0; at < data.length;) at += await writer.write(data.subarray(at));
}
