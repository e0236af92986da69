// What the chart of thresholds draws: utilisation of nodes over time, and how two thresholds part them.
import type { Node } from '../api/types'

// trace is a node's traffic against its caps, oldest first: the fuller of both directions. Without caps there is none.
export function trace(n: Pick<Node, 'history' | 'send_bps' | 'receive_bps' | 'send_cap_bps' | 'receive_cap_bps'>): number[] {
  const of = (bps: number, cap: number) => (cap > 0 ? bps / cap : 0)
  if (n.send_cap_bps <= 0 && n.receive_cap_bps <= 0) return []
  const past = (n.history?.send_bps ?? []).map((send, i) => Math.max(of(send, n.send_cap_bps), of(n.history?.receive_bps[i] ?? 0, n.receive_cap_bps)))
  return [...past, Math.max(of(n.send_bps, n.send_cap_bps), of(n.receive_bps, n.receive_cap_bps))]
}

// band reads quantiles over many traces, slot by slot from the newest; slots that no trace reaches are left out.
export function band(traces: number[][], q: number): number[] {
  const longest = Math.max(0, ...traces.map((t) => t.length))
  const out: number[] = []
  for (let back = longest - 1; back >= 0; back--) {
    const at = traces.flatMap((t) => (t.length > back ? [t[t.length - 1 - back]!] : [])).sort((a, b) => a - b)
    out.push(at[Math.min(at.length - 1, Math.floor(q * at.length))] ?? 0)
  }
  return out
}

export interface Parted {
  free: number
  between: number // keep the side they are on
  full: number
}

// parted counts running nodes by where their utilisation lies.
export function parted(values: number[], min: number, max: number): Parted {
  const out = { free: 0, between: 0, full: 0 }
  for (const v of values) {
    if (v >= max) out.full++
    else if (v >= min) out.between++
    else out.free++
  }
  return out
}

// moved is a threshold after a pull to v: whole per cents, inside 0–1, and never across the other one.
export function moved(which: 'min' | 'max', v: number, other: number): number {
  const p = Math.round(v * 100)
  const o = Math.round(other * 100)
  return (which === 'max' ? Math.min(100, Math.max(p, o + 1)) : Math.max(0, Math.min(p, o - 1))) / 100
}
