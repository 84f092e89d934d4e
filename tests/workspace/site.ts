/** Where something happens: one server instance, with its own connection and its own Apps to tell. */
import type { Connection } from './database.ts';
import type { Hooks } from './hooks.ts';
import type { Workspace } from './workspace.ts';

export interface Site {
  readonly ws: Workspace;
  readonly db: Connection;
  readonly hooks: Hooks;
  /** A folder for what passes through. */
  readonly temp: string;
}
