/** The workspace in a box: what tests and the demo use. */
export { Workspace, type LogLine, type RoomOptions, type WorkspaceOptions } from './workspace.ts';
export { Instance, type InstanceOptions } from './instance.ts';
export { InstalledApp, type InstallOptions } from './apps.ts';
export { Person, type At, type PersonOptions } from './person.ts';
export { Room } from './room.ts';
export type { Message } from './view.ts';
export type { Hook } from './hooks.ts';
export type { Notice, Typing } from './notices.ts';
export type { RuntimeName } from './engine/paths.ts';
export { prepareEngine } from './engine/prepare.ts';
export { MeteorError } from './failure.ts';
