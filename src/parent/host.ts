/** Which address the parent listens on. Owns the order of preference; shared/address.ts knows what an address is. */
import { networkInterfaces } from "node:os"
import { addressesOf, checkAddress, describeInterfaces } from "../shared/address.ts"
import type { Backend } from "../shared/backend.ts"
import { HOST_VARIABLE } from "../shared/boot.ts"
import { HostError } from "../shared/errors.ts"

/** The InfiniBand interface's usual name. */
const FABRIC = "ib0"

/**
 * The address to listen on: `SLURM_FLAME_HOST`, else the interface the user named, else `ib0` where it exists, else the
 * host's own first address. Runners on this machine alone are served on loopback.
 * @throws HostError
 */
export function listenHost(backend: Backend, env: NodeJS.ProcessEnv = process.env): string {
  if (backend.network === "loopback") return "127.0.0.1"
  const configured = env[HOST_VARIABLE]
  if (configured !== undefined) return checkAddress(configured, HOST_VARIABLE)
  if (backend.interface !== undefined) {
    const [address] = addressesOf(backend.interface)
    if (address !== undefined) return address
    throw new HostError(`the interface "${backend.interface}" does not exist here, or has no address`, {
      hint: `this machine has: ${describeInterfaces()}`,
    })
  }
  const [address] = [...addressesOf(FABRIC), ...hostAddresses()]
  if (address !== undefined) return address
  throw new HostError("this machine has no address that another host could reach", {
    hint: `it has only: ${describeInterfaces()}; set ${HOST_VARIABLE} if one of them will do`,
  })
}

/** Addresses of real interfaces in the kernel's order: loopback and the bridges of containers are left out. */
function hostAddresses(): string[] {
  return Object.keys(networkInterfaces())
    .filter(name => !/^(lo|docker|virbr|br-|veth)/.test(name))
    .flatMap(addressesOf)
}
