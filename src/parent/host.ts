/** Which addresses the parent listens on. Owns the order of preference; shared/address.ts knows what an address is. */
import { networkInterfaces } from "node:os"
import { addressesOf, checkAddresses, describeInterfaces, type OwnAddresses } from "../shared/address.ts"
import type { Backend } from "../shared/backend.ts"
import { HOST_VARIABLE } from "../shared/boot.ts"
import { HostError } from "../shared/errors.ts"

/** The InfiniBand interface's usual name. */
const FABRIC = "ib0"

/**
 * The addresses to listen on, in the order in which runners are to try them: those of `SLURM_FLAME_HOST`, else one of each interface
 * the user named, else that of `ib0` where it exists, else the host's own first address. Nobody who named none gets more than
 * one: each is a port open to one more network. Runners on this machine alone are served on loopback.
 * @throws HostError
 */
export function listenHosts(backend: Backend, env: NodeJS.ProcessEnv = process.env): OwnAddresses {
  if (backend.network === "loopback") return { addresses: ["127.0.0.1"], missing: [] }
  const configured = env[HOST_VARIABLE]
  if (configured !== undefined) return checkAddresses(configured, HOST_VARIABLE)
  if (backend.interface !== undefined) return addressesOfAll([backend.interface].flat())
  const [address] = [...addressesOf(FABRIC), ...hostAddresses()]
  if (address !== undefined) return { addresses: [address], missing: [] }
  throw new HostError("this machine has no address that another host could reach", {
    hint: `it has only: ${describeInterfaces()}; set ${HOST_VARIABLE} if one of them will do`,
  })
}

/** The first address of each; an interface without one is left out, as long as another has one. */
function addressesOfAll(names: readonly string[]): OwnAddresses {
  const found = names.map(name => ({ name, address: addressesOf(name)[0] }))
  const missing = found.flatMap(({ name, address }) => (address === undefined ? [absent(name)] : []))
  const [first] = missing
  if (missing.length === names.length && first) throw first
  const addresses = found.flatMap(({ address }) => (address === undefined ? [] : [address]))
  return { addresses: [...new Set(addresses)], missing }
}

function absent(name: string): HostError {
  return new HostError(`the interface "${name}" does not exist here, or has no address`, {
    hint: `this machine has: ${describeInterfaces()}`,
  })
}

/** Addresses of real interfaces in the kernel's order: loopback and the bridges of containers are left out. */
function hostAddresses(): string[] {
  return Object.keys(networkInterfaces())
    .filter(name => !/^(lo|docker|virbr|br-|veth)/.test(name))
    .flatMap(addressesOf)
}
