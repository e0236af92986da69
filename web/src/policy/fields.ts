// Every field of a policy that is a single value: what it is called, what it does, and in which unit it is shown. The
// API checks the values; the bounds here only keep a slip of the finger from leaving the page.

export type Kind = 'count' | 'seconds' | 'share' | 'mbps' | 'choice' | 'switch'

export interface Field {
  path: string // in the policy's JSON, dots between
  label: string
  help: string
  kind: Kind
  min?: number
  max?: number
  choices?: readonly (readonly [value: string, label: string])[]
}

export interface Section {
  title: string
  lead: string
  fields: readonly Field[]
  folded?: boolean // for what is rarely touched
}

const signal = (name: string, label: string, help: string, cap: Kind, capHelp: string): Field[] => [
  { path: `signals.${name}.enabled`, label, help, kind: 'switch' },
  { path: `signals.${name}.cap`, label: `${label}: cap`, help: capHelp, kind: cap, min: 0 },
]

export const sections: readonly Section[] = [
  {
    title: 'Size',
    lead: 'How small and how large the cluster may be. Floors are kept whatever the load.',
    fields: [
      { path: 'max_nodes', label: 'Nodes at most', help: 'No plan ever goes beyond it. Your bill’s upper end.', kind: 'count', min: 1, max: 100_000 },
      { path: 'min_available', label: 'Available at least', help: 'Running nodes that take new clients. New transfers start on them without waiting for a boot.', kind: 'count', min: 0, max: 100_000 },
      { path: 'min_idle', label: 'Idle at least', help: 'Of the available ones, nodes without any session: a hot reserve for a crowd. 0 is right for most.', kind: 'count', min: 0, max: 100_000 },
      { path: 'warm_nodes', label: 'Warm (stopped) nodes', help: 'Stopped nodes that start in seconds instead of minutes. They cost their disks, not their hours.', kind: 'count', min: 0, max: 100_000 },
    ],
  },
  {
    title: 'Full and free',
    lead: 'When a node stops taking clients, and when it takes them again. Drag the two lines on the chart, or move them with the arrow keys.',
    fields: [
      { path: 'max_threshold', label: 'Full at', help: 'From this utilisation a node is “high”: it serves what it has and takes no new clients.', kind: 'share', min: 0.01, max: 1 },
      { path: 'min_threshold', label: 'Free again at', help: 'A high node takes clients again below this. The gap keeps nodes from flipping to and fro.', kind: 'share', min: 0, max: 1 },
    ],
  },
  {
    title: 'Service level',
    lead: 'What a client is promised. The number of nodes follows promises, not greed: one fast client launches nothing.',
    fields: [
      { path: 'session_rate_mbps', label: 'Promised to each session', help: 'A session counts for at most this. What it moves beyond is a gift of idle nodes.', kind: 'mbps', min: 0.001, max: 10_000_000 },
      { path: 'max_sessions', label: 'Sessions per node at most', help: 'A hard limit: beyond it a node refuses, and a client is told to try again.', kind: 'count', min: 1, max: 1_000_000 },
    ],
  },
  {
    title: 'Pace',
    lead: 'How fast it grows, and how patient it is before it shrinks.',
    fields: [
      { path: 'launch_limit.count', label: 'Launches at most', help: 'In the time beside it, failed ones included. A brake for runaway bills and shy clouds.', kind: 'count', min: 1, max: 100_000 },
      { path: 'launch_limit.per_seconds', label: 'in', help: 'The time that the limit of launches speaks of.', kind: 'seconds', min: 1, max: 86_400 },
      { path: 'scale_out_window_s', label: 'Wait before growing', help: 'Demand must last so long before a node is launched for it; floors never wait. 0 launches at once.', kind: 'seconds', min: 0, max: 86_400 },
      { path: 'scale_in_window_s', label: 'Wait before shrinking', help: 'A node must have been unneeded for so long before it is drained. Longer than your load’s swing keeps nodes from coming and going.', kind: 'seconds', min: 0, max: 86_400 },
      { path: 'drain_timeout_s', label: 'Drain at most for', help: 'Sessions of a draining node move; those that cannot may stay so long.', kind: 'seconds', min: 0, max: 2_678_400 },
      { path: 'disruption_budget', label: 'Drains at once', help: 'Most nodes that Godwit drains of its own will at one time. 0 sets no limit.', kind: 'count', min: 0, max: 100_000 },
    ],
  },
  {
    title: 'Upgrades',
    lead: 'How nodes are replaced when their template gets another version.',
    folded: true,
    fields: [
      { path: 'rollout.automatic', label: 'Begin by itself', help: 'As soon as nodes differ from the template; else somebody starts it.', kind: 'switch' },
      { path: 'rollout.surge', label: 'Nodes more than wanted', help: 'Meanwhile, draining ones included, on top of “nodes at most”.', kind: 'count', min: 0, max: 100_000 },
      { path: 'rollout.surge_percent', label: 'The same in percent', help: 'Of the nodes wanted, rounded up; the larger of the two counts.', kind: 'count', min: 0, max: 100 },
      { path: 'rollout.max_unavailable', label: 'Fewer than wanted', help: 'So many may be missing meanwhile. 0: as many serve as ever.', kind: 'count', min: 0, max: 100_000 },
      { path: 'rollout.max_failures', label: 'Failures at most', help: 'So many new nodes that come to nothing roll it back by itself.', kind: 'count', min: 1, max: 100_000 },
    ],
  },
  {
    title: 'Forecast',
    lead: 'Learns the week’s rhythm from the load and can launch before it comes.',
    fields: [
      {
        path: 'forecast',
        label: 'Forecast',
        help: 'Shadow predicts and is scored, and changes nothing: look at its score before you let it act.',
        kind: 'choice',
        choices: [
          ['off', 'off'],
          ['shadow', 'shadow: score it'],
          ['on', 'on: act on it'],
        ],
      },
    ],
  },
  {
    title: 'Signals',
    lead: 'What counts as utilisation: the largest of these, each against its cap. Caps of 0 take the node’s own.',
    folded: true,
    fields: [
      ...signal('send', 'Sending', 'Promised demand towards clients.', 'mbps', '0: the node’s own cap.'),
      ...signal('receive', 'Receiving', 'Promised demand from clients.', 'mbps', '0: the node’s own cap.'),
      ...signal('cpu', 'CPU', 'Busy share of all cores, without what traffic beyond the promise costs.', 'share', '0: all of it.'),
      ...signal('buffer', 'Receive buffer', 'How full it is: a slow disk shows here first.', 'share', '0: all of it.'),
      ...signal('sessions', 'Sessions', 'Their number.', 'count', '0: the hard limit of sessions.'),
    ],
  },
  {
    title: 'When nodes fail',
    lead: 'How long to hope before a node is replaced.',
    folded: true,
    fields: [
      { path: 'launch_timeout_s', label: 'Time to come up', help: 'From request to running; after that the launch has failed and another is tried.', kind: 'seconds', min: 1, max: 86_400 },
      { path: 'report_timeout_s', label: 'Silent until lost', help: 'Without a report for so long a node is lost; after half of it, degraded.', kind: 'seconds', min: 2, max: 86_400 },
      { path: 'degraded_grace_s', label: 'Time to heal', help: 'A degraded node may recover for so long before it is replaced.', kind: 'seconds', min: 0, max: 86_400 },
      { path: 'lost_grace_s', label: 'Time to come back', help: 'A lost node may return for so long before it is terminated.', kind: 'seconds', min: 0, max: 86_400 },
    ],
  },
]

export const fields: readonly Field[] = sections.flatMap((x) => x.fields)
const byPath = new Map(fields.map((f) => [f.path, f]))

export const fieldOf = (path: string): Field | undefined => byPath.get(path)
