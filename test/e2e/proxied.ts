/** The local backend behind a bad network: each runner reaches its parent through a proxy of its own. */
import { local } from "../../src/index.ts"
import type { Backend, Job, RunnerSpec } from "../../src/shared/backend.ts"
import { BOOT_VARIABLE, type BootConfig, decodeBoot, encodeBoot } from "../../src/shared/boot.ts"
import { LossyProxy } from "../transport/lossy-proxy.ts"

export class ProxiedBackend implements Backend {
  readonly name = "proxied"
  readonly network: "loopback" | "fabric"
  /** By the order of submission. */
  readonly proxies: LossyProxy[] = []
  /** What the runners were told, as the pool wrote it. */
  readonly boots: BootConfig[] = []
  /** Called with each before its runner starts. */
  onProxy: (proxy: LossyProxy) => void = () => {}
  readonly #inner: Backend = local({ killWait: "1s" })

  /** @param network What the pool is to think of it: runners of this host, or of others. */
  constructor(network: "loopback" | "fabric" = "loopback") {
    this.network = network
  }

  get proxy(): LossyProxy {
    return this.proxies.at(-1)!
  }

  validate(): void {
    this.#inner.validate()
  }

  async submit(spec: RunnerSpec, signal: AbortSignal): Promise<Job> {
    const boot = decodeBoot(spec.secretEnv[BOOT_VARIABLE])
    const proxy = await LossyProxy.open(boot.addresses[0]!.port)
    this.proxies.push(proxy)
    this.onProxy(proxy)
    this.boots.push(boot)
    const secretEnv = {
      ...spec.secretEnv,
      [BOOT_VARIABLE]: encodeBoot({ ...boot, addresses: [{ host: "127.0.0.1", port: proxy.port }] }),
    }
    return await this.#inner.submit({ ...spec, secretEnv }, signal)
  }

  cancelSync(jobs: readonly Job[]): void {
    this.#inner.cancelSync(jobs)
  }

  close(): void {
    for (const proxy of this.proxies) proxy.close()
  }
}
