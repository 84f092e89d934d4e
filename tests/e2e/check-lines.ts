/** `/federation check` as an administrator sees it, taken apart. */

import type { Instance, Room, Workspace } from '../workspace/index.ts';

/** The lines by their names, each with its mark and its remedy. */
export type Lines = ReadonlyMap<string, string>;

/** Asks for a check, on a server of one's choice, and waits for its end. */
export async function checkLines(workspace: Workspace, room: Room, on?: Instance): Promise<Lines> {
  const { admin } = workspace;
  const seen = admin.notices().length;
  await admin.command(room, '/federation check', on === undefined ? {} : { on });
  const text = await workspace.until(
    'the check to end',
    () => {
      const told = admin.notices().slice(seen);
      return told.find((notice) => notice.text.includes('*Settings*'))?.text;
    },
    { timeout: 45_000 },
  );
  const lines = text.split(/\n(?!➜)/).flatMap((line) => {
    const [, mark = '', name, rest = ''] = /^(\S+) \*([^*]+)\*: ([^]*)$/.exec(line) ?? [];
    return name === undefined ? [] : [[name, `${mark} ${rest}`] as const];
  });
  return new Map(lines);
}
