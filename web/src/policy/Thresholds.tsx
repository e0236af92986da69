import { useElementSize } from '@mantine/hooks'
import { useQuery } from '@tanstack/react-query'
import { useMemo, type KeyboardEvent, type PointerEvent } from 'react'
import { nodesQuery } from '../api/queries'
import { percent, plural } from '../format/format'
import s from './policy.module.css'
import { band, moved, parted, trace } from './thresholds'

interface Props {
  cluster: string
  min: number
  max: number
  onChange: (which: 'min' | 'max', v: number) => void
}

const height = 190
const left = 40
const right = 46
const top = 12
const bottom = 22
const each = 40 // above this many nodes quantiles are drawn in place of lines
const slots = 61

const y = (v: number) => top + (1 - Math.min(1, Math.max(0, v))) * (height - top - bottom)

// Thresholds is the nodes' utilisation with the two lines that decide what full and free mean; both can be pulled.
export function Thresholds({ cluster, min, max, onChange }: Props) {
  const { ref, width } = useElementSize<HTMLDivElement>()
  const { data } = useQuery({ ...nodesQuery({ cluster, history: true }), refetchInterval: 30_000 })
  const running = useMemo(() => (data ?? []).filter((n) => n.state === 'running'), [data])
  const traces = useMemo(() => running.map(trace).filter((t) => t.length > 1), [running])
  const now = running.map((n) => n.utilization?.value ?? 0)
  const p = parted(now, min, max)
  const w = Math.max(width, 200) - left - right
  const path = (t: number[]) => t.slice(-slots).map((v, i, all) => `${i ? 'L' : 'M'}${(left + w - ((all.length - 1 - i) / (slots - 1)) * w).toFixed(1)} ${y(v).toFixed(1)}`).join('')
  const lines = traces.length > each ? [band(traces, 0.1), band(traces, 0.5), band(traces, 0.9), band(traces, 1)] : traces
  return (
    <figure className={s.figure}>
      <div ref={ref} className={s.chart} style={{ height }}>
        <svg width="100%" height={height} role="img" aria-label={`Utilisation of ${plural(running.length, 'running node')}, 15 minutes: ${said(p)}`}>
          {[0, 0.25, 0.5, 0.75, 1].map((v) => (
            <g key={v}>
              <line x1={left} x2={left + w} y1={y(v)} y2={y(v)} stroke="var(--line)" />
              <text x={left - 6} y={y(v) + 4} textAnchor="end" className={s.tick}>
                {v * 100}
              </text>
            </g>
          ))}
          <rect x={left} width={w} y={top} height={Math.max(0, y(max) - top)} fill="var(--pool-high-soft)" opacity="0.55" />
          <rect x={left} width={w} y={y(min)} height={Math.max(0, height - bottom - y(min))} fill="var(--pool-low-soft)" opacity="0.5" />
          {lines.map((t, i) => (
            <path key={i} d={path(t)} fill="none" stroke="var(--ink-2)" strokeWidth="1.3" opacity={traces.length > each ? 0.8 : 0.45} />
          ))}
          {now.slice(0, 400).map((v, i) => (
            <circle key={running[i]!.id} cx={left + w} cy={y(v)} r="4" fill={`var(--pool-${v >= max ? 'high' : 'low'})`} stroke="var(--panel)" strokeWidth="1.5" />
          ))}
          <text x={left} y={height - 6} className={s.tick}>
            15 min ago
          </text>
          <text x={left + w} y={height - 6} textAnchor="end" className={s.tick}>
            now
          </text>
        </svg>
        <Handle which="max" label="Full at" value={max} other={min} onChange={onChange} />
        <Handle which="min" label="Free again at" value={min} other={max} onChange={onChange} />
      </div>
      <figcaption className="dim">
        {running.length ? said(p) : 'No node runs now.'} Lines are traffic against caps{traces.length > each ? ' (a tenth, half, nine tenths and all of the nodes below)' : ''}; dots are utilisation now, by the signal that decides.
      </figcaption>
    </figure>
  )
}

const said = (p: ReturnType<typeof parted>): string => `${plural(p.full, 'node')} full, ${p.between} between the lines (as they were), ${p.free} free.`

interface HandleProps {
  which: 'min' | 'max'
  label: string
  value: number
  other: number
  onChange: Props['onChange']
}

const steps: Record<string, number> = { ArrowUp: 0.01, ArrowRight: 0.01, ArrowDown: -0.01, ArrowLeft: -0.01, PageUp: 0.05, PageDown: -0.05 }

function Handle({ which, label, value, other, onChange }: HandleProps) {
  const pull = (e: PointerEvent<HTMLDivElement>) => {
    if (e.buttons === 0 || !e.currentTarget.hasPointerCapture(e.pointerId)) return
    const box = e.currentTarget.parentElement!.getBoundingClientRect()
    onChange(which, moved(which, 1 - (e.clientY - box.top - top) / (height - top - bottom), other))
  }
  const press = (e: KeyboardEvent) => {
    const to = e.key === 'Home' ? 0 : e.key === 'End' ? 1 : value + (steps[e.key] ?? NaN)
    if (Number.isNaN(to)) return
    e.preventDefault()
    onChange(which, moved(which, to, other))
  }
  return (
    <div
      className={s.handle}
      data-which={which}
      style={{ top: y(value), left, right: 0 }}
      role="slider"
      tabIndex={0}
      aria-label={label}
      aria-orientation="vertical"
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(value * 100)}
      aria-valuetext={percent(value)}
      onPointerDown={(e) => {
        e.currentTarget.setPointerCapture(e.pointerId)
        e.currentTarget.focus()
      }}
      onPointerMove={pull}
      onKeyDown={press}
    >
      <span>{percent(value)}</span>
    </div>
  )
}
