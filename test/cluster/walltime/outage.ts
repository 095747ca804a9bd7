/**
 * A node that loses its power while several cases are in the middle of their work on it, once for all of them. Owns the moment and the end
 * of it; knows nothing of what runs there.
 */
import { cluster, type NodeName } from "../harness.ts"

export class Outage {
  readonly node: NodeName
  #entered = 0
  #ready = 0
  #recovered = 0
  #happened: ((value: Promise<void>) => void)[] = []

  constructor(node: NodeName) {
    this.node = node
  }

  /** For a case that has begun, before its first `await`: the power is not cut without it. */
  enter(): void {
    this.#entered++
  }

  /** For a case that is in the middle. Resolves when the power is off, which is when all who entered are. */
  ready(): Promise<void> {
    const off = new Promise<void>(resolve => this.#happened.push(resolve))
    if (++this.#ready === this.#entered) {
      const cut = must("fail", this.node, "power")
      for (const resolve of this.#happened) resolve(cut)
    }
    return off
  }

  /** For a case whose runners have been told to be lost. The last one mends the node. */
  async recovered(): Promise<void> {
    if (++this.#recovered === this.#entered) await must("heal", this.node)
  }
}

async function must(...args: string[]): Promise<void> {
  const { code, stdout, stderr } = await cluster(...args)
  if (code !== 0) throw new Error(`cluster.sh ${args.join(" ")} ended with code ${code}\n${stdout}${stderr}`)
}
