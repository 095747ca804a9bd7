/** When the supervisor looks after what dead runners left here, and what it says of it. The search itself is leftovers.ts. */
import { sweepLeftovers } from "../leftovers.ts"

/** The boot has the cores for itself: one that is waited for is dear, and the leftovers have lain there for long. */
const DELAY_MS = 2_000

/** Looks once, later, beside the work. A runner that ends before leaves it to the next. */
export function sweepLater(): void {
  setTimeout(() => void sweep(), DELAY_MS).unref()
}

async function sweep(): Promise<void> {
  const say = (text: string) => process.stderr.write(`slurm-flame: ${text}\n`)
  try {
    const { deleted, failed } = await sweepLeftovers()
    if (deleted.length > 0) say(`deleted what runners that were killed left here: ${deleted.join(", ")}`)
    for (const { path, error } of failed) say(`left over by a runner, and cannot be deleted: ${path}: ${error.message}`)
  } catch (error) {
    say(`cannot look for what dead runners left here: ${(error as Error).message}`)
  }
}
