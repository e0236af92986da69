// The chart's figures: what comes in goes up from the middle, what goes out goes down, each before its own capacity.
import type { Marker, Series } from '../api/types'

// Columns are aligned lists as uPlot takes them; seconds, then bits per second. Outgoing values are negative.
export interface Columns {
  at: number[]
  in: number[]
  out: number[]
  // Upper edges of capacity by pool, stacked from the middle: high, low, idle, and what is left (degraded).
  up: [number[], number[], number[], number[]]
  down: [number[], number[], number[], number[]]
}

// columns splits the pools' capacity, which the API gives for both directions together, in the ratio of the directions'
// capacities: exact where nodes of one template have one ratio.
export function columns(s: Series): Columns {
  const n = s.at.length
  const c: Columns = {
    at: s.at.map((t) => Date.parse(t) / 1000),
    in: s.receive_bps,
    out: s.send_bps.map((v) => -v),
    up: [[], [], [], []],
    down: [[], [], [], []],
  }
  for (let i = 0; i < n; i++) {
    const up = s.receive_cap_bps[i] ?? 0
    const down = s.send_cap_bps[i] ?? 0
    const both = up + down
    let sum = 0
    for (const [layer, pool] of [s.capacity_high_bps, s.capacity_low_bps, s.capacity_idle_bps].entries()) {
      sum = Math.min(both, sum + (pool[i] ?? 0))
      c.up[layer]!.push(both ? (sum * up) / both : 0)
      c.down[layer]!.push(both ? (-sum * down) / both : 0)
    }
    c.up[3].push(up)
    c.down[3].push(-down)
  }
  return c
}

// reach is the scale's ends: room for capacity and traffic, and never nothing.
export function reach(c: Columns): [number, number] {
  const top = Math.max(1e6, ...c.in, ...c.up[3])
  const bottom = Math.max(1e6, ...c.out.map((v) => -v), ...c.down[3].map((v) => -v))
  return [-bottom * 1.08, top * 1.08]
}

// leastWindow is shown of a young cluster: its history would else be a sliver at the edge.
const leastWindow = 120

// stretch is the stretch of time that the chart shows, in seconds: all there is, up to most.
export function stretch(at: number[], now: number, most: number): [number, number] {
  const to = (at.at(-1) ?? now) + 1
  const first = at[0] ?? to
  return [Math.max(to - most, Math.min(first, to - leastWindow)), to]
}

export interface MarkerGroup {
  x: number // share of the window, 0 to 1
  markers: Marker[] // newest first
}

// groupMarkers puts decisions on the window's time line; those closer than near (a share) are one.
export function groupMarkers(markers: Marker[], from: number, to: number, near: number): MarkerGroup[] {
  const groups: MarkerGroup[] = []
  const inside = markers
    .map((m) => ({ m, t: Date.parse(m.at) / 1000 }))
    .filter(({ t }) => t >= from && t <= to)
    .sort((a, b) => b.t - a.t)
  for (const { m, t } of inside) {
    const x = (t - from) / (to - from)
    const last = groups.at(-1)
    if (last && last.x - x < near) last.markers.push(m)
    else groups.push({ x, markers: [m] })
  }
  return groups
}

// perMinute is the chart as a table: the last point of each minute, newest first.
export function perMinute(s: Series): { at: string; in: number; out: number; capIn: number; capOut: number; nodes: number }[] {
  const rows = new Map<number, number>()
  s.at.forEach((t, i) => rows.set(Math.floor(Date.parse(t) / 60_000), i))
  return [...rows.values()].reverse().map((i) => ({
    at: s.at[i]!,
    in: s.receive_bps[i] ?? 0,
    out: s.send_bps[i] ?? 0,
    capIn: s.receive_cap_bps[i] ?? 0,
    capOut: s.send_cap_bps[i] ?? 0,
    nodes: s.nodes[i] ?? 0,
  }))
}

const symbols: [string, string][] = [
  ['launch', '+'],
  ['undrain', '↺'],
  ['drain', '−'],
  ['terminate', '×'],
  ['lost', '!'],
]

// symbol is a decision's kind as one sign; the words are beside it.
export function symbol(kind: string): string {
  const found = symbols.find(([word]) => kind.split('+').some((k) => k === word || k.replaceAll('_', '').replaceAll('-', '') === word))
  return found?.[1] ?? '•'
}
