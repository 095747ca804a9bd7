/** Where it was measured: the table of nodes, and what holds for all of them. What is not known is left out. */

import { digits } from "../quantity.ts"
import type { About, NodeAbout } from "../report.ts"
import { type Content, Markup, type Row, table } from "./elements.ts"

/** A column for each node, since there are few of them and many facts. */
export function environment(about: About): Markup {
  const facts: [string, (node: NodeAbout) => string | undefined][] = [
    ["role", node => node.role],
    ["CPU", node => `${node.cores} × ${node.cpu}`],
    ["memory", node => `${digits(node.memoryMiB / 1024)} GiB`],
    ["kernel", node => node.kernel],
    ["Node", node => node.node],
    ["frequency governor", node => node.governor],
    ["load before", node => digits(node.load)],
    ["address in use", node => node.address],
    ["interface", ({ interface: at }) => at && `${at.name} (${at.kind}${at.driver ? `, driver ${at.driver}` : ""})`],
    ["InfiniBand port", ({ interface: at }) => at?.ibRate],
    ["IPoIB mode", ({ interface: at }) => at?.ipoibMode],
    ["speed", ({ interface: at }) => (at?.speedMbit === undefined ? undefined : `${digits(at.speedMbit)} Mbit/s`)],
    ["MTU", ({ interface: at }) => (at === undefined ? undefined : `${digits(at.mtu)} B`)],
  ]
  const rows = facts.flatMap(([title, of]): Row[] => {
    const cells = about.nodes.map(node => of(node))
    return cells.every(cell => cell === undefined) ? [] : [{ cells: [title, ...cells.map(cell => cell ?? "–")] }]
  })
  const general: Row[] = [
    ["slurm-flame", about.version],
    ["backend", about.backend === "slurm" ? "Slurm" : "local: processes of one machine"],
    ["Slurm", about.slurm],
    ["TLS", about.tls ? "on (1.3, pre-shared key), but for the subject that says no TLS" : "off"],
    ["shaping of the wire", about.shaping],
  ].flatMap(([title, value]) => (value === undefined ? [] : [{ cells: [title!, value] as Content[] }]))
  const columns = [{ title: "", text: true }, ...about.nodes.map(node => ({ title: node.name, text: true }))]
  return new Markup(
    [
      table(
        "The run",
        [
          { title: "", text: true },
          { title: "", text: true },
        ],
        general,
      ),
      table("The machines", columns, rows),
    ]
      .map(({ html }) => html)
      .join(""),
  )
}
