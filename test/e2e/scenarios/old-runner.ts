/** A runner of another version: it proves its key as any other, and its hello says what it speaks. */
import type { Backend, Job, JobStatus } from "../../../src/index.ts"
import { BOOT_VARIABLE, decodeBoot } from "../../../src/shared/boot.ts"
import { dial } from "../../../src/transport/dial.ts"

type Ended = JobStatus & { state: "ended" }

export class Greeter {
  readonly backend: Backend
  /** With which code and words the parent closed its connection. */
  readonly closed: Promise<{ code: number; reason: string }>
  readonly #version: number
  #tell!: (how: { code: number; reason: string }) => void

  constructor(version: number) {
    this.#version = version
    this.closed = new Promise(resolve => {
      this.#tell = resolve
    })
    this.backend = {
      name: "local",
      network: "loopback",
      validate() {},
      submit: async spec => {
        const boot = decodeBoot(spec.secretEnv[BOOT_VARIABLE]!)
        void this.#greet(boot)
        return paperJob()
      },
      cancelSync() {},
    }
  }

  async #greet({ addresses, runnerId, key, tls }: ReturnType<typeof decodeBoot>): Promise<void> {
    const [at] = addresses
    const ws = await dial({ ...at!, kind: "control", identity: runnerId, key: Buffer.from(key, "base64"), tls })
    ws.on("error", () => {})
    ws.on("close", (code, reason) => this.#tell({ code, reason: reason.toString() }))
    ws.send(JSON.stringify({ t: "hello", v: this.#version, runnerId, jobId: "1", node: "n1", pid: 1 }))
  }
}

/** A job that runs nothing, until it is cancelled. */
function paperJob(): Job {
  let end!: (status: Ended) => void
  const over = new Promise<Ended>(resolve => {
    end = resolve
  })
  const job = {
    id: "paper",
    status: { state: "running" } as JobStatus,
    onStatus: () => () => {},
    ask: async () => job.status,
    attend() {},
    ended: () => over,
    async cancel() {
      const status: Ended = { state: "ended", outcome: "cancelled", evidence: {} }
      job.status = status
      end(status)
    },
    stderrTail: async () => "",
  }
  return job as Job
}
