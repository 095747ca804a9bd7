/**
 * The logs that runs left behind: a pool deletes those of its jobs that hold nothing, and one that was killed cannot. Owns the search
 * for them; knows nothing of records.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { type JobTag, parseTag } from "./flame-job.ts"
import { logDirectory, removeEmpty } from "./log-file.ts"

/** Deletes the logs of those jobs that hold nothing. Best effort: a log is never what something else depends on. */
export async function removeEmptyLogs(of: (tag: JobTag) => boolean): Promise<void> {
  const directory = logDirectory(process.env)
  const names = await readdir(directory).catch(() => []) // there is none, where users name their own
  const logs = names.filter(name => {
    const tag = parseTag(name.split(".")[0]!)
    return tag !== undefined && of(tag)
  })
  await Promise.all(logs.map(name => removeEmpty(join(directory, name)).catch(() => {})))
}
