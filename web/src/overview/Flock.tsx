import { useElementSize } from '@mantine/hooks'
import { Link, useNavigate } from '@tanstack/react-router'
import { useMemo, useState, type CSSProperties } from 'react'
import type { FlockNode, NodeState } from '../api/types'
import { count, percent, plural, rate } from '../format/format'
import { Glyph, outline, shapes } from '../nodes/state'
import { keep } from '../shell/cluster'
import { byAge, comb, place, tally, type Comb } from './flock'
import s from './flock.module.css'
import { FlockCanvas } from './FlockCanvas'

// Above this many nodes the flock is drawn on a canvas: a browser's tree is too slow for tens of thousands of shapes.
const drawn = 400

// Above this many the water stands still: waves are for looking at, not for heating a laptop.
const waving = 100

export function Flock({ nodes, cluster, height = 236 }: { nodes: FlockNode[]; cluster?: string | undefined; height?: number }) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const [hovered, setHovered] = useState<string>()
  const navigate = useNavigate()
  const sorted = useMemo(() => [...nodes].sort(byAge), [nodes])
  const c = comb(sorted.length, Math.max(width, 200), height)
  const top = Math.max(0, (height - c.height) / 2)
  const at = sorted.findIndex((n) => n.id === hovered)
  const node = sorted[at]
  const open = (n: FlockNode) => void navigate({ to: '/nodes/$id', params: { id: n.id }, search: keep(cluster) })
  return (
    <div className={s.flock}>
      <div ref={ref} className={s.field} style={{ height: Math.max(height, c.height) }} onMouseLeave={() => setHovered(undefined)}>
        {width > 0 && sorted.length <= drawn ? (
          <svg width={width} height={Math.max(height, c.height)} role="group" aria-label={`${plural(nodes.length, 'node')}, one cell each`}>
            <defs>
              <pattern id="hatch" width="6" height="6" patternTransform="rotate(45)" patternUnits="userSpaceOnUse">
                <rect width="2.500" height="6" fill="var(--panel)" opacity="0.5" />
              </pattern>
            </defs>
            <g className={s.comb} style={{ transform: `translateY(${top}px)` }}>
              {sorted.map((n, i) => (
                <Cell key={n.id} node={n} comb={c} index={i} waves={sorted.length <= waving} on={setHovered} open={open} />
              ))}
            </g>
          </svg>
        ) : null}
        {width > 0 && sorted.length > drawn ? (
          <FlockCanvas nodes={sorted} comb={c} on={(n) => setHovered(n?.id)} open={open} />
        ) : null}
        {node ? <Card node={node} comb={c} index={at} top={top} /> : null}
      </div>
      <ul className={s.legend} aria-label="Nodes by pool and state">
        {tally(nodes).map((t) => (
          <li key={t.key}>
            <Link to="/nodes" search={{ ...keep(cluster), ...(t.pool ? { pool: t.pool } : { state: t.state }) }}>
              <Glyph state={t.state as NodeState} pool={t.pool} size={13} />
              <b className="num">{count(t.n)}</b> {t.key}
            </Link>
          </li>
        ))}
      </ul>
    </div>
  )
}

interface CellProps {
  node: FlockNode
  comb: Comb
  index: number
  waves: boolean
  on: (id: string | undefined) => void
  open: (n: FlockNode) => void
}

const describe = (n: FlockNode) =>
  `${n.name}: ${n.state}${n.pool ? `, ${n.pool}` : ''}${n.state === 'running' ? `, ${Math.round(n.utilization * 100)} % by ${n.signal || 'nothing yet'}` : ''}, ${plural(n.sessions, 'session')}`

// Cell is one node: its shape is the state, its colour the pool, and the water in it stands as high as the node is used.
function Cell({ node: n, comb: c, index, waves, on, open }: CellProps) {
  const [x, y] = place(c, index)
  const r = c.radius
  const shape = shapes[n.state as NodeState] ?? 'dot'
  const works = n.state === 'running' || n.state === 'draining'
  const tone = n.state === 'running' ? n.pool || 'none' : 'none'
  const colour = n.state === 'failed' || n.state === 'lost' ? 'var(--bad)' : `var(--pool-${tone})`
  const d = outline(shape, r)
  const level = Math.min(1, Math.max(0, n.utilization))
  const flows = waves && n.send_bps + n.receive_bps > 1000
  const clip = `clip-${n.id}`
  return (
    <a
      href={`/nodes/${n.id}`}
      className={s.cell}
      style={{ transform: `translate(${x}px, ${y}px)` }}
      aria-label={describe(n)}
      onMouseEnter={() => on(n.id)}
      onFocus={() => on(n.id)}
      onBlur={() => on(undefined)}
      onClick={(e) => {
        if (e.metaKey || e.ctrlKey) return
        e.preventDefault()
        open(n)
      }}
    >
      <g className={s.born}>
        <path d={d} fill={works && tone !== 'none' ? `var(--pool-${tone}-soft)` : 'var(--sunk)'} />
        {works ? (
          <>
            <clipPath id={clip}>
              <path d={d} />
            </clipPath>
            <g clipPath={`url(#${clip})`}>
              <g className={s.water} style={{ transform: `translateY(${r * (1 - 2 * Math.max(level, 0.04))}px)` }}>
                <path className={flows ? s.wave : undefined} style={{ '--drift': `${2 * r}px` } as CSSProperties} d={wave(r, flows ? Math.min(0.09, 0.03 + level * 0.08) : 0)} fill={colour} />
              </g>
              {n.pool === 'degraded' ? <rect x={-r} y={-r} width={2 * r} height={2 * r} fill="url(#hatch)" /> : null}
            </g>
          </>
        ) : null}
        <path
          d={d}
          fill={shape === 'dot' || shape === 'diamond' ? colour : 'none'}
          stroke={colour}
          strokeWidth={Math.max(1.2, r / 13)}
          strokeDasharray={shape === 'egg' || shape === 'seed' || shape === 'ring' ? `${(r / 4).toFixed(1)} ${(r / 5).toFixed(1)}` : undefined}
          className={shape === 'egg' || shape === 'seed' ? s.hatching : undefined}
        />
        {works && r >= 20 ? (
          <text className={s.figure} y={r * 0.13} fontSize={r * 0.38}>
            {Math.round(level * 100)}
          </text>
        ) : null}
      </g>
    </a>
  )
}

// wave is water from its surface at 0 down, one wave longer than the cell so that it can drift by one.
function wave(r: number, height: number): string {
  const w = 2 * r
  const a = height * r * 2
  let d = `M${-1.5 * w} 0`
  for (let i = 0; i < 2; i++) d += `q${w / 4} ${-a} ${w / 2} 0t${w / 2} 0`
  return `${d}V${2.1 * r}H${-1.5 * w}Z`
}

// Card shows the numbers of the cell under the pointer, beside it.
function Card({ node: n, comb: c, index, top }: { node: FlockNode; comb: Comb; index: number; top: number }) {
  const [x, y] = place(c, index)
  const left = x > c.width / 2
  return (
    <div className={s.card} role="status" style={{ top: Math.max(0, y + top - 48), ...(left ? { right: c.width - x + c.radius + 8 } : { left: x + c.radius + 8 }) }}>
      <strong>{n.name}</strong>
      <span>
        {n.state}
        {n.pool ? ` · ${n.pool}` : ''}
        {n.state === 'running' ? ` · ${percent(n.utilization)}${n.signal ? ` ${n.signal}` : ''}` : ''}
      </span>
      <span className="num">
        in {rate(n.receive_bps)} · out {rate(n.send_bps)}
      </span>
      <span>{plural(n.sessions, 'session')}</span>
    </div>
  )
}
