/** What needs a file system, threads or a fine clock: the entry `quickstudy/node`, for Node, Deno and Bun. */
export { type Profile, type ProfileOptions, type ProfileRow, profile } from "./core/profile.ts";
export { type DownloadOptions, type DownloadRequest, download } from "./data/node/download.ts";
export { file } from "./data/node/files.ts";
export type { FolderOptions } from "./data/node/folder.ts";
export { type ImageFolderOptions, readImageFolder } from "./data/node/image-folder.ts";
export { loadOmniglot, loadOmniglotImages, type OmniglotOptions } from "./data/node/omniglot.ts";
export { readSoundFolder } from "./data/node/sound-folder.ts";
export { workers } from "./executors/node-workers.ts";
export { fileStore } from "./train/file-store.ts";
export { hashParameters } from "./train/hash-parameters.ts";
export { profileTask, type TaskProfile, type TaskProfileOptions } from "./train/profile-task.ts";
