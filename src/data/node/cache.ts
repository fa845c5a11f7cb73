import { homedir } from "node:os";
import { join } from "node:path";

/** `$QUICKSTUDY_CACHE`, else `$XDG_CACHE_HOME/quickstudy`, else `~/.cache/quickstudy`. */
export function defaultCacheFolder(): string {
  const { QUICKSTUDY_CACHE, XDG_CACHE_HOME } = process.env;
  return QUICKSTUDY_CACHE || join(XDG_CACHE_HOME || join(homedir(), ".cache"), "quickstudy");
}
