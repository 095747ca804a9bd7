/**
 * Copies that the worker is making for `runner().keep()`, and that are nobody's when it dies meanwhile. Owns their deletion; never touches
 * a path that does not bear their name.
 */
import { basename } from "node:path"
import { PARTIAL } from "../partial-name.ts"
import { removeTree } from "../remove-tree.ts"

export class Partials {
  readonly #paths = new Set<string>()

  /** The worker begins one, or is done with it. */
  note({ path, done }: { path: string; done: boolean }): void {
    if (done) this.#paths.delete(path)
    else if (PARTIAL.test(basename(path))) this.#paths.add(path)
  }

  /** The worker is dead: deletes what it did not finish. Never rejects. */
  async clear(): Promise<void> {
    const paths = [...this.#paths]
    this.#paths.clear()
    for (const path of paths) {
      try {
        await removeTree(path)
      } catch (error) {
        process.stderr.write(
          `slurm-flame: ${path}, a copy that was cut, cannot be deleted: ${(error as Error).message}\n`,
        )
      }
    }
  }
}
