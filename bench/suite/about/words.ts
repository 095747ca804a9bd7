/** A machine and its network in a line, for the head of tables. Owns the wording; knows nothing of how it was found out. */
import type { InterfaceAbout, NodeAbout } from "../report.ts"

/** `n1 (runner): 2 cores of Xeon …, 7946 MiB, Linux 6.18, Node v20.20.2, governor powersave, load 0.3; 10.1.0.1 on ib0: …` */
export function nodeWords(node: NodeAbout): string {
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
  return `${name} (${role}): ${machine.join(", ")}; ${at}`
}

/** `ib0 (InfiniBand, 100 Gb/sec (4X EDR), mlx5_core, datagram, MTU 2044)` */
export function interfaceWords({ name, mtu, speedMbit, driver, kind, ipoibMode, ibRate }: InterfaceAbout): string {
  const rate = ibRate ?? (speedMbit === undefined ? undefined : `${speedMbit} Mbit/s`)
  const words = [kind === "infiniband" ? "InfiniBand" : kind, rate, driver, ipoibMode, `MTU ${mtu}`]
  return `${name} (${words.filter(word => word !== undefined).join(", ")})`
}
