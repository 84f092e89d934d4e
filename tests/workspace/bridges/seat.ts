/** What every bridge is built from: the engine's copy it extends, and the instance it acts at. */
import type { Engine } from '../engine/load.ts';
import type { Site } from '../site.ts';

export interface Seat {
  engine: Engine;
  site: Site;
}
