/** `slurm-flame/runner`: what user code may ask while it runs in a runner. Owns nothing; see shared/context.ts. */
export type { CallContext, RunnerContext, ShutdownEvent } from "../shared/context.ts"
export { callContext as currentCall, runnerContext as runner } from "../shared/context.ts"
export type { ProxyMarked } from "../shared/remote.ts"
export { proxy } from "../transport/proxy.ts"
export { transfer } from "../transport/transfer.ts"
export { type RegisteredType, registerClass, registerType } from "../transport/types-registry.ts"

import { inRunner } from "../shared/context.ts"

/** True when this module is loaded by a runner, false in the parent or anywhere else. */
export const isRunner: boolean = inRunner()
