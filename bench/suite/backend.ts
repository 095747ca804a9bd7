/** The backend that the options ask for. Owns how they become `local()` or `slurm()`. */
import { type Backend, local, slurm } from "slurm-flame"

export interface BackendOptions {
  readonly backend: "local" | "slurm"
  readonly slurmJob?: string
  readonly sbatch?: Readonly<Record<string, string | true>>
  /** The only node that will do; Slurm alone heeds it. */
  readonly node?: string
}

/** @throws OptionError what `slurm()` says of the options */
export function backendOf({ backend, slurmJob, sbatch = {}, node }: BackendOptions): Backend {
  if (backend === "local") return local()
  return slurm({
    ...(slurmJob === undefined ? {} : { slurmJob }),
    sbatch: { ...sbatch, ...(node === undefined ? {} : { nodelist: node }) },
  })
}
