// Where the cells of the flock go: a honeycomb as large as fits, oldest node first, so that nobody moves but those behind
// one that left.
import type { FlockNode } from '../api/types'

export interface Comb {
  radius: number
  columns: number
  width: number
  height: number
  left: number // of the first cell's row: the comb stands in the middle of its field
}

const gap = 1.14 // distance of neighbours, in their own size
const root3 = Math.sqrt(3)

// comb finds the largest radius, from max down to min, with which n cells fit into width × height. With the smallest
// one the height grows instead.
export function comb(n: number, width: number, height: number, max = 54, min = 2): Comb {
  for (let r = max; ; r -= r > 12 ? 1 : 0.5) {
    const dx = root3 * r * gap
    const columns = Math.max(1, Math.floor((width - dx / 2) / dx))
    const rows = Math.ceil(n / columns)
    const h = rows ? (rows - 1) * 1.5 * r * gap + 2 * r : 0
    if (h <= height || r <= min) {
            const used = Math.min(columns, Math.max(n, 1))
      return { radius: r, columns, width, height: Math.max(h, 2 * r) + 4, left: Math.max(0, (width - dx * (used + (rows > 1 ? 0.5 : 0))) / 2) }
    }
  }
}

// place is the centre of cell i.
export function place(c: Comb, i: number): [number, number] {
  const row = Math.floor(i / c.columns)
  const column = i % c.columns
  const dx = root3 * c.radius * gap
  return [c.left + dx * (column + 0.5 + (row % 2 ? 0.5 : 0)), c.radius + 2 + row * 1.5 * c.radius * gap]
}

// cellAt is the index of the cell under a point, or -1.
export function cellAt(c: Comb, n: number, x: number, y: number): number {
  const row = Math.round((y - c.radius - 2) / (1.5 * c.radius * gap))
  const dx = root3 * c.radius * gap
  const column = Math.round((x - c.left) / dx - 0.5 - (row % 2 ? 0.5 : 0))
  const i = row * c.columns + column
  if (row < 0 || column < 0 || column >= c.columns || i >= n) return -1
  const [cx, cy] = place(c, i)
  return Math.hypot(x - cx, y - cy) <= c.radius ? i : -1
}

// Ids begin with the time they were made: their order is the nodes' age.
export const byAge = (a: FlockNode, b: FlockNode): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

export interface Count {
  key: string
  state: FlockNode['state']
  pool: string | undefined
  n: number
}

const order = ['idle', 'low', 'high', 'degraded']

// tally counts the flock by pool, and by state where there is no pool.
export function tally(nodes: FlockNode[]): Count[] {
  const counts = new Map<string, Count>()
  for (const n of nodes) {
    const pool = n.state === 'running' ? n.pool || undefined : undefined
    const key = pool ?? n.state
    const c = counts.get(key) ?? { key, state: n.state, pool, n: 0 }
    c.n++
    counts.set(key, c)
  }
  const rank = (c: Count) => (c.pool ? order.indexOf(c.pool) : order.length)
  return [...counts.values()].sort((a, b) => rank(a) - rank(b) || (a.key < b.key ? -1 : 1))
}
