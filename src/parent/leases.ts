/** Who has which runner. Owns the leases of a pool; whether a runner may be given away is decided before it comes here. */
import type { CallDefaults } from "./call-options.ts"
import { Lease, type LeaseHost } from "./lease.ts"
import type { Runner } from "./pool-api.ts"
import type { PooledRunner } from "./pooled-runner.ts"
import type { ResumePolicy } from "./resume-policy.ts"

export interface LeasesHost extends Pick<LeaseHost, "resumption" | "goesOn"> {
  /** The runner is leased, or is not any more. */
  settle(runner: PooledRunner): void
  /** It may be given to others. */
  released(runner: PooledRunner): void
  terminate(runner: PooledRunner): Promise<void>
}

export class Leases<T> {
  readonly #leases = new Map<PooledRunner, Lease<T>>()
  readonly #defaults: CallDefaults
  readonly #host: LeasesHost

  constructor(defaults: CallDefaults, host: LeasesHost) {
    this.#defaults = defaults
    this.#host = host
  }

  /** The runner is somebody's alone from now on. @param resumable The same for all calls of the lease. */
  give(runner: PooledRunner, resumable?: ResumePolicy): Runner<T> {
    const lease: Lease<T> = new Lease<T>(runner, {
      ...this.#defaults,
      keyless: "a lease is one runner already",
      resumable,
      resumption: (operation, limits) => this.#host.resumption(operation, limits),
      goesOn: call => this.#host.goesOn(call),
      needless: "a lease is one runner already, with the time that it has",
      release: () => {
        if (this.#leases.get(runner) !== lease) return
        this.#leases.delete(runner)
        runner.leased = false
        this.#host.settle(runner)
        this.#host.released(runner)
      },
      terminate: async () => {
        if (this.#leases.get(runner) === lease) await this.#host.terminate(runner)
      },
    })
    runner.leased = true
    this.#leases.set(runner, lease)
    this.#host.settle(runner)
    return lease
  }

  /** What the runner held is lost, and with it the lease on it, if there is one. */
  end(runner: PooledRunner, why: string): void {
    const lease = this.#leases.get(runner)
    this.#leases.delete(runner)
    runner.leased = false
    runner.reserved = false
    this.#host.settle(runner)
    const reason = runner.state === "pending" ? "requeued" : "crashed"
    lease?.end(why, runner.state === "gone" ? runner.info : { ...runner.info, reason })
  }
}
