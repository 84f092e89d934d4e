/** Documents in the workspace's database: inserted, found, removed, never changed. */

import type { IPersistenceRead } from '@rocket.chat/apps-engine/definition/accessors';
import {
  RocketChatAssociationModel,
  RocketChatAssociationRecord,
} from '@rocket.chat/apps-engine/definition/metadata/RocketChatAssociations.js';

import { fields, text } from '../inputs/unmapped.ts';
import type { Document } from '../protocol.ts';
import type { Storing } from './accessors.ts';

/** A server that deletes one record a call must not be asked for ever. */
const mostRounds = 1000;

export class Store {
  constructor(
    private readonly reader: () => IPersistenceRead,
    private readonly writer: () => Promise<Storing>,
  ) {}

  async bodies(name: string): Promise<string[]> {
    const found = await this.reader().readByAssociation(association(name));
    return found.map((data) => text(fields(data).body)).filter((body) => body !== null);
  }

  async insert({ id, associations, body }: Document): Promise<void> {
    const { persistence } = await this.writer();
    const made: unknown = await persistence.createWithAssociations(
      { body },
      [id, ...associations].map(association),
    );
    if (typeof made !== 'string') throw new Error('the workspace does not let the App store documents');
  }

  /** Older servers find all records of an association and delete only the first. */
  async remove(id: string): Promise<void> {
    const { persistence } = await this.writer();
    for (let round = 0; round < mostRounds; round++) {
      const removed: unknown = await persistence.removeByAssociation(association(id));
      if (!Array.isArray(removed) || removed.length <= 1) return;
    }
  }
}

function association(name: string): RocketChatAssociationRecord {
  return new RocketChatAssociationRecord(RocketChatAssociationModel.MISC, name);
}
