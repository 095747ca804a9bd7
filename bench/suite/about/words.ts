/** A machine and its network in words, for the head of tables. Owns the wording; knows nothing of how it was found out. */
import type { InterfaceAbout, NodeAbout } from "../report.ts"

/** `runner n1: 8 cores of Some CPU, 4000 MiB, kernel 6.1.0, Node v20.12.0, governor powersave, load 0.1` and `  10.1.0.7 on ib0 (…)`. */
export function nodeLines(node: NodeAbout): string[] {
  const { name, role, cores, cpu, memoryMiB, kernel, governor, load, address } = node
  const machine = [
    `${cores} ${cores === 1 ? "core" : "cores"} of ${cpu}`,
    `${memoryMiB} MiB`,
    `kernel ${kernel}`,
    `Node ${node.node}`,
    ...(governor === undefined ? [] : [`governor ${governor}`]),
    `load ${load.toFixed(1)}`,
  ]
  const at = node.interface === undefined ? address : `${address} on ${interfaceWords(node.interface)}`
  return [`${role} ${name}: ${machine.join(", ")}`, `  ${at}`]
}

/** `ib0 (InfiniBand, 100 Gb/sec (4X EDR), mlx5_core, datagram, MTU 2044)` */
export function interfaceWords({ name, mtu, speedMbit, driver, kind, ipoibMode, ibRate }: InterfaceAbout): string {
  const rate = ibRate ?? (speedMbit === undefined ? undefined : `${speedMbit} Mbit/s`)
  const words = [kind === "infiniband" ? "InfiniBand" : kind, rate, driver, ipoibMode, `MTU ${mtu}`]
  return `${name} (${words.filter(word => word !== undefined).join(", ")})`
}
