// An event as it came over the wire, before the client library interprets it.

export interface RoomEvent {
  readonly id: string;
  readonly type: string;
  readonly sender: string;
  /** Milliseconds since the epoch, by the sender's server. */
  readonly at: number;
  readonly content: Readonly<Record<string, unknown>>;
  readonly stateKey?: string;
  /** The event a redaction redacts, in the old form and in that of room version 11. */
  readonly redacts?: string;
  readonly unsigned: Readonly<Record<string, unknown>>;
}

export interface WireEvent {
  event_id?: string;
  type?: string;
  sender?: string;
  origin_server_ts?: number;
  content?: object;
  state_key?: string;
  redacts?: string;
  unsigned?: object;
}

export function roomEvent(wire: WireEvent): RoomEvent {
  // Copied, because the client library later edits and prunes its own events in place.
  const content = structuredClone(wire.content ?? {}) as Record<string, unknown>;
  const redacts = wire.redacts ?? (wire.type === 'm.room.redaction' ? content['redacts'] : undefined);
  return {
    id: wire.event_id ?? '',
    type: wire.type ?? '',
    sender: wire.sender ?? '',
    at: wire.origin_server_ts ?? 0,
    content,
    ...(wire.state_key === undefined ? {} : { stateKey: wire.state_key }),
    ...(typeof redacts === 'string' ? { redacts } : {}),
    unsigned: structuredClone(wire.unsigned ?? {}) as Record<string, unknown>,
  };
}

/** One line for a failing test's message. */
export function summary(event: RoomEvent): string {
  const key = event.stateKey === undefined ? '' : ` [${event.stateKey}]`;
  return `${event.sender} ${event.type}${key} ${JSON.stringify(event.content)}`.slice(0, 300);
}
