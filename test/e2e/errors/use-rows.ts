/** A machine that is not set up, and things used when they are over. */
import { slurm } from "slurm-flame"
import { vi } from "vitest"
import { ABORTED, CLOSED, HERE, HOST, pool, RELEASED, type Row, slurmPool, train } from "./broken.ts"

/** By what is wrong. */
export const useRows: Record<string, Row[]> = {
  "Slurm and the network": [
    {
      mistake: "there is no sbatch",
      make: () => train(slurmPool("127.0.0.1")),
      error: "SlurmCommandError",
      code: "ERR_FLAME_SLURM_COMMAND",
      says: /sbatch.*PATH/,
      todo: /login node\?.*slurm module.*local\(\)/,
    },
    {
      mistake: "there is no sbatch for a lease",
      make: () => slurmPool("127.0.0.1").spawn(),
      error: "SlurmCommandError",
      code: "ERR_FLAME_SLURM_COMMAND",
      says: /sbatch.*PATH/,
      todo: /login node\?.*slurm module.*local\(\)/,
    },
    {
      mistake: "SLURM_FLAME_HOST is empty",
      make: () => train(slurmPool("")),
      ...HOST,
      says: /^SLURM_FLAME_HOST is empty/,
      todo: /it has these interfaces: .*lo 127\.0\.0\.1/,
    },
    {
      mistake: "SLURM_FLAME_HOST has two lines, neither of this machine",
      make: () => train(slurmPool("203.0.113.8\n203.0.113.9")),
      ...HOST,
      says: /^SLURM_FLAME_HOST names 203\.0\.113\.8, 203\.0\.113\.9: not of this machine/,
      todo: /^it has: .*127\.0\.0\.1/,
    },
    {
      mistake: "SLURM_FLAME_HOST is a name",
      make: () => train(slurmPool("ib0")),
      ...HOST,
      says: /^SLURM_FLAME_HOST is not an IP address: "ib0"/,
      todo: /address of an interface, not a name/,
    },
    {
      mistake: "SLURM_FLAME_HOST has the network's length",
      make: () => train(slurmPool("10.0.0.1/24")),
      ...HOST,
      says: /not an IP address: "10\.0\.0\.1\/24"/,
      todo: /10\.0\.0\.1 \(`cut -d\/ -f1` leaves out/,
    },
    {
      mistake: "SLURM_FLAME_HOST is another machine's",
      make: () => slurmPool("203.0.113.9", { min: 1 }).ready(),
      ...HOST,
      says: /^SLURM_FLAME_HOST is 203\.0\.113\.9, which is not an address of this machine/,
      todo: /it has: /,
    },
    {
      mistake: "the interface is not there",
      make: () => {
        vi.stubEnv("SLURM_FLAME_HOST", undefined)
        return train(pool("train.ts", { backend: slurm({ interface: "ib77" }) }))
      },
      ...HOST,
      says: /the interface "ib77" does not exist here/,
      todo: /this machine has: /,
    },
  ],
  "what is over": [
    {
      mistake: "a call to a closed pool",
      make: async () => {
        const made = pool()
        await made.close()
        await made.api.train(1)
      },
      ...CLOSED,
      says: /train: the pool "train" is closed/,
      todo: /make another one with createPool\(\)/,
      shows: HERE,
    },
    {
      mistake: "spawn() of a closed pool",
      make: async () => {
        const made = pool()
        await made.close()
        await made.spawn()
      },
      ...CLOSED,
      says: /spawn\(\): the pool "train" is closed/,
      todo: /make another one/,
    },
    {
      mistake: "a call through a lease that was given back",
      make: async () => {
        const runner = await pool().spawn()
        await runner.release()
        await runner.closed
        await runner.api.train(1)
      },
      ...RELEASED,
      says: /train: the lease on runner train-\S+ is over, it was released/,
      todo: /spawn\(\) another one/,
      shows: HERE,
    },
    {
      mistake: "the port of a lease that was given back",
      make: async () => {
        const runner = await pool().spawn()
        await runner.release()
        return runner.endpoint
      },
      ...RELEASED,
      says: /endpoint: the lease on runner/,
      todo: /spawn\(\) another one/,
    },
    {
      mistake: "a call with an aborted signal",
      make: () =>
        pool()
          .with({ signal: AbortSignal.abort(new Error("no need")) })
          .train(1),
      ...ABORTED,
      says: /^train was aborted by its signal \(it had not started\)$/,
      todo: /^$/, // nothing: it is what the caller wanted
      shows: /no need/,
    },
    {
      mistake: "a held call with an aborted signal",
      make: () => pool().call(api => api.train(1), { signal: AbortSignal.abort() }),
      ...ABORTED,
      says: /^pool\.call was aborted/,
      todo: /^$/,
    },
    {
      mistake: "spawn() with an aborted signal",
      make: () => pool().spawn({ signal: AbortSignal.abort() }),
      ...ABORTED,
      says: /^spawn\(\) was aborted/,
      todo: /^$/,
    },
  ],
}
