/**
 * Rocket.Chat's way between its documents and the Apps' objects: named fields are carried over, and
 * whatever no name covers arrives in `_unmappedProperties_`.
 */
export type Raw = Record<string, unknown>;
type Source = string | ((raw: Raw) => unknown);

export async function mapped(
  data: Raw,
  names: Record<string, Source>,
): Promise<Raw & { _unmappedProperties_: Raw }> {
  const rest = structuredClone(data);
  const result: Raw = {};
  for (const [to, from] of Object.entries(names)) {
    const value: unknown = typeof from === 'string' ? rest[from] : await from(rest);
    if (value !== undefined) result[to] = value;
    if (typeof from === 'string') Reflect.deleteProperty(rest, from);
  }
  return { ...result, _unmappedProperties_: rest };
}

/** Takes fields out, so they do not count as unmapped. */
export function take(raw: Raw, ...fields: string[]): unknown[] {
  return fields.map((field) => {
    const value = raw[field];
    Reflect.deleteProperty(raw, field);
    return value;
  });
}

export function withoutEmpty(data: Raw): Raw {
  return Object.fromEntries(
    Object.entries(data).filter(([, value]) => value !== undefined && value !== null),
  );
}
