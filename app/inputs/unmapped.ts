/** Fields of Rocket.Chat's own records which the engine's definitions do not name. */

/** The raw fields that came along without a mapping; an empty record where there are none. */
export function unmapped(record: object): Record<string, unknown> {
  return '_unmappedProperties_' in record ? fields(record._unmappedProperties_) : {};
}

/** The fields of a value that may be an object. */
export function fields(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

/** A value that is a text, else nothing. */
export function text(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** A point in time in milliseconds; dates cross to the App as `Date` or, by way of JSON, as text. */
export function milliseconds(time: unknown): number | null {
  if (!(time instanceof Date) && typeof time !== 'string' && typeof time !== 'number') return null;
  const at = new Date(time).getTime();
  return Number.isNaN(at) ? null : at;
}
