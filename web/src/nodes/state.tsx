import type { NodeState, Pool } from '../api/types'
import s from '../ui/ui.module.css'

// Shape tells a node's state; colour tells a running node's pool. Words say both again.
export type Shape = 'hexagon' | 'seed' | 'egg' | 'shield' | 'dot' | 'square' | 'diamond' | 'ring'

export const shapes: Record<NodeState, Shape> = {
  requested: 'seed',
  launching: 'seed',
  booting: 'egg',
  starting: 'egg',
  running: 'hexagon',
  draining: 'shield',
  terminating: 'dot',
  terminated: 'dot',
  stopping: 'square',
  stopped: 'square',
  failed: 'diamond',
  lost: 'ring',
}

export const stateMeaning: Record<NodeState, string> = {
  requested: 'asked of the provider',
  launching: 'the provider starts it',
  booting: 'started, not yet joined',
  starting: 'wakes from the warm pool',
  running: 'serves clients',
  draining: 'finishes what it has, takes no more',
  terminating: 'is being ended',
  terminated: 'has ended',
  stopping: 'goes to the warm pool',
  stopped: 'waits in the warm pool',
  failed: 'did not come up',
  lost: 'is silent',
}

export const poolMeaning: Record<Pool, string> = {
  idle: 'no sessions',
  low: 'takes new clients',
  high: 'serves what it has, takes no new clients',
  degraded: 'a service or a report is unhealthy',
}

// hexagon has its points up and radius r, around the origin.
export function hexagon(r: number): [number, number][] {
  return Array.from({ length: 6 }, (_, i) => {
    const a = (Math.PI / 3) * i - Math.PI / 2
    return [r * Math.cos(a), r * Math.sin(a)]
  })
}

const f = (n: number) => n.toFixed(2)

// outline is the path of a shape in a cell of radius r around the origin. Corners are a little round.
export function outline(shape: Shape, r: number): string {
  switch (shape) {
    case 'hexagon':
    case 'egg':
      return rounded(hexagon(r), r * 0.22)
    case 'seed':
      return rounded(hexagon(r * 0.6), r * 0.15)
    case 'shield':
      return rounded([[-0.87 * r, -0.62 * r], [0.87 * r, -0.62 * r], [0.87 * r, 0.18 * r], [0, r], [-0.87 * r, 0.18 * r]], r * 0.16)
    case 'diamond':
      return rounded([[0, -0.95 * r], [0.95 * r, 0], [0, 0.95 * r], [-0.95 * r, 0]], r * 0.12)
    case 'square':
      return rounded([[-0.68 * r, -0.68 * r], [0.68 * r, -0.68 * r], [0.68 * r, 0.68 * r], [-0.68 * r, 0.68 * r]], r * 0.14)
    case 'dot':
      return circle(r * 0.38)
    case 'ring':
      return circle(r * 0.85)
  }
}

function circle(r: number): string {
  return `M${f(-r)} 0A${f(r)} ${f(r)} 0 1 1 ${f(r)} 0A${f(r)} ${f(r)} 0 1 1 ${f(-r)} 0Z`
}

function rounded(points: [number, number][], by: number): string {
  const n = points.length
  let d = ''
  for (let i = 0; i < n; i++) {
    const [px, py] = points[(i + n - 1) % n]!
    const [x, y] = points[i]!
    const [qx, qy] = points[(i + 1) % n]!
    const a = by / Math.hypot(px - x, py - y)
    const b = by / Math.hypot(qx - x, qy - y)
    d += `${i ? 'L' : 'M'}${f(x + (px - x) * a)} ${f(y + (py - y) * a)}Q${f(x)} ${f(y)} ${f(x + (qx - x) * b)} ${f(y + (qy - y) * b)}`
  }
  return d + 'Z'
}

export function Glyph({ state, pool, size = 14 }: { state: NodeState; pool?: string | undefined; size?: number }) {
  const shape = shapes[state]
  const colour = state === 'running' && pool ? `var(--pool-${pool})` : state === 'failed' || state === 'lost' ? 'var(--bad)' : 'var(--pool-none)'
  const hollow = shape !== 'hexagon' && shape !== 'dot' && shape !== 'diamond'
  return (
    <svg width={size} height={size} viewBox="-11 -11 22 22" aria-hidden="true">
      <path
        d={outline(shape, 9.5)}
        fill={hollow ? 'none' : colour}
        stroke={colour}
        strokeWidth={2.2}
        strokeDasharray={shape === 'egg' || shape === 'seed' || shape === 'ring' ? '4 2.500' : undefined}
      />
    </svg>
  )
}

export function StateLabel({ state, pool }: { state: NodeState; pool?: string | undefined }) {
  return (
    <span className={s.pool} title={stateMeaning[state] + (pool ? `; ${poolMeaning[pool as Pool]}` : '')}>
      <Glyph state={state} pool={pool} />
      {state}
      {pool ? <span className="dim">· {pool}</span> : null}
    </span>
  )
}
